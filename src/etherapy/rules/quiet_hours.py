"""Hours in which nobody is disturbed: when they last at an instant, and when they end."""

from collections.abc import Iterable

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import DAY_MINUTES, first_instant, last_instant, local_ordinal, wall_minute, zone
from etherapy.rules.timetable import HORIZON_MS
from etherapy.rules.windows import WEEKDAYS, Span, WeekWindow, joined, span_of

QuietWeek = tuple[tuple[Span, ...], ...]
"""Monday to Sunday: spans that begin on the weekday, on the wall of whatever zone is asked about."""
_WEEK_MINUTES = 7 * DAY_MINUTES


def quiet_week(start: str, end: str, windows: Iterable[WeekWindow] = ()) -> QuietWeek:
    """The same hours each night, if any, and those of single weekdays besides.

    BadRule where only one of `start` and `end` is given, and where no minute of the week would be left.
    """
    spans: dict[str, list[Span]] = {day: [] for day in WEEKDAYS}
    if bool(start) != bool(end):
        raise BadRule("end" if start else "start", "quiet hours need both ends", "write both as HH:MM")
    if start:
        nightly = span_of(start, end)
        for listed in spans.values():
            listed.append(nightly)
    for window in windows:
        for day in window.days:
            spans[day].append(window.span)
    week = tuple(joined(listed) for listed in spans.values())
    if _covers_all(week):
        raise BadRule("end", "the week has no minute left that is not quiet", "leave some time of the week")
    return week


def _covers_all(week: QuietWeek) -> bool:
    """Whether the spans leave no minute of a week; what reaches into Monday counts there."""
    flat = [
        (day * DAY_MINUTES + start, day * DAY_MINUTES + end)
        for day, spans in enumerate(week)
        for start, end in spans
    ]
    rolled = [(start - _WEEK_MINUTES, end - _WEEK_MINUTES) for start, end in flat]
    return any(start <= 0 and end >= _WEEK_MINUTES for start, end in joined([*rolled, *flat]))


def quiet_until(week: QuietWeek, zone_name: str, at: int) -> int:
    """The end of the quiet hours that last at an instant, or the instant itself; in milliseconds.

    Hours that touch or overlap are one rest. A start that the wall shows twice means the first pass and an
    end the second, so that a rest is never cut short. A rest without an end in 400 days keeps nothing back.
    """
    place, asked = zone(zone_name), at
    while at <= asked + HORIZON_MS:
        today = local_ordinal(place, at)
        ends = [
            end
            for ordinal in range(today - 2, today + 2)
            for start, end in _segments(week, zone_name, ordinal)
            if start <= at < end
        ]
        if not ends:
            return at
        at = max(ends)
    return asked


def _segments(week: QuietWeek, zone_name: str, ordinal: int) -> Iterable[tuple[int, int]]:
    """The quiet hours that begin on a date."""
    place, zero = zone(zone_name), wall_minute(ordinal)
    for start, end in week[(ordinal + 6) % 7]:
        yield first_instant(place, zero + start), last_instant(place, zero + end)
