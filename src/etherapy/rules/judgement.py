"""From rules, a message and what is known of its thread to one decision. Pure: the instant is handed in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from etherapy.rules.calendar import instant, milliseconds, tzdata_checksum, tzdata_version
from etherapy.rules.decision import COVER, NOTHING, REPLACE, UNKNOWN, Decision, Reason
from etherapy.rules.kinds.off_hours_policy import OffHoursPolicy
from etherapy.rules.kinds.therapist_outbound import TherapistOutbound
from etherapy.rules.resolved import Cover, Rules
from etherapy.rules.rule import Attempt, Case, Facts

_URGENT = Reason("safety.floor", "urgent", "urgent_never_held", "product")
_UNHINDERED = Reason("delivery", "*", "at_once", "product")
_STILL_KEPT = Reason(REPLACE, "not_before", "still_kept", "product")
_TOLD_LATER = Reason("therapist.outbound", "quiet_start", "told_later")
_NEVER = datetime.max.replace(tzinfo=UTC)


def decide(rules: Rules, attempt: Attempt, facts: Facts) -> Decision:
    """When a message is released and by when it is to be answered, with the reasons.

    The same rules, attempt, facts and zone data give the same decision (G9). Limits are those of the thread,
    whoever reads. Where somebody covers, the earliest release wins, and the owner's where none is earlier.
    """
    limited = _limited(rules, attempt, facts)
    own = _judged(rules, attempt, facts, limited)
    if not attempt.by_client or limited.code == "declined":
        return own
    if own.code != "declined":
        own = _with_offer(own, rules, attempt)
    if not rules.covers:
        return own
    offers = [(_seen(own, rules), own), *_covered(rules, attempt, facts, limited)]
    return min(offers, key=lambda offer: offer[0])[1]


def _with_offer(own: Decision, rules: Rules, attempt: Attempt) -> Decision:
    """The reason by which a client hears of somebody who could cover, while the wait lies in an absence and
    the client has not agreed to it (S-8)."""
    if not rules.absences:
        return own
    today = rules.timetable.date_of(attempt.at)
    until = own.reply_by or _seen(own, rules)[1]
    found = tuple(
        Reason("absence", "*", "cover_offered", place=absence.place(), label=absence.cover_name)
        for absence in rules.absences
        if absence.cover
        and absence.covers(attempt.urgent)
        and absence.visible_on(today)
        and absence.meets(attempt.at, until, rules.timetable)
        and not any(one.by == absence.cover and milliseconds(attempt.at) < one.until for one in rules.covers)
    )
    if not found:
        return own
    named = {rules.with_origin(reason, attempt.at) for reason in found}
    return replace(own, because=tuple(sorted({*own.because, *named})))


def _covered(
    rules: Rules, attempt: Attempt, facts: Facts, limited: Decision
) -> Iterator[tuple[tuple[datetime, datetime], Decision]]:
    """What each cover would promise by rules of its own, as far as all of it lies within its time."""
    for cover in rules.covers:
        theirs = rules.covering[cover.by]
        decision = _judged(theirs, attempt, facts, limited)
        if _within(cover, decision) and _asked(decision, theirs, rules, attempt):
            named = Reason(COVER, "*", "cover", "thread", cover.by, cover.name)
            because = tuple(sorted({*decision.because, named}))
            yield _seen(decision, theirs), replace(decision, because=because)


def _asked(decision: Decision, theirs: Rules, rules: Rules, attempt: Attempt) -> bool:
    """Whether the hours of a cover count for the message: an absence in which they would read can say that
    they do not (R-04)."""
    silent = [absence for absence in rules.absences if not absence.covers(attempt.urgent)]
    reads_at = _seen(decision, theirs)[1] if silent else _NEVER
    return not any(absence.lasts_at(reads_at, rules.timetable) for absence in silent)


def _within(cover: Cover, decision: Decision) -> bool:
    """A cover promises nothing that lies before its time or after it (tep_amendments.md A-6)."""
    since, until = instant(cover.since), instant(cover.until)
    if decision.code == "declined" or decision.release_at is None:
        return False
    opens = decision.closed_until or decision.release_at
    answers = decision.reply_by or opens
    return since <= decision.release_at < until and opens < until and answers <= until


def _seen(decision: Decision, rules: Rules) -> tuple[datetime, datetime]:
    """When a message is released, and when somebody is then first expected to look."""
    if decision.release_at is None:
        return _NEVER, _NEVER
    return decision.release_at, rules.timetable.next_open(decision.release_at) or _NEVER


def _limited(rules: Rules, attempt: Attempt, facts: Facts) -> Decision:
    """What keeps the message back, or declines it, before anybody's hours are asked."""
    limited = NOTHING
    if attempt.ready_at is None and not attempt.urgent:
        force = rules.in_force(attempt.at)
        case = Case(attempt, facts, rules.timetable, attempt.at, force.by_kind)
        for rule in force.limiting:
            limited |= rule.limit(case)
    if limited is NOTHING:
        return NOTHING
    because = tuple(rules.with_origin(reason, attempt.at) for reason in limited.because)
    by = {field: rules.with_origin(reason, attempt.at) for field, reason in limited.by.items()}
    return replace(limited, because=because, by=by)


