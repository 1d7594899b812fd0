"""The policy of a timetable case (docs/rules.md 9): from decoded JSON to a timetable.

Looser than the kinds of rules in what may stand beside the point (labels, notes, weekdays of a dated window
that agree with the date), and as strict in all that has a meaning.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.timetable import Closing, Timetable, Week
from etherapy.rules.windows import WEEKDAYS, Span, joined, span_of

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WINDOW_FIELDS = {"days", "start", "end"}
_EXCEPTION_FIELDS = {"date", "kind", "windows", "label", "note"}


def read_timetable(zone_name: Any, weekly: Any, exceptions: Any) -> Timetable:
    """The timetable that a case describes; BadRule with the path of what is wrong in it."""
    if not isinstance(zone_name, str):
        raise BadRule("zone", "no time zone is given", "name one, such as America/New_York")
    spans: dict[str, list[Span]] = {day: [] for day in WEEKDAYS}
    for number, window in enumerate(_list(weekly, "weekly")):
        path = f"weekly[{number}]"
        span = _span(window, path)
        for day in _days(window, path):
            spans[day].append(span)
    dated = _Dated()
    for number, exception in enumerate(_list(exceptions, "exceptions")):
        dated.read(exception, f"exceptions[{number}]")
    weekly_spans = tuple(joined(of_day) for of_day in spans.values())
    week = Week.always(weekly_spans)
    return Timetable(zone_name, (week,), dated.closed, None, dated.replaced, dated.added)


class _Dated:
    """The exceptions of a case, by date and by what they do."""

    def __init__(self) -> None:
        self.closed: dict[int, Closing] = {}
        self.replaced: dict[int, tuple[Span, ...]] = {}
        self.added: dict[int, tuple[Span, ...]] = {}

    def read(self, exception: Any, path: str) -> None:
        """Take in one exception more."""
        _fields(exception, _EXCEPTION_FIELDS, path)
        day = _date(exception.get("date"), f"{path}.date")
        ordinal, kind, windows = day.toordinal(), exception.get("kind"), exception.get("windows")
        if ordinal in self.closed or ordinal in self.replaced or ordinal in self.added:
            raise BadRule(f"{path}.date", "there are two exceptions for this date", "keep one of them")
        if kind == "closed":
            if windows:
                raise BadRule(f"{path}.windows", "a closed date has windows", "use replace for shorter hours")
            self.closed[ordinal] = Closing("window.exception", day.isoformat(), "")
        elif kind in ("replace", "add"):
            listed = _list(windows, f"{path}.windows")
            spans = joined(_day_span(w, day, f"{path}.windows[{n}]") for n, w in enumerate(listed))
            (self.replaced if kind == "replace" else self.added)[ordinal] = spans
        else:
            problem = "there is no such kind of exception"
            raise BadRule(f"{path}.kind", problem, "use closed, replace or add")


def _day_span(window: Any, day: date, path: str) -> Span:
    """The span of a window of one date; weekdays may stand in it if they do not contradict the date."""
    span = _span(window, path)
    if window.get("days") and WEEKDAYS[day.weekday()] not in _days(window, path):
        raise BadRule(
            f"{path}.days", "these are other weekdays than that of the date", "leave days empty here"
        )
    return span


def _span(window: Any, path: str) -> Span:
    _fields(window, _WINDOW_FIELDS, path)
    start, end = window.get("start"), window.get("end")
    for name, wall in (("start", start), ("end", end)):
        if not isinstance(wall, str):
            raise BadRule(f"{path}.{name}", "no time of day is given", "write HH:MM from 00:00 to 24:00")
    try:
        return span_of(start, end)
    except BadRule as bad:
        raise bad.within(path) from None


def _days(window: Mapping[str, Any], path: str) -> Iterable[str]:
    days = window.get("days")
    if not isinstance(days, list) or not all(isinstance(day, str) and day in WEEKDAYS for day in days):
        raise BadRule(f"{path}.days", "not a list of weekdays", "use mon, tue, wed, thu, fri, sat, sun")
    return days


def _fields(value: Any, known: set[str], path: str) -> None:
    if not isinstance(value, dict):
        raise BadRule(path, "not an object", f"write one with {', '.join(sorted(known))}")
    if not known.issuperset(value):
        raise BadRule(path, "there is a field that is not known", f"use {', '.join(sorted(known))}")


def _list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRule(path, "not a list", "write a list, empty if there is nothing in it")
    return value


def _date(value: Any, path: str) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise BadRule(
                path, "this date does not exist", "write a date of the calendar as YYYY-MM-DD"
            ) from None
    raise BadRule(path, "not a date", "write YYYY-MM-DD")
