"""Sending, taking back, and asking what became of it."""

from datetime import timedelta

import msgspec

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.messages import (
    AskPreview,
    Explanation,
    ExplanationQuery,
    Previewed,
    Recall,
    SendMessage,
    Sent,
    Waiting,
    WaitingMessage,
)
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import (
    AlreadyPlaced,
    Busy,
    MidTaken,
    NoSeat,
    NoSuchMessage,
    NoSuchThread,
    NotHeld,
    ThreadClosed,
    Unverified,
)
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision
from etherapy.rules.explain import Parties, explain_to_client, explain_to_therapist
from etherapy.server.acceptance import CLIENT_SIDE, Weighed, after_acceptance, weigh_attempt, weigh_envelope
from etherapy.server.facts import check_zone, fresh_facts
from etherapy.server.judging import expect, readable
from etherapy.server.memory import rules_of
from etherapy.server.parts import Ctx
from etherapy.server.signed_answers import entry_bytes, sent_answer, sign_status, stale_epoch, words_for
from etherapy.store.threads import DayRecord, SentRow, ThreadFacts
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.placing import ItemType
from etherapy.tep.recall import RecallMode, SignedRecall, parse_recall, recall_verifies
from etherapy.tep.statements import State, StatusReason

SEQUENCED_SOON = timedelta(seconds=1)
"""When the audit leaf of a message that was placed at once is looked for; many share one round."""


async def preview(ctx: Ctx, thread: bytes, body: AskPreview) -> Previewed:
    """What would happen to a message that is sent now; nothing is stored."""
    check_zone(body.zone)
    facts, account = await fresh_facts(ctx, thread)
    decision = weigh_attempt(
        facts, facts.members[account], ctx.now, body.service_class, body.urgent, body.size
    )
    return Previewed(decision, words_for(decision, facts, account, body.zone))


async def send_message(ctx: Ctx, thread: bytes, body: SendMessage) -> Sent:
    """Take a sealed message: hold it under a signed promise, or place it, and tell whoever waits for it."""
    check_zone(body.zone)
    with readable():
        envelope = parse_envelope(body.envelope)
    expect(envelope.header.thread == thread, "thread")
    key = (ctx.caller.practice, thread)
    async with ctx.parts.memory.turn(key):
        for again in range(4):
            facts = None if again else ctx.parts.memory.recall(key)
            remembered = facts is not None
            if facts is None:
                facts, _ = await fresh_facts(ctx, thread)
            try:
                weighed = weigh_envelope(
                    facts, envelope, body.envelope, ctx.now, ctx.parts.secrets, ctx.parts.random
                )
            except Problem as refusal:
                if remembered:
                    continue
                if isinstance(refusal, Unverified):
                    ctx.spend("device", envelope.header.device, 1)  # A-9, step 5
                raise
            row = await ctx.parts.threads.accept(ctx.caller, ctx.now, weighed.acceptance)
            ctx.parts.hub.tell(ctx.caller.practice, row.told)
            if row.outcome != "moved":
                return _answer_send(ctx, thread, body.zone, facts, weighed, row)
    raise Busy()


