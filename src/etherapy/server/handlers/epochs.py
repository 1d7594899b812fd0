"""New epochs: the server checks all that it can see, and places the commit at once (tep_amendments.md
A-5)."""

from etherapy.binary import B64
from etherapy.protocol.problems import StaleChain, ThreadClosed
from etherapy.protocol.threads import Commit, Committed
from etherapy.server.judging import expect, expect_newest, readable, verified
from etherapy.server.parts import Ctx
from etherapy.server.signed_answers import entry_bytes, head_at, stale_epoch
from etherapy.store.threads import Roster
from etherapy.tep import epoch as tep
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.placing import ItemType, thread_start

LAST_POSITION = 2**63 - 1


async def commit_epoch(ctx: Ctx, thread: bytes, body: Commit) -> Committed:
    """Start the next epoch of a thread. The same commit again gives the same answer."""
    with readable():
        commit = tep.parse_commit(body.commit)
    roster = await ctx.parts.threads.roster(
        ctx.caller, ctx.now, thread, min(commit.core.view[0], LAST_POSITION)
    )
    with verified():
        chains = {member.chain: verify_chain(member.links) for member in roster.members}
        if (
            commit.core.epoch > roster.epoch
        ):  # else it is placed already or comes too late: the database knows
            _check(commit.core, thread, roster)
            expect_newest(commit.core.roster, chains)
            tep.check_roster(commit, chains)
    row = await ctx.parts.threads.commit(
        ctx.caller,
        ctx.now,
        thread,
        epoch=commit.core.epoch,
        suite=commit.core.suite,
        prev=commit.core.prev,
        commit=body.commit,
        commit_hash=commit.commit_hash,
        heads=_heads(roster, chains),
        seats=commit.core.device_ids(),
    )
    ctx.parts.hub.tell(ctx.caller.practice, row.told)
    ctx.parts.memory.forget((ctx.caller.practice, thread))
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


def _check(core: tep.CommitCore, thread: bytes, roster: Roster) -> None:
    """What binds a commit to this thread and its people: nobody new, nobody left out, the charter in
    force."""
    expect(core.thread == thread and core.home == roster.home, "home")
    expect(core.suite >= roster.suite, "suite")
    members = {(member.chain, member.role) for member in roster.members}
    expect({(row.chain_id, row.role) for row in core.roster} == members, "members")
    expect(core.charter_hash == roster.charter_hash, "charter")
    n, t = core.view
    expect(t == (roster.t if n else thread_start(thread, roster.home)), "view")
    expect(not core.consents, "consents")  # nobody joins by a commit yet
    own = core.row_of(core.committer)
    mine = next(member.chain for member in roster.members if member.account == roster.caller)
    expect(own is not None and own.chain_id == mine, "committer")


def _heads(roster: Roster, chains: dict[bytes, Chain]) -> dict[bytes, bytes]:
    return {member.account: chains[member.chain].head for member in roster.members}
