"""From an envelope and the facts of its thread to a decision with its signed promise. Pure but for the
randomness handed in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from etherapy.protocol.messages import Replace, SendMessage
from etherapy.protocol.problems import CardNotShown, Declined, NoSuchThread, Unverified
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import Code, Decision
from etherapy.rules.kinds.urgent_channel import UrgentChannel
from etherapy.rules.replay import answer, keep_decision, keep_question
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import NO_REPLY_EXPECTED, Attempt, Counted
from etherapy.server.cards import card_of, card_recorded
from etherapy.server.keys import ServerSecrets
from etherapy.server.saying import words_for
from etherapy.server.weighing import question_of, rules_for, with_taken
from etherapy.store.messages import Acceptance, Call, SentRow
from etherapy.store.threads import ThreadFacts
from etherapy.tep import statements
from etherapy.tep.envelope import Envelope, envelope_verifies
from etherapy.tep.placing import Reason
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.statements import Promise, promise_hash

_WIRE_CODES: Final[dict[Code, statements.Decision]] = {
    "at_once": statements.Decision.AT_ONCE,
    "silent": statements.Decision.SILENT,
    "held": statements.Decision.HELD,
    "no_future_window": statements.Decision.NO_OPENING,
    "urgent": statements.Decision.URGENT,
}
_PLACED_FOR: Final[dict[Code, Reason]] = {
    "at_once": Reason.AT_ONCE,
    "silent": Reason.AT_ONCE,
    "urgent": Reason.URGENT,
}


@dataclass(frozen=True, slots=True)
class Before:
    """A message of which another takes the place: its decision with the times of its newest promise (A-4)."""

    decision: Decision
    counted_from: datetime


@dataclass(frozen=True, slots=True)
class Weighed:
    """An acceptance that is ready to be stored, and the decision it is built on."""

    acceptance: Acceptance
    decision: Decision


def weigh_envelope(
    facts: ThreadFacts,
    envelope: Envelope,
    body: SendMessage | Replace,
    now: datetime,
    secrets: ServerSecrets,
    random: Callable[[int], bytes],
    before: Before | None = None,
) -> Weighed:
    """Check whose envelope it is, decide, and promise (tep_amendments.md A-9 steps 4, 5, 7 and 8).

    `before` is the message whose place it takes. NoSuchThread: by no device of a member. Unverified: the
    signature. Declined: the rules say no. CardNotShown: urgent where nobody is on call, and no card was
    shown. What the database alone can know (session, seat, newest epoch) is left to it.
    """
    header = envelope.header
    account, sign_pk = facts.devices.get(header.device, (b"", b""))
    if not account:
        raise NoSuchThread()
    if not envelope_verifies(envelope, sign_pk):
        raise Unverified("signature")
    rules, by_client = rules_for(facts, account), facts.members[account].role in CLIENT_SIDE
    question = question_of(
        facts,
        account,
        now,
        header.service_class,
        header.urgent,
        header.ct_len,
        body.at_once_because,
        None if before is None else before.decision,
    )
    decision = answer(rules, question)
    _refuse(decision, facts, account, body)
    accepted_at = decision.accepted_at or now
    counted_from = accepted_at if before is None else before.counted_from
    promise = Promise(
        decision=_WIRE_CODES[decision.code],
        rev=0,
        generation=facts.generation,
        thread=header.thread,
        mid=header.mid,
        item_hash=envelope.item_hash,
        n_acc=facts.last_n,
        epoch=header.epoch,
        rules_rev=facts.rules_rev,
        rules_hash=facts.rules_hash,
        accepted_at=milliseconds(accepted_at),
        counted_from=milliseconds(counted_from),
        release_at=_or_zero(decision.release_at),
        reply_by=_or_zero(decision.reply_by),
        key_id=secrets.receipt_id,
    )
    core = promise.pack()
    place_for = _PLACED_FOR.get(decision.code)
    acceptance = Acceptance(
        thread=header.thread,
        account=account,
        device=header.device,
        mid=header.mid,
        item_hash=envelope.item_hash,
        envelope=bytes(body.envelope),
        epoch=header.epoch,
        commit_hash=header.commit_hash,
        by_client=by_client,
        urgent=header.urgent,
        expects_reply=header.service_class != NO_REPLY_EXPECTED,
        service_class=header.service_class,
        size=header.ct_len,
        turn=facts.turn,
        version=facts.version,
        accepted_at=accepted_at,
        release_at=decision.release_at,
        reply_by=decision.reply_by,
        window_at=window_of(rules, decision) if by_client else None,
        acked_until=decision.ack_again_at if decision.ack else None,
        reason=None if place_for is None else int(place_for),
        promise=sign_receipt(core, secrets.receipt, secrets.receipt_id),
        promise_hash=promise_hash(core),
        decision=keep_decision(decision),
        question=keep_question(question),
        leaf_id=random(16),
        leaf_salt=random(32),
        counted_from=counted_from,
        reader=reader_of(decision),
        ready_at=decision.not_before,
        counts_at=decision.counts_at,
        notice_at=decision.notice_at,
        calls=_calls(rules, question.attempt, random),
        card=card_recorded(body.card, card_of(facts, account, rules, accepted_at)),
    )
    return Weighed(acceptance, decision)


def _refuse(decision: Decision, facts: ThreadFacts, account: bytes, body: SendMessage | Replace) -> None:
    """Every refusal by the rules shows a crisis card (rules.md 3.5, invariant 10)."""
    if decision.code != "declined" and not decision.card_first:
        return
    words = words_for(decision, facts, account, body.zone, body.language)
    if decision.code == "declined":
        reasons = sorted({reason.words for reason in decision.because})
        raise Declined(reasons, decision.retry_from, words)
    if body.card != words.card.card_id:
        raise CardNotShown(words)


def _calls(rules: Rules, attempt: Attempt, random: Callable[[int], bytes]) -> tuple[Call, ...]:
    """Who is called for an urgent message, and when (R-16)."""
    if not attempt.urgent or not attempt.by_client:
        return ()
    plan = rules.the(UrgentChannel, attempt.at).call_plan(attempt, rules.timetable.zone_name)
    return tuple(
        Call(call.step, random(16), bytes.fromhex(call.callee), call.name, call.due_at, call.until)
        for call in plan
    )


def window_of(rules: Rules, decision: Decision) -> datetime | None:
    """The start of the opening in which a message is first read: therapists get one notice for each.

    An urgent message has a notice of its own.
    """
    if decision.release_at is None or decision.code == "urgent":
        return decision.release_at
    told_at = decision.notice_at or decision.release_at
    return rules.of_reader(decision).timetable.opening(told_at) or told_at


def reader_of(decision: Decision) -> bytes | None:
    """The account of the cover whose hours decided; None: the owner's did."""
    return None if decision.cover is None else bytes.fromhex(decision.cover.place)


