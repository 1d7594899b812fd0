"""New epochs: the server checks all that it can see, and places the commit at once (tep_amendments.md
A-5)."""

from typing import Final

from etherapy.binary import B64
from etherapy.protocol.problems import Busy, StaleChain, ThreadClosed
from etherapy.protocol.threads import Commit, Committed
from etherapy.server.judging import readable
from etherapy.server.parts import Ctx
from etherapy.server.signed_answers import entry_bytes, head_at, stale_epoch
from etherapy.server.succession import chains_of, check_commit, new_epoch, prepare_turnover, read_filed
from etherapy.store.messages import SentRow
from etherapy.store.rosters import NewEpoch, Turnover
from etherapy.tep.epoch import Commit as ParsedCommit
from etherapy.tep.epoch import parse_commit
from etherapy.tep.placing import ItemType

LAST_POSITION: Final = 2**63 - 1
MOST_LOOKS: Final = 8
"""How often is looked again when people, rules or what waits changed between the look and the command."""


async def commit_epoch(ctx: Ctx, thread: bytes, body: Commit) -> Committed:
    """Start the next epoch of a thread. The same commit again gives the same answer."""
    with readable():
        commit = parse_commit(body.commit)
    row = await _place(ctx, thread, commit, body.commit)
    if row.outcome == "stale_epoch":
        raise stale_epoch(row.newest)
    if row.outcome == "moved":
        raise StaleChain()
    if row.outcome == "closed" or row.placed is None:
        raise ThreadClosed()
    if row.outcome == "again":
        ctx.mark_repeated()
    return Committed(
        B64(entry_bytes(row.placed, ItemType.COMMIT)), head_at(ctx.parts.secrets, thread, row.placed)
    )


async def _place(ctx: Ctx, thread: bytes, commit: ParsedCommit, whole: bytes) -> SentRow:
    """What the command answered. What waits is never a reason to refuse: it is looked at again, while
    nobody else in this process sends in the thread."""
    key = (ctx.caller.practice, thread)
    async with ctx.parts.memory.turn(key):
        for again in range(MOST_LOOKS):
            new = await _prepare(ctx, thread, commit, whole, spend=not again)
            row = await ctx.parts.membership.commit(ctx.caller, ctx.now, thread, new)
            ctx.parts.hub.tell(ctx.caller.practice, row.told)
            ctx.parts.memory.forget(key)
            if row.outcome == "look_again":
                continue
            if row.outcome == "placed":
                _expect(ctx, new.turnover)
            return row
    raise Busy()


async def _prepare(ctx: Ctx, thread: bytes, commit: ParsedCommit, whole: bytes, spend: bool) -> NewEpoch:
    """The commit with all that follows from it. One that the newest epoch has overtaken is not looked into:
    the database knows whether it is placed or comes too late."""
    core, membership = commit.core, ctx.parts.membership
    roster = await membership.roster(
        ctx.caller, ctx.now, thread, min(core.view[0], LAST_POSITION), core.consents
    )
    then = Turnover(present=())
    chains = chains_of(roster)
    if core.epoch > roster.epoch:
        if core.prev != roster.commit_hash:
            raise stale_epoch(roster.newest)
        if spend:
            ctx.spend("commit", roster.device + thread, 1)
        filed = read_filed(await membership.papers(ctx.caller, ctx.now, thread))
        changes = check_commit(thread, commit, roster, chains, filed, ctx.now)
        then = await prepare_turnover(ctx, thread, commit, roster, chains, filed, changes)
    return new_epoch(commit, whole, roster, then)


def _expect(ctx: Ctx, then: Turnover) -> None:
    """Wake the worker for the audit leaf, and when somebody's time here is over."""
    ends = [one.until for one in then.come if one.until is not None]
    for at in [ctx.now] * (then.audit is not None) + ends:
        ctx.parts.expect(ctx.caller.practice, at)
