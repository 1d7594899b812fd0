"""What waits: taking it back, putting another message in its place, asking for it (A-4)."""

import msgspec

from etherapy.binary import B64, Id16
from etherapy.protocol.messages import (
    AllWaiting,
    OpenEarly,
    Recall,
    Replace,
    Sent,
    Waiting,
    WaitingMessage,
    WaitingPlace,
)
from etherapy.protocol.problems import Busy, CardNotShown, Declined, NoSuchMessage, OpeningForbidden
from etherapy.rules.calendar import instant
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.rule import Facts
from etherapy.server.acceptance import Before, weigh_envelope
from etherapy.server.admission import audit_leaf
from etherapy.server.earlier import refund, weighing_of
from etherapy.server.facts import check_zone, fresh_facts
from etherapy.server.judging import expect, readable
from etherapy.server.memory import rules_of
from etherapy.server.outcomes import SEQUENCED_SOON, answer_send, first_answer, refuse_end
from etherapy.server.parts import Ctx
from etherapy.server.signed_answers import sent_answer, sign_status
from etherapy.server.weighing import rules_for
from etherapy.store.database import Record
from etherapy.store.earlier import Earlier
from etherapy.store.messages import DayRecord, Ended, SentRow
from etherapy.store.threads import ThreadFacts
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.recall import RecallMode, SignedRecall, parse_recall, recall_verifies
from etherapy.tep.receipts import parse_receipt
from etherapy.tep.statements import Promise, State, StatusReason


async def recall_message(ctx: Ctx, thread: bytes, body: Recall) -> Sent:
    """Take back a message that is still held; nobody but its sender ever learns of it."""
    check_zone(body.zone)
    signed = _read_recall(thread, body.recall, RecallMode.RECALL)
    async with ctx.parts.memory.turn((ctx.caller.practice, thread)):
        for _ in range(4):
            facts, account = await fresh_facts(ctx, thread)
            _check_signer(facts, account, signed)
            version, earlier = await _refund(ctx, thread, facts, account, signed.recall.mid)
            ended = _ended(ctx, thread, account, signed, facts)
            row = await ctx.parts.threads.recall(
                ctx.caller, ctx.now, thread, account, ended, version, earlier
            )
            ctx.parts.hub.tell(ctx.caller.practice, row.told)
            if row.outcome != "moved":
                break
        else:
            raise Busy()
    ctx.parts.memory.forget((ctx.caller.practice, thread))
    refuse_end(row)
    if row.outcome == "again":
        ctx.mark_repeated()
    for one in earlier:
        ctx.parts.expect(ctx.caller.practice, one.release_at)
    return sent_answer(ctx.parts.secrets, thread, facts, account, row, body.zone, body.language)


async def replace_message(ctx: Ctx, thread: bytes, body: Replace) -> Sent:
    """Put a message in the place of one that waits or came back; it keeps the first time of acceptance."""
    check_zone(body.zone)
    signed = _read_recall(thread, body.recall, RecallMode.REPLACE)
    with readable():
        envelope = parse_envelope(body.envelope)
    expect(envelope.header.thread == thread, "thread")
    expect(signed.recall.new_item_hash == envelope.item_hash, "recall")
    async with ctx.parts.memory.turn((ctx.caller.practice, thread)):
        for _ in range(4):
            facts, account = await fresh_facts(ctx, thread)
            _check_signer(facts, account, signed)
            before = await ctx.parts.threads.message(ctx.caller, ctx.now, thread, signed.recall.mid)
            if before is None or before.item_hash != signed.recall.item_hash:
                raise NoSuchMessage()
            old = _before(before, await _held(ctx, thread, account))
            try:
                weighed = weigh_envelope(
                    facts, envelope, body, ctx.now, ctx.parts.secrets, ctx.parts.random, old
                )
            except (Declined, CardNotShown):
                if before.recall == signed.core + signed.sig and (
                    done := await first_answer(ctx, thread, body, facts, account, envelope)
                ):
                    return done
                raise
            expect(weighed.acceptance.account == account, "device")
            earlier: list[Earlier] = []
            if weighed.acceptance.counts_at != old.decision.counts_at:  # urgent now: it counts no more
                _, earlier = await _refund(ctx, thread, facts, account, signed.recall.mid)
            ended = _ended(ctx, thread, account, signed, facts)
            row = await ctx.parts.threads.replace(ctx.caller, ctx.now, ended, weighed.acceptance, earlier)
            ctx.parts.hub.tell(ctx.caller.practice, row.told)
            if row.outcome != "moved":
                refuse_end(row)
                answer = answer_send(ctx, thread, body, facts, weighed, row)
                ctx.parts.memory.forget((ctx.caller.practice, thread))  # the old one counts no more
                for one in earlier:
                    ctx.parts.expect(ctx.caller.practice, one.release_at)
                return answer
    raise Busy()


