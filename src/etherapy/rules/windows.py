"""Windows as people write them (`09:00` to `17:00` on some weekdays) and as minutes of a date's wall."""

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import DAY_MINUTES

Span = tuple[int, int]
"""Minutes from 00:00 of the date to which it belongs, half-open; the end passes 1440 when it crosses
midnight."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WALL = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def minute_of(wall: str, field: str) -> int:
    """Minutes from midnight of `HH:MM`; `24:00` is 1440. BadRule names `field` for anything else."""
    if not _WALL.fullmatch(wall):
        raise BadRule(field, "not a time of day", "write HH:MM from 00:00 to 24:00")
    return int(wall[:2]) * 60 + int(wall[3:])


@lru_cache(maxsize=1 << 14)
def span_of(start: str, end: str) -> Span:
    """The span from one wall time to another; an end before the start is on the next date.

    BadRule when they are equal (D-2) or the start is 24:00.
    """
    first, last = minute_of(start, "start"), minute_of(end, "end")
    if first == last:
        raise BadRule("end", "the window ends when it starts", "write 00:00 to 24:00 for all day")
    if first == DAY_MINUTES:
        raise BadRule("start", "a window cannot start at 24:00", "write 00:00 on the next day")
    return (first, last) if last > first else (first, last + DAY_MINUTES)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order, with those that overlap or touch made one and those without length dropped."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return tuple(result)


class DayWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window of one date, from `start` to `end` on the zone's wall, the end excluded."""

    start: str
    end: str

    def __post_init__(self) -> None:
        span_of(self.start, self.end)

    @property
    def span(self) -> Span:
        return span_of(self.start, self.end)


class WeekWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window on each of some weekdays; one that crosses midnight belongs to the weekday on which it
    starts."""

    days: tuple[Weekday, ...]
    start: str
    end: str

    def __post_init__(self) -> None:
        span_of(self.start, self.end)
        if not self.days:
            raise BadRule("days", "the window has no weekday", "name at least one of mon to sun")
        if len(set(self.days)) != len(self.days):
            raise BadRule("days", "a weekday is named twice", "name each weekday once")

    @property
    def span(self) -> Span:
        return span_of(self.start, self.end)


class RecurringWindow(WeekWindow, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A window of each week, or of every n-th."""

    every_n_weeks: Annotated[int, Meta(ge=1, le=8)] = 1
    anchor: date | None = None
    """Any date of a week in which it happens; weeks begin on Monday."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every_n_weeks > 1 and self.anchor is None:
            raise BadRule("anchor", "no week to count from is given", "name a date of a week with the window")
        if self.every_n_weeks == 1 and self.anchor is not None:
            raise BadRule("anchor", "the window is of every week", "leave anchor out, or set every_n_weeks")

    @property
    def monday(self) -> int:
        """The Monday (ordinal) of a week in which it happens."""
        return 0 if self.anchor is None else self.anchor.toordinal() - self.anchor.weekday()