def _judged(rules: Rules, attempt: Attempt, facts: Facts, limited: Decision) -> Decision:
    """The decision by the hours of one person, from when the limits let the message go."""
    force, decision = rules.in_force(attempt.at), limited
    ready_at = max(attempt.at, attempt.ready_at or attempt.at, limited.not_before or attempt.at)
    case = Case(attempt, facts, rules.timetable, ready_at, force.by_kind)
    for rule in force.weighing:
        decision |= rule.weigh(case)
    return _settle(decision, rules, case)


def _settle(joined: Decision, rules: Rules, case: Case) -> Decision:
    """The final decision: the safety floor over all, then what follows from the join of all rules."""
    attempt, because, by = case.attempt, list(joined.because), dict(joined.by)

    def add(reason: Reason, *fields: str) -> None:
        because.append(reason)
        by.update(dict.fromkeys(fields, reason))

    code = joined.code
    if case.ready_at > attempt.at and "not_before" not in by:
        add(_STILL_KEPT, "not_before")
    if attempt.urgent:
        code = "urgent"
        add(_URGENT, "code", "release_at")
    elif case.ready_at > attempt.at and code in ("at_once", "silent"):
        code = "held"
        by.update(dict.fromkeys(("code", "release_at"), by["not_before"]))
    elif "code" not in by:
        add(_UNHINDERED, "code", "release_at")
    release_at = _release_at(joined, code, case)
    reply_by = None
    if release_at is not None and joined.reply_by is not None:
        reply_by = _in_turn(joined.reply_by, release_at, case.facts.turn_reply_by)
        if reply_by < joined.reply_by:
            add(Reason("response.target", "target", "same_turn"), "reply_by")
        if reply_by < release_at:
            add(Reason("response.target", "target", "runs_through_closed"))
    waits = attempt.by_client and code != "declined"
    long_wait = waits and _is_long(joined, attempt.at, reply_by or release_at)
    if long_wait:
        add(Reason("bounds", "longest_wait_days", "longer_than_bound"), "long_wait")
    notice_at = _notice_at(joined, release_at, case)
    if notice_at is not None and notice_at != joined.notice_at:
        add(_TOLD_LATER, "notice_at")
    held = code == "held"
    ack = joined.ack is True and release_at is not None and not attempt.urgent
    settled = replace(
        joined,
        code=code,
        accepted_at=attempt.at,
        not_before=case.ready_at if case.ready_at > attempt.at else None,
        retry_from=_retry_from(joined, code, case),
        release_at=release_at,
        reply_by=reply_by,
        recall_until=release_at if held else None,
        notice_at=notice_at,
        ack=ack,
        ack_again_at=joined.ack_again_at if ack else None,
        long_wait=long_wait,
        because=tuple(sorted({rules.with_origin(reason, attempt.at) for reason in because})),
        zone=rules.timetable.zone_name,
        tzdata_version=tzdata_version(),
        tzdata_checksum=tzdata_checksum(),
    )
    decided = {field for field in by if getattr(settled, field) not in (None, False)}
    return replace(settled, by={f: rules.with_origin(by[f], attempt.at) for f in sorted(decided)})


def _release_at(joined: Decision, code: str, case: Case) -> datetime | None:
    """Urgent is never held (R-24); where nothing opens there is no release, rather than a guess."""
    if code == "urgent":
        return case.attempt.at
    if code in ("no_future_window", "declined"):
        return None
    return case.ready_at if joined.release_at is None else max(joined.release_at, case.ready_at)


def _retry_from(joined: Decision, code: str, case: Case) -> datetime | None:
    """When a declined message would be taken; where what comes outside the hours is declined as well, when it
    opens."""
    if code != "declined" or joined.retry_from in (None, UNKNOWN):
        return None
    assert joined.retry_from is not None
    declines = case.the(OffHoursPolicy).declines(case)
    return case.timetable.next_open(joined.retry_from) if declines else joined.retry_from


def _notice_at(joined: Decision, release_at: datetime | None, case: Case) -> datetime | None:
    """When the reader is told: never in quiet hours of theirs (rules.md 3.5, invariant 8)."""
    if release_at is None or not case.attempt.by_client:
        return None
    told_at = max(release_at, joined.notice_at or release_at)
    told_at = case.the(TherapistOutbound).told_from(told_at, case.timetable)
    return told_at if told_at > release_at else None


def _in_turn(own: datetime, release_at: datetime, turn_reply_by: datetime | None) -> datetime:
    """The earliest reply time of the turn, unless that one lies before this message's release."""
    if turn_reply_by is None or turn_reply_by < release_at:
        return own
    return min(own, turn_reply_by)


def _is_long(joined: Decision, accepted_at: datetime, until: datetime | None) -> bool:
    """Whether the longest wait to a reply exceeds the bound; a wait without a known end does."""
    if joined.longest_wait_days is None:
        return False
    return until is None or until - accepted_at > timedelta(days=joined.longest_wait_days)
