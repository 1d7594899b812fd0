"""Somebody leaves a thread by their own signed word (tep.md §5.4)."""

from typing import Final

from etherapy.protocol.membership import LeaveThread
from etherapy.protocol.problems import Busy
from etherapy.server.admission import audit_leaf
from etherapy.server.judging import expect, readable, verified
from etherapy.server.parts import Ctx
from etherapy.server.returning import held_of, sign_returns
from etherapy.tep.chain import verify_chain
from etherapy.tep.leaving import SignedLeave, leave_verifies, parse_leave
from etherapy.tep.statements import StatusReason

MOST_LOOKS: Final = 8
"""How often is looked again when something was sent between the look and the command."""


async def leave_thread(ctx: Ctx, thread: bytes, body: LeaveThread) -> None:
    """Leave a thread: nothing is shown from now on, and what waits goes back. The same Leave again changes
    nothing."""
    with readable():
        signed = parse_leave(body.leave)
    key = (ctx.caller.practice, thread)
    async with ctx.parts.memory.turn(key):
        for _ in range(MOST_LOOKS):
            outcome = await _leave(ctx, thread, signed)
            ctx.parts.memory.forget(key)
            if outcome == "again":
                ctx.mark_repeated()
            if outcome != "look_again":
                expect(outcome in ("left", "again"), outcome)
                return
    raise Busy()


async def _leave(ctx: Ctx, thread: bytes, signed: SignedLeave) -> str:
    me = await ctx.parts.people.person(ctx.caller, ctx.now)
    account, leave = me["account_id"], signed.leave
    place = await ctx.parts.people.practice(ctx.caller.practice)
    rows = await ctx.parts.people.chain(ctx.caller, ctx.now, me["chain_id"], 0)
    with verified():
        chain = verify_chain([row["link"] for row in rows])
    expect(place is not None and (leave.thread, leave.home) == (thread, place["home"]), "home")
    expect(leave_verifies(signed, chain), "signature")
    held = await held_of(ctx, [account], None, thread)
    returns = sign_returns(ctx, held, StatusReason.USER_REMOVED, signed.leave_hash, ctx.now)
    audit = audit_leaf(
        ctx.parts.random, "thread.left", thread=thread, account=account, at=ctx.now.isoformat()
    )
    said = await ctx.parts.membership.leave(
        ctx.caller,
        ctx.now,
        thread,
        signed.leave_hash,
        signed.whole,
        returns.mids,
        returns.statuses,
        audit,
    )
    ctx.parts.hub.tell(ctx.caller.practice, said.told)
    if said.outcome == "left":
        ctx.parts.expect(ctx.caller.practice, ctx.now)
    return said.outcome
