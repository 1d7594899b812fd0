"""What the enhanced tier of support needs of the other rules (clinic.md 4.5), and which of it is missing."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.kinds.absence import Absence
from etherapy.rules.kinds.off_hours_policy import OffHoursPolicy
from etherapy.rules.kinds.participants import Participants
from etherapy.rules.kinds.region import Region
from etherapy.rules.kinds.urgent_channel import UrgentChannel
from etherapy.rules.resolved import Rules

LONGEST_CLOSED = timedelta(days=3)
LOOK_AHEAD = timedelta(days=90)

MENDS: Final = {
    "urgent_route": "add steps to urgent.channel, or write participants.urgent_route",
    "safety_plan": "make a safety plan, then set participants.safety_plan",
    "policy": "use another off_hours.policy than decline_keep_draft",
    "closed_too_long": "open a window at least every 3 days, or have a colleague cover",
    "cover": "name who covers in each absence",
    "place": "ask the client where they are, at least every 90 days",
}
"""What can be missing, and how it is mended."""


def lacking(rules: Rules, at: datetime, place: Region | None = None) -> tuple[str, ...]:
    """What the enhanced tier still lacks from an instant on, as keys of `MENDS`; nothing for another tier.

    The next 90 days are looked at. `place`: what the client has declared of where they are; without it,
    that is not asked.
    """
    tier = rules.the(Participants, at)
    if tier.support_tier != "enhanced":
        return ()
    today = rules.timetable.date_of(at)
    missing = {
        "urgent_route": not tier.urgent_route and not rules.the(UrgentChannel, at).steps,
        "safety_plan": not tier.safety_plan,
        "policy": rules.the(OffHoursPolicy, at).policy == "decline_keep_draft",
        "closed_too_long": longest_closed(rules, at) > LONGEST_CLOSED,
        "cover": any(not one.cover for one in _absences(rules, today)),
        "place": place is not None and place.needs_confirming(today),
    }
    return tuple(what for what in MENDS if missing[what])


def require_support(rules: Rules, at: datetime) -> None:
    """Refuse, with BadRule, an enhanced tier whose rules lack something; all of it is named."""
    missing = lacking(rules, at)
    if missing:
        raise BadRule(
            "participants.support_tier",
            f"enhanced, and these are missing: {', '.join(missing)}",
            "; ".join(MENDS[what] for what in missing),
        )


def longest_closed(rules: Rules, at: datetime) -> timedelta:
    """The longest time within 90 days in which neither the owner nor a cover is open."""
    until = at + LOOK_AHEAD
    reached, longest = at, timedelta()
    for start, end in sorted(_open_times(rules, at, until)):
        longest = max(longest, start - reached)
        reached = max(reached, end)
    return max(longest, until - reached)


def _open_times(rules: Rules, at: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Open time of the owner, and of each cover while it lasts."""
    spans = [(rules, at, until)]
    spans += [
        (rules.covering[cover.by], max(at, instant(cover.since)), min(until, instant(cover.until)))
        for cover in rules.covers
        if cover.since < milliseconds(until)
    ]
    for who, since, ends in spans:
        for start, end in who.timetable.merged_from(since.astimezone(UTC)):
            if start >= ends:
                break
            yield max(start, since), min(end, ends)


def _absences(rules: Rules, today: date) -> Iterator[Absence]:
    """The absences of the next 90 days."""
    return (one for one in rules.each(Absence) if one.away_from <= today + LOOK_AHEAD and today < one.back_on)