def _answer_send(
    ctx: Ctx, thread: bytes, zone: str, facts: ThreadFacts, weighed: Weighed, row: SentRow
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
    return sent_answer(ctx.parts.secrets, thread, facts, weighed.acceptance.account, row, zone)


def _refusal(row: SentRow) -> Problem:
    if row.outcome == "mid_taken":
        return MidTaken(Hash32(row.item_hash))
    if row.outcome == "stale_epoch":
        return stale_epoch(row.newest)
    kinds: dict[str, type[Problem]] = {"closed": ThreadClosed, "no_seat": NoSeat, "no_thread": NoSuchThread}
    return kinds[row.outcome]()


async def read_message(ctx: Ctx, thread: bytes, mid: bytes) -> Sent:
    """Receipt, decision and present state of an own message. While it waits, a Status says so as of now
    (A-4)."""
    row = await ctx.parts.threads.message(ctx.caller, ctx.now, thread, mid)
    if row is None:
        raise NoSuchMessage()
    facts, account = await fresh_facts(ctx, thread)
    status = None
    if row.state == "held":
        status = sign_status(
            ctx.parts.secrets,
            State.HELD,
            StatusReason.NONE,
            facts.generation,
            thread,
            mid,
            row.item_hash,
            bytes(32),
            ctx.now,
        )
    return sent_answer(ctx.parts.secrets, thread, facts, account, row, status=status)


async def explain_message(ctx: Ctx, thread: bytes, mid: bytes, query: ExplanationQuery) -> Explanation:
    """Why a message was decided as it was, in words for the one who asks."""
    check_zone(query.zone)
    row = await ctx.parts.threads.decision(ctx.caller, ctx.now, thread, mid)
    if row is None:
        raise NoSuchMessage()
    facts, _ = await fresh_facts(ctx, thread)
    decision = msgspec.json.decode(row["decision"], type=Decision)
    rules = rules_of(facts.rules)
    here = rules.timetable.zone_name
    if row["role"] in CLIENT_SIDE:
        summary = explain_to_client(decision, rules, Parties(facts.owner_name, query.zone or here))
    else:  # where the client is now is nobody else's to know: the practice's wall alone
        summary = explain_to_therapist(decision, rules, Parties(facts.owner_name, here))
    return Explanation(
        decision, row["accepted_at"], row["release_at"], row["reply_by"], row["placed_at"], list(summary)
    )


async def recall_message(ctx: Ctx, thread: bytes, body: Recall) -> Sent:
    """Take back a message that is still held; nobody but its sender ever learns of it."""
    check_zone(body.zone)
    with readable():
        signed = parse_recall(body.recall)
    recall = signed.recall
    expect(recall.thread == thread and recall.mode == RecallMode.RECALL, "recall")
    facts, account = await fresh_facts(ctx, thread)
    owner, sign_pk = facts.devices.get(recall.device, (b"", b""))
    expect(owner == account and recall_verifies(signed, sign_pk), "signature")
    row = await _take_back(ctx, thread, account, signed, facts)
    ctx.parts.hub.tell(ctx.caller.practice, row.told)
    ctx.parts.memory.forget((ctx.caller.practice, thread))
    if row.outcome == "no_message":
        raise NoSuchMessage()
    if row.outcome == "already_placed" and row.placed is not None:
        raise AlreadyPlaced(B64(entry_bytes(row.placed, ItemType.ENVELOPE)), row.placed.placed_at)
    if row.outcome == "not_held":
        raise NotHeld()
    if row.outcome == "again":
        ctx.mark_repeated()
    return sent_answer(ctx.parts.secrets, thread, facts, account, row, body.zone)


async def _take_back(
    ctx: Ctx, thread: bytes, account: bytes, signed: SignedRecall, facts: ThreadFacts
) -> SentRow:
    recall = signed.recall
    status = sign_status(
        ctx.parts.secrets,
        State.RECALLED,
        StatusReason.SENDER,
        facts.generation,
        thread,
        recall.mid,
        recall.item_hash,
        signed.recall_hash,
        ctx.now,
    )
    record = {
        "act": "message.recalled",
        "thread": thread.hex(),
        "account": account.hex(),
        "at": ctx.now.isoformat(),
    }
    day = DayRecord(ctx.now, ctx.parts.random(16), ctx.parts.random(32), canonical_json(record))
    whole = signed.core + signed.sig
    return await ctx.parts.threads.recall(
        ctx.caller, ctx.now, thread, account, recall.mid, recall.item_hash, whole, status, day
    )


async def read_waiting(ctx: Ctx, thread: bytes) -> Waiting:
    """Own messages of a thread that are still held, oldest first."""
    rows = await ctx.parts.threads.waiting(ctx.caller, ctx.now, thread)
    return Waiting(
        [
            WaitingMessage(
                Id16(row["mid"]),
                B64(row["envelope"]),
                B64(row["promise"]),
                msgspec.json.decode(row["decision"], type=Decision),
            )
            for row in rows
        ]
    )
