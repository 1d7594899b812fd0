"""Commits that were lost with a restore, brought back by any member (tep_amendments.md A-8).

A commit proves itself: it follows the newest one and is signed by a device of its own roster. One that let
somebody in is made anew instead, for the consents may be lost as well.
"""

from etherapy.protocol.healing import Outcome
from etherapy.protocol.problem import Problem
from etherapy.server.judging import expect
from etherapy.server.parts import Ctx
from etherapy.server.succession import chains_of, check_commit, new_epoch, prepare_turnover, read_filed
from etherapy.store.rosters import NewEpoch, Roster
from etherapy.tep.epoch import Commit, parse_commit
from etherapy.tep.malformed import Malformed

_LOOKS = 8


async def heal_commit(ctx: Ctx, thread: bytes, whole: bytes, restored_n: int) -> Outcome:
    """Place a lost commit again: placed, known (this epoch has begun, with it or another), or refused."""
    try:
        commit = parse_commit(whole)
    except Malformed:
        return "refused"
    for _ in range(_LOOKS):
        roster = await ctx.parts.membership.roster(
            ctx.caller, ctx.now, thread, min(commit.core.view[0], restored_n), commit.core.consents
        )
        if commit.core.epoch <= roster.epoch:
            return "known"
        try:
            new = await _prepare(ctx, thread, commit, whole, roster, restored_n)
        except Problem:
            return "refused"
        row = await ctx.parts.membership.commit(ctx.caller, ctx.now, thread, new)
        ctx.parts.hub.tell(ctx.caller.practice, row.told)
        ctx.parts.memory.forget((ctx.caller.practice, thread))
        if row.outcome != "look_again":
            return "placed" if row.outcome == "placed" else "refused"
    return "refused"


async def _prepare(
    ctx: Ctx, thread: bytes, commit: Commit, whole: bytes, roster: Roster, restored_n: int
) -> NewEpoch:
    expect(commit.core.prev == roster.commit_hash, "prev")
    chains = chains_of(roster)
    filed = read_filed(await ctx.parts.membership.papers(ctx.caller, ctx.now, thread))
    changes = check_commit(thread, commit, roster, chains, filed, ctx.now, restored_n)
    expect(not changes.added, "members")
    turnover = await prepare_turnover(ctx, thread, commit, roster, chains, filed, changes)
    return new_epoch(commit, whole, roster, turnover)
