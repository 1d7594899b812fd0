"""Promises that move earlier (decisions.md D-4): when rules change, and when a recall gives room in a budget.

Nothing ever moves later here. Nobody but each message's sender ever learns that it moved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision
from etherapy.rules.judgement import decide
from etherapy.rules.parts import NO_PART
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Counted, Facts
from etherapy.server.acceptance import earlier_promise, reader_of, window_of
from etherapy.server.parts import Ctx
from etherapy.server.weighing import SENDER_ROLES
from etherapy.store.database import Record
from etherapy.store.earlier import Earlier
from etherapy.store.messages import DayRecord
from etherapy.store.threads import ThreadFacts
from etherapy.tep.epoch import parse_commit
from etherapy.tep.receipts import parse_receipt
from etherapy.tep.statements import Promise


@dataclass(frozen=True, slots=True)
class Weighing:
    """A thread whose waiting messages are weighed by these rules, and the sheet that states them."""

    thread: bytes
    rules: Rules
    """As they hold for everybody, covers included."""
    parts: Mapping[bytes, bytes]
    """account -> its own part of the sheet; whoever is not in it has none."""
    r: int
    rules_hash: bytes
    covers: Mapping[bytes, str]
    """Chain -> `Cover.by`."""

    def rules_of(self, row: Record) -> Rules:
        """The rules for one waiting message: its sender's, and those covers alone for whom it is sealed
        (A-4)."""
        rules = self.rules
        if row["commit"] is not None:
            roster = {each.chain_id for each in parse_commit(row["commit"]).core.roster}
            sealed_for = {by for chain, by in self.covers.items() if chain in roster}
            rules = rules.covered_by(cover for cover in rules.covers if cover.by in sealed_for)
        return rules.with_part(self.parts.get(row["account_id"], NO_PART))


def weighing_of(thread: bytes, facts: ThreadFacts, rules: Rules) -> Weighing:
    """A thread by the rules that are in force; `rules` as they hold for everybody."""
    covers = {member.chain: account.hex() for account, member in facts.members.items()}
    parts = {account: member.part for account, member in facts.members.items()}
    return Weighing(thread, rules, parts, facts.rules_rev, facts.rules_hash, covers)


async def improve(ctx: Ctx, threads: Sequence[Weighing]) -> tuple[list[Earlier], list[bytes]]:
    """Waiting messages that new rules bring forward, and the hashes of the promises of all that were weighed.

    Limits were settled when each was accepted and are not asked again: what they kept back stays so until
    then, and a budget or a pause of now does not reach back.
    """
    by_thread = {one.thread: one for one in threads}
    rows = await ctx.parts.threads.held(ctx.caller, ctx.now, list(by_thread))
    found = []
    for row in rows:
        one, at = by_thread[row["thread_id"]], _weighed_at(ctx, row)
        rules = one.rules_of(row)
        decision = decide(rules, _attempt(row, at, max(at, row["ready_at"] or at)), Facts())
        if _is_earlier(decision, row):
            found.append(_moved(ctx, one, row, rules, decision, row["ready_at"], row["counts_at"]))
    return found, [row["promise_hash"] for row in rows]


def refund(
    ctx: Ctx, one: Weighing, rows: Iterable[Record], sent: Mapping[bytes, Counted], known: Facts
) -> list[Earlier]:
    """What of one sender's goes earlier once another of its messages counts no more.

    `rows` are its waiting messages in the order of acceptance, `sent` what still counts, by mid. Those that
    limits kept back are weighed as if they were sent now; one that moves takes the room from those behind it.
    """
    counts, found = dict(sent), []
    for row in rows:
        if row["ready_at"] is None or not row["by_client"]:
            continue
        others = {mid: taken for mid, taken in counts.items() if mid != row["mid"]}
        facts = Facts(known.turn_reply_by, None, known.turn_urgent, known.turn, tuple(others.values()))
        rules = one.rules_of(row)
        decision = decide(rules, _attempt(row, _weighed_at(ctx, row), None), facts)
        if _is_earlier(decision, row):
            found.append(_moved(ctx, one, row, rules, decision, decision.not_before, decision.counts_at))
            counts[row["mid"]] = Counted(
                row["accepted_at"], decision.counts_at, row["service_class"], row["size"], row["turn"]
            )
    return found


def _weighed_at(ctx: Ctx, row: Record) -> datetime:
    """Now, but not before it was accepted: by a process whose clock is a little ahead of this one's."""
    accepted_at: datetime = row["accepted_at"]
    return max(ctx.now, accepted_at)


def _attempt(row: Record, at: datetime, ready_at: datetime | None) -> Attempt:
    return Attempt(
        at=at,
        by_client=row["by_client"],
        service_class=row["service_class"],
        size=row["size"],
        role=SENDER_ROLES[row["role"]],
        account=row["account_id"].hex(),
        ready_at=ready_at,
        accepted_before=True,
    )


def _is_earlier(decision: Decision, row: Record) -> bool:
    kept, new = row["release_at"], decision.release_at
    return new is not None and decision.code != "declined" and (kept is None or new < kept)


def _moved(
    ctx: Ctx,
    one: Weighing,
    row: Record,
    rules: Rules,
    decision: Decision,
    ready_at: datetime | None,
    counts_at: datetime | None,
) -> Earlier:
    """The message with its revised promise, and what the day's leaf will hold of it (A-6)."""
    new, kept = decision.release_at, row["release_at"]
    assert new is not None
    reply_by = min((at for at in (row["reply_by"], decision.reply_by) if at is not None), default=None)
    old = Promise.unpack(parse_receipt(row["promise"]).core)
    receipt, named = earlier_promise(old, new, reply_by, one.r, one.rules_hash, ctx.parts.secrets)
    record = {
        "act": "promise.earlier",
        "thread": row["thread_id"].hex(),
        "account": row["account_id"].hex(),
        "at": ctx.now.isoformat(),
        "release_at": new.isoformat(),
        "was": None if kept is None else kept.isoformat(),
    }
    return Earlier(
        account=row["account_id"],
        mid=row["mid"],
        release_at=new,
        reply_by=reply_by,
        ready_at=ready_at,
        counts_at=counts_at,
        window_at=window_of(rules, decision) if row["by_client"] else None,
        notice_at=decision.notice_at,
        reader=reader_of(decision),
        promise=receipt,
        promise_hash=named,
        day=DayRecord(ctx.now, ctx.parts.random(16), ctx.parts.random(32), canonical_json(record)),
    )
