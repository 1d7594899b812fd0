"""From an envelope and the facts of its thread to a decision with its signed promise. Pure but for the
randomness handed in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from etherapy.protocol.problems import Declined, NoSuchThread, Unverified
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import Code, Decision
from etherapy.rules.judgement import decide
from etherapy.rules.layers import Rules
from etherapy.rules.replacing import take_place
from etherapy.rules.rule import NO_REPLY_EXPECTED, Attempt, Facts
from etherapy.server.keys import ServerSecrets
from etherapy.server.memory import rules_of
from etherapy.store.messages import Acceptance, SentRow
from etherapy.store.threads import Member, ThreadFacts
from etherapy.tep import statements
from etherapy.tep.envelope import Envelope, envelope_verifies
from etherapy.tep.epoch import Role
from etherapy.tep.placing import Reason
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import Promise, promise_hash

CLIENT_SIDE: Final = frozenset({Role.CLIENT, Role.FAMILY})
_WIRE_CODES: Final[dict[Code, statements.Decision]] = {
    "at_once": statements.Decision.AT_ONCE,
    "held": statements.Decision.HELD,
    "no_future_window": statements.Decision.NO_OPENING,
    "urgent": statements.Decision.URGENT,
}
_PLACED_FOR: Final[dict[Code, Reason]] = {"at_once": Reason.AT_ONCE, "urgent": Reason.URGENT}


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


def weigh_attempt(
    facts: ThreadFacts, member: Member, now: datetime, service_class: int, urgent: bool, size: int
) -> Decision:
    """What the thread's rules say of a message that this member sends now.

    An urgent one is seen at once, so whether others were acknowledged plays no part: it would tell that
    something waits.
    """
    attempt = Attempt(
        at=max(now, member.last_accepted_at or now),
        by_client=member.role in CLIENT_SIDE,
        service_class=service_class,
        urgent=urgent,
        size=size,
    )
    known = Facts(
        turn_reply_by=facts.turn_reply_by,
        acked_until=None if urgent else member.acked_until,
    )
    return decide(rules_of(facts.rules), attempt, known)


def weigh_envelope(
    facts: ThreadFacts,
    envelope: Envelope,
    data: bytes,
    now: datetime,
    secrets: ServerSecrets,
    random: Callable[[int], bytes],
    before: Before | None = None,
) -> Weighed:
    """Check whose envelope it is, decide, and promise (tep_amendments.md A-9 steps 4, 5, 7 and 8).

    `before` is the message whose place it takes. NoSuchThread: by no device of a member. Unverified: the
    signature. Declined: the rules say no. What the database alone can know (session, seat, newest epoch) is
    left to it.
    """
    header = envelope.header
    account, sign_pk = facts.devices.get(header.device, (b"", b""))
    if not account:
        raise NoSuchThread()
    if not envelope_verifies(envelope, sign_pk):
        raise Unverified("signature")
    member = facts.members[account]
    decision = weigh_attempt(facts, member, now, header.service_class, header.urgent, header.ct_len)
    if decision.code == "declined":
        raise Declined(sorted({reason.words for reason in decision.because}))
    if before is not None:
        decision = take_place(before.decision, decision)
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
    rules = rules_of(facts.rules)
    by_client = member.role in CLIENT_SIDE
    place_for = _PLACED_FOR.get(decision.code)
    acceptance = Acceptance(
        thread=header.thread,
        account=account,
        device=header.device,
        mid=header.mid,
        item_hash=envelope.item_hash,
        envelope=data,
        epoch=header.epoch,
        commit_hash=header.commit_hash,
        by_client=by_client,
        urgent=header.urgent,
        expects_reply=header.service_class != NO_REPLY_EXPECTED,
        version=facts.version,
        accepted_at=accepted_at,
        release_at=decision.release_at,
        reply_by=decision.reply_by,
        window_at=window_of(rules, decision) if by_client else None,
        acked_until=decision.closed_until if decision.ack else None,
        reason=None if place_for is None else int(place_for),
        promise=sign_receipt(core, secrets.receipt, secrets.receipt_id),
        promise_hash=promise_hash(core),
        decision=msgspec.json.encode(decision),
        leaf_id=random(16),
        leaf_salt=random(32),
        counted_from=counted_from,
        reader=reader_of(decision),
    )
    return Weighed(acceptance, decision)


def window_of(rules: Rules, decision: Decision) -> datetime | None:
    """The start of the opening in which a message is first read: therapists get one notice for each.

    An urgent message has a notice of its own.
    """
    if decision.release_at is None or decision.code == "urgent":
        return decision.release_at
    return rules.of_reader(decision).timetable.opening(decision.release_at) or decision.release_at


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
    if row.placed is None:
        return facts
    turn = [at for at in (facts.turn_reply_by, a.reply_by if a.expects_reply else None) if at is not None]
    return replace(
        facts,
        version=facts.version + 1,
        last_n=row.placed.n,
        turn_reply_by=min(turn, default=None) if a.by_client else None,
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