def after_acceptance(facts: ThreadFacts, weighed: Weighed, row: SentRow) -> ThreadFacts:
    """The facts as this acceptance left them.

    A guess in the end: if it is wrong, the next acceptance finds another version and looks again.
    """
    a = weighed.acceptance
    member = replace(
        facts.members[a.account],
        last_accepted_at=a.accepted_at,
        acked_until=a.acked_until or facts.members[a.account].acked_until,
    )
    facts = replace(facts, version=facts.version + 1, members={**facts.members, a.account: member})
    taken = Counted(a.accepted_at, a.counts_at, a.service_class, a.size, a.turn)
    facts = with_taken(facts, a.account, taken)
    if row.placed is None:
        return facts
    facts = replace(facts, version=facts.version + 1, last_n=row.placed.n)
    if not a.by_client:
        return replace(facts, turn_reply_by=None, turn_urgent=False, turn=facts.turn + 1)
    if not a.expects_reply:
        return replace(facts, begun=True)
    turn = [at for at in (facts.turn_reply_by, a.reply_by) if at is not None]
    return replace(
        facts,
        begun=True,
        turn_reply_by=min(turn, default=None),
        turn_urgent=facts.turn_urgent or a.urgent,
    )


def earlier_promise(
    old: Promise,
    release_at: datetime,
    reply_by: datetime | None,
    rules_rev: int,
    rules_hash: bytes,
    secrets: ServerSecrets,
) -> tuple[bytes, bytes]:
    """A revision of a promise that moves it earlier (decisions.md D-4): its receipt and its hash."""
    revised = replace(
        old,
        rev=old.rev + 1,
        rules_rev=rules_rev,
        rules_hash=rules_hash,
        decision=statements.Decision.HELD,
        release_at=milliseconds(release_at),
        reply_by=_or_zero(reply_by),
        key_id=secrets.receipt_id,
        previous=promise_hash(old),
    )
    core = revised.pack()
    return sign_receipt(core, secrets.receipt, secrets.receipt_id), promise_hash(core)


def _or_zero(at: datetime | None) -> int:
    return 0 if at is None else milliseconds(at)
