"""What a command made of a message, as it is answered: its receipt, or why not (A-9, decisions.md D-31)."""

from datetime import timedelta

from etherapy.binary import B64, Hash32
from etherapy.protocol.messages import Sent
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import (
    AlreadyPlaced,
    MidTaken,
    NoSeat,
    NoSuchMessage,
    NoSuchThread,
    NotHeld,
    ThreadClosed,
    Unverified,
)
from etherapy.server.acceptance import Weighed, after_acceptance
from etherapy.server.parts import Ctx
from etherapy.server.saying import Asked
from etherapy.server.signed_answers import entry_bytes, sent_answer, stale_epoch
from etherapy.store.messages import SentRow
from etherapy.store.threads import ThreadFacts
from etherapy.tep.envelope import Envelope
from etherapy.tep.placing import ItemType

SEQUENCED_SOON = timedelta(seconds=1)
"""When the audit leaf of a message that was placed at once is looked for; many share one round."""


def answer_send(
    ctx: Ctx, thread: bytes, body: Asked, facts: ThreadFacts, weighed: Weighed, row: SentRow
) -> Sent:
    """What a stored or refused acceptance is answered with; the facts it leaves are remembered."""
    key = (ctx.caller.practice, thread)
    if row.outcome == "accepted":
        ctx.parts.memory.keep(key, after_acceptance(facts, weighed, row))
        due = weighed.acceptance.release_at if row.placed is None else ctx.now + SEQUENCED_SOON
        if due is not None:
            ctx.parts.expect(ctx.caller.practice, due)
    elif row.outcome == "again":
        ctx.mark_repeated()
    else:
        ctx.parts.memory.forget(key)
        raise _refusal(row)
    return sent_answer(
        ctx.parts.secrets, thread, facts, weighed.acceptance.account, row, body.zone, body.language
    )


async def first_answer(
    ctx: Ctx, thread: bytes, body: Asked, facts: ThreadFacts, account: bytes, envelope: Envelope
) -> Sent | None:
    """The answer to a message that was taken before, whatever the rules say of it by now (D-31); None: it
    was not. `account` is the caller's. MidTaken: its id has other bytes."""
    row = await ctx.parts.threads.message(ctx.caller, ctx.now, thread, envelope.header.mid)
    if row is None:
        return None
    if row.item_hash != envelope.item_hash:
        raise MidTaken(Hash32(row.item_hash))
    ctx.mark_repeated()
    return sent_answer(ctx.parts.secrets, thread, facts, account, row, body.zone, body.language)


def refuse_end(row: SentRow) -> None:
    """What keeps a message from being taken back or replaced."""
    if row.outcome == "no_message":
        raise NoSuchMessage()
    if row.outcome == "already_placed" and row.placed is not None:
        raise AlreadyPlaced(B64(entry_bytes(row.placed, ItemType.ENVELOPE)), row.placed.placed_at)
    if row.outcome == "not_held":
        raise NotHeld()
    if row.outcome in ("revoked", "other_class"):
        raise Unverified("device" if row.outcome == "revoked" else "class")


def _refusal(row: SentRow) -> Problem:
    if row.outcome == "mid_taken":
        return MidTaken(Hash32(row.item_hash))
    if row.outcome == "stale_epoch":
        return stale_epoch(row.newest)
    kinds: dict[str, type[Problem]] = {"closed": ThreadClosed, "no_seat": NoSeat, "no_thread": NoSuchThread}
    return kinds[row.outcome]()
