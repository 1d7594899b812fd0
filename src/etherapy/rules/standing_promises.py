"""What a change of rules, or of zone data, means for promises that were made before it: they stand (D-4).

Nothing here looks at a promise: dates are named by the rules alone, so that what is said of them is the
same whatever is held (G5).
"""

from datetime import date, datetime, timedelta

from etherapy.rules.calendar import zone
from etherapy.rules.judgement import decide
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import SERVICE_CLASSES, Attempt, Facts

_SPAN = timedelta(days=35)
_MOST_DAYS = 400


def promised_until(rules: Rules, now: datetime) -> datetime:
    """An instant after every reply time that these rules have promised until now, and at least five weeks on.

    A message that limits keep back (a budget that is used up) counts from another period: the weeks are for
    these.
    """
    attempts = (Attempt(now, True, number) for number in range(1, len(SERVICE_CLASSES) + 1))
    decisions = [decide(rules, attempt, Facts()) for attempt in attempts]
    times = [at for one in decisions for at in (one.release_at, one.reply_by) if at is not None]
    return max(times, default=now) + _SPAN


def closed_dates(before: Rules, after: Rules, now: datetime) -> tuple[date, ...]:
    """The dates, from now on and as far as promises may reach, that were open and are open no more."""
    if before.timetable is after.timetable:
        return ()  # equal timetables are one: such a change is about something else
    place = zone(after.timetable.zone_name)
    day, last = now.astimezone(place).date(), promised_until(before, now).astimezone(place).date()
    last = min(last, day + timedelta(days=_MOST_DAYS))
    found = []
    while day <= last:
        if _is_open(before, day, now) and not _is_open(after, day, now):
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)


def _is_open(rules: Rules, day: date, now: datetime) -> bool:
    return any(end > now for _, end in rules.timetable.segments_of(day))
