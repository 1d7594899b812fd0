"""After a restore: what the server says of it, and what devices bring back (tep_amendments.md A-8)."""

from collections.abc import Sequence

from etherapy.binary import B64, Hash32
from etherapy.protocol.healing import (
    Generation,
    Heal,
    Healed,
    HealedItem,
    LostItem,
    Outcome,
    ThreadGeneration,
)
from etherapy.server.facts import fresh_facts
from etherapy.server.healing import Claim, carried_over, lost_message, lost_recall, order, read_claim
from etherapy.server.healing_commits import heal_commit
from etherapy.server.parts import Ctx
from etherapy.store.database import Record
from etherapy.store.healing import Standing
from etherapy.store.threads import ThreadFacts
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import ZEROS_32


async def read_generation(ctx: Ctx) -> Generation:
    """The practice's generation; after a restore with the server's signed statement."""
    row = await ctx.parts.healing.generation(ctx.caller, ctx.now)
    statement = None if row is None else row["statement"]
    return Generation(1 if row is None else row["generation"], None if statement is None else B64(statement))


async def read_thread_generation(ctx: Ctx, thread: bytes) -> ThreadGeneration:
    """Where a thread was taken up again by the newest restore."""
    row = await ctx.parts.healing.thread_generation(ctx.caller, ctx.now, thread)
    return ThreadGeneration(0, None) if row is None else ThreadGeneration(row["n"], B64(row["mark"]))


async def heal_thread(ctx: Ctx, thread: bytes, body: Heal) -> Healed:
    """Take back what the server had promised before a restore, under the old times; each item by itself."""
    epochs = await _heal_commits(ctx, thread, body.commits)
    facts, caller = await fresh_facts(ctx, thread)
    claims = [_claim(ctx, item, facts, thread) for item in body.items]
    commits = [one.envelope.header.commit_hash for one in claims if one is not None and one.envelope]
    mark_n, standings = await ctx.parts.healing.standings(ctx.caller, ctx.now, thread, commits)
    done: dict[int, HealedItem] = {}
    in_order = sorted((order(one), at) for at, one in enumerate(claims) if one is not None)
    for _, at in in_order:
        claim = claims[at]
        assert claim is not None
        done[at] = await _heal(ctx, facts, caller, claim, mark_n, standings)
    ctx.parts.memory.forget((ctx.caller.practice, thread))
    items = [done.get(at, HealedItem(Hash32(ZEROS_32), "refused")) for at in range(len(claims))]
    return Healed(items, epochs)


async def _heal_commits(ctx: Ctx, thread: bytes, commits: Sequence[bytes]) -> list[Outcome]:
    if not commits:
        return []
    mark_n, _ = await ctx.parts.healing.standings(ctx.caller, ctx.now, thread, [])
    if mark_n is None:
        return ["refused"] * len(commits)
    return [await heal_commit(ctx, thread, bytes(one), mark_n - 1) for one in commits]


def _claim(ctx: Ctx, item: LostItem, facts: ThreadFacts, thread: bytes) -> Claim | None:
    try:
        return read_claim(item, facts, thread, ctx.parts.secrets)
    except Malformed:
        return None


async def _heal(
    ctx: Ctx,
    facts: ThreadFacts,
    caller: bytes,
    claim: Claim,
    mark_n: int | None,
    standings: dict[bytes, Standing],
) -> HealedItem:
    item_hash, secrets = Hash32(claim.promise.item_hash), ctx.parts.secrets
    if mark_n is None:
        return HealedItem(item_hash, "refused")
    if claim.recall is not None:
        if claim.account != caller:
            return HealedItem(item_hash, "refused")
        recall = lost_recall(claim, facts, ctx.now, secrets, ctx.parts.random)
        return _answer(item_hash, True, await ctx.parts.healing.recall(ctx.caller, ctx.now, recall))
    assert claim.envelope is not None
    standing = standings.get(claim.envelope.header.commit_hash)
    if standing is None:
        return HealedItem(item_hash, "no_epoch")
    try:
        promise = carried_over(claim, facts, mark_n, standing, secrets)
    except Malformed:
        return HealedItem(item_hash, "refused")
    message = lost_message(claim, promise, facts, secrets, ctx.parts.random)
    row = await ctx.parts.healing.message(ctx.caller, ctx.now, message)
    ctx.parts.hub.tell(ctx.caller.practice, row["told"])
    if row["outcome"] == "held" and message.lost.release_at is not None:
        ctx.parts.expect(ctx.caller.practice, message.lost.release_at)
    return _answer(item_hash, claim.account == caller, row)


def _answer(item_hash: Hash32, own: bool, row: Record) -> HealedItem:
    """What its sender is told; anybody else learns only what can be seen in the thread."""
    outcome: Outcome = row["outcome"]
    if not own:
        seen: Outcome = outcome if outcome in ("placed", "no_seat", "refused") else "taken"
        return HealedItem(item_hash, seen)
    promise, status = row["promise"], row["status"]
    return HealedItem(
        item_hash,
        outcome,
        None if promise is None else B64(promise),
        None if status is None else B64(status),
    )