async def open_early(ctx: Ctx, thread: bytes, body: OpenEarly) -> None:
    """Place what clients have waiting here, whatever is there, for a reason that is on record (D-32).

    The answer does not say how much that was; the practice can rule it out.
    """
    facts, account = await fresh_facts(ctx, thread)
    if not rules_of(facts.rules).the(Bounds, ctx.now).open_early:
        raise OpeningForbidden()
    at, random = ctx.now.isoformat(), ctx.parts.random
    leaf = audit_leaf(random, "thread.opened_early", thread=thread, by=account, reason=body.reason, at=at)
    told = await ctx.parts.threads.open_early(ctx.caller, ctx.now, thread, leaf)
    ctx.parts.memory.forget((ctx.caller.practice, thread))
    ctx.parts.hub.tell(ctx.caller.practice, told)
    ctx.parts.expect(ctx.caller.practice, ctx.now + SEQUENCED_SOON)


async def read_waiting(ctx: Ctx, thread: bytes) -> Waiting:
    """Own messages of a thread that are held, or were returned within 30 days, oldest first."""
    rows = await ctx.parts.threads.waiting(ctx.caller, ctx.now, thread)
    return Waiting(
        [
            WaitingMessage(
                Id16(row["mid"]),
                B64(row["envelope"]),
                B64(row["promise"]),
                msgspec.json.decode(row["decision"], type=Decision),
                row["state"],
                None if row["status"] is None else B64(row["status"]),
            )
            for row in rows
        ]
    )


async def read_all_waiting(ctx: Ctx) -> AllWaiting:
    """Where something of one's own waits or came back, by thread and sending device."""
    rows = await ctx.parts.threads.all_waiting(ctx.caller, ctx.now)
    return AllWaiting(
        [
            WaitingPlace(Id16(row["thread_id"]), Id16(row["device_id"]), row["held"], row["returned"])
            for row in rows
        ]
    )


def _read_recall(thread: bytes, data: bytes, mode: RecallMode) -> SignedRecall:
    with readable():
        signed = parse_recall(data)
    expect(signed.recall.thread == thread and signed.recall.mode == mode, "recall")
    return signed


def _check_signer(facts: ThreadFacts, account: bytes, signed: SignedRecall) -> None:
    """By a device of the sender; whether it is active, the command finds out."""
    owner, sign_pk = facts.devices.get(signed.recall.device, (b"", b""))
    expect(owner == account and recall_verifies(signed, sign_pk), "signature")


async def _held(ctx: Ctx, thread: bytes, account: bytes) -> list[Record]:
    """What of this member waits, in the order of acceptance."""
    rows = await ctx.parts.threads.held(ctx.caller, ctx.now, [thread])
    return [row for row in rows if row["account_id"] == account]


async def _refund(
    ctx: Ctx, thread: bytes, facts: ThreadFacts, account: bytes, ended: bytes
) -> tuple[int | None, list[Earlier]]:
    """What goes earlier once this message counts no more, and the version on which that was weighed.

    None: its sender's rules count nothing, so nothing hangs on what else there is.
    """
    lookback = rules_for(facts, account).lookback
    if not lookback:
        return None, []
    sent = await ctx.parts.threads.sent_since(ctx.caller, ctx.now, thread, ctx.now - lookback)
    rows = [row for row in await _held(ctx, thread, account) if row["mid"] != ended]
    known = Facts(turn_reply_by=facts.turn_reply_by, turn_urgent=facts.turn_urgent, turn=facts.turn)
    sent.pop(ended, None)
    weighing = weighing_of(thread, facts, rules_of(facts.rules))
    return facts.version, refund(ctx, weighing, rows, sent, known)


def _before(row: SentRow, held: list[Record]) -> Before:
    """The old message as its newest promise and its columns have it; the recorded decision may be older."""
    promise = Promise.unpack(parse_receipt(row.promise_now or row.promise).core)
    decision = msgspec.structs.replace(
        msgspec.json.decode(row.decision, type=Decision),
        release_at=instant(promise.release_at) if promise.release_at else None,
        reply_by=instant(promise.reply_by) if promise.reply_by else None,
    )
    for one in held:
        if one["mid"] == promise.mid:
            decision = msgspec.structs.replace(
                decision, not_before=one["ready_at"], counts_at=one["counts_at"]
            )
    return Before(decision, instant(promise.counted_from))


def _ended(ctx: Ctx, thread: bytes, account: bytes, signed: SignedRecall, facts: ThreadFacts) -> Ended:
    """The end of the old message: its Status, and what the day's leaf will hold of it (A-6)."""
    recall, replaces = signed.recall, signed.recall.mode == RecallMode.REPLACE
    status = sign_status(
        ctx.parts.secrets,
        State.REPLACED if replaces else State.RECALLED,
        StatusReason.SENDER,
        facts.generation,
        thread,
        recall.mid,
        recall.item_hash,
        signed.recall_hash,
        ctx.now,
    )
    record = {
        "act": "message.replaced" if replaces else "message.recalled",
        "thread": thread.hex(),
        "account": account.hex(),
        "at": ctx.now.isoformat(),
    }
    day = DayRecord(ctx.now, ctx.parts.random(16), ctx.parts.random(32), canonical_json(record))
    return Ended(recall.mid, recall.item_hash, recall.device, signed.core + signed.sig, status, day)
