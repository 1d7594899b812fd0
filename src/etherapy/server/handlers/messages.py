"""Sending, and asking what became of it."""

from typing import Literal

import msgspec

from etherapy.binary import B64
from etherapy.protocol.messages import (
    AskPreview,
    Explanation,
    ExplanationQuery,
    MessageRecord,
    Previewed,
    SendMessage,
    Sent,
)
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import (
    Busy,
    CardNotShown,
    Declined,
    NoSuchMessage,
    NoSuchThread,
    Unverified,
)
from etherapy.rules.decision import Decision
from etherapy.rules.explain import (
    Parties,
    explain_sooner,
    explain_standing,
    explain_to_client,
    explain_to_therapist,
)
from etherapy.rules.languages import words_in
from etherapy.rules.replay import answer
from etherapy.server.acceptance import weigh_envelope
from etherapy.server.facts import check_zone, fresh_facts
from etherapy.server.judging import expect, readable
from etherapy.server.outcomes import answer_send, first_answer
from etherapy.server.parts import Ctx
from etherapy.server.saying import words_for
from etherapy.server.signed_answers import sent_answer, sign_status
from etherapy.server.weighing import question_of, rules_for, with_sent
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.statements import State, StatusReason


async def preview(ctx: Ctx, thread: bytes, body: AskPreview) -> Previewed:
    """What would happen to a message that is sent now; nothing is stored."""
    check_zone(body.zone)
    facts, account = await fresh_facts(ctx, thread)
    facts = await with_sent(ctx, thread, facts, account)
    question = question_of(
        facts, account, ctx.now, body.service_class, body.urgent, body.size, body.at_once_because
    )
    decision = answer(rules_for(facts, account), question)
    return Previewed(decision, words_for(decision, facts, account, body.zone, body.language))


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
            me = b""
            if facts is None:
                facts, me = await fresh_facts(ctx, thread)
            account, _ = facts.devices.get(envelope.header.device, (b"", b""))
            facts = await with_sent(ctx, thread, facts, account)
            try:
                weighed = weigh_envelope(facts, envelope, body, ctx.now, ctx.parts.secrets, ctx.parts.random)
            except Problem as refusal:
                if remembered:
                    continue
                if isinstance(refusal, Unverified):
                    ctx.spend("device", envelope.header.device, 1)  # A-9, step 5
                if isinstance(refusal, Declined | CardNotShown):
                    if account != me:  # what the rules say of somebody else's message is theirs to know
                        raise NoSuchThread() from None
                    if before := await first_answer(ctx, thread, body, facts, me, envelope):
                        return before
                raise
            row = await ctx.parts.threads.accept(ctx.caller, ctx.now, weighed.acceptance)
            ctx.parts.hub.tell(ctx.caller.practice, row.told)
            if row.outcome != "moved":
                return answer_send(ctx, thread, body, facts, weighed, row)
    raise Busy()


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
    facts, account = await fresh_facts(ctx, thread)
    decision = msgspec.json.decode(row["decision"], type=Decision)
    words = words_in(query.language)
    rules = rules_for(facts, account)
    here = rules.timetable.zone_name
    voice: Literal["client", "therapist"]
    if row["role"] in CLIENT_SIDE:
        voice, parties = "client", Parties(facts.owner_name, query.zone or here, row["by_client"])
        summary = explain_to_client(decision, rules, parties, words)
    else:  # where the client is now is nobody else's to know: the practice's wall alone
        reader = facts.owner_name if row["by_client"] else ""
        voice, parties = "therapist", Parties(reader, here, row["by_client"])
        summary = explain_to_therapist(decision, rules, parties, words)
    release_at, reply_by = row["release_at"], row["reply_by"]
    summary += explain_sooner(decision, release_at, reply_by, rules, voice, parties, words)
    if row["own"] and row["by_client"] and row["placed_at"] is None:
        summary += explain_standing(release_at, decision, rules, words)
    return Explanation(decision, row["accepted_at"], release_at, reply_by, row["placed_at"], list(summary))


async def read_record(ctx: Ctx, thread: bytes, mid: bytes) -> MessageRecord:
    """What one of one's own messages was decided on, and the decision, byte for byte (G9)."""
    row = await ctx.parts.threads.record(ctx.caller, ctx.now, thread, mid)
    if row is None:
        raise NoSuchMessage()
    return MessageRecord(B64(row["question"]), B64(row["decision"]), B64(row["promise"]))
