"""The arithmetic of budgets: how much of a period is used, and when there is room again.

Inside, an instant is milliseconds since 1970 UTC. Calendar periods are dates of the schedule's zone and end
where the next one begins, also where the wall shows midnight twice; rolling ones are real hours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import Annotated, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import first_instant, local_ordinal, milliseconds, wall_minute, zone
from etherapy.rules.rule import SERVICE_CLASSES, Case, Counted, ServiceClassName
from etherapy.rules.windows import WEEKDAYS, Weekday

Per = Literal["day", "week", "month", "hours"]
Use = tuple[int, int]
"""When something counts, and how much."""
MOST_HOURS = 2400
_MARGIN = timedelta(days=2)
_LENGTH = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}


class Budget(Protocol):
    """A kind that keeps messages back until there is room: all of them have to have it."""

    def room(self, case: Case, at: int) -> int:
        """The first instant from `at` on at which this budget has room for the message."""


def room_in_all(case: Case) -> int:
    """The first instant at which every budget has room for the message, the attempt's own or a later one."""
    at = milliseconds(case.attempt.at)
    # by the name: to ask a protocol would cost as much as the rest of the decision
    budgets: list[Budget] = [rule for rule in case.rules.values() if hasattr(rule, "room")]
    while (later := max((one.room(case, at) for one in budgets), default=at)) > at:
        at = later
    return at


class Periods(NamedTuple):
    """The periods of one limit: dates, weeks or months of a zone, or any so many hours in a row."""

    per: Per
    hours: int
    place: ZoneInfo
    week_starts: int = 0
    """0 Monday to 6 Sunday."""

    def spent(self, uses: Sequence[Use], at: int) -> int:
        """How much counts in the period of that instant; of rolling ones, in the fullest that holds it."""
        if self.per != "hours":
            start, end = self._around(at)
            return sum(much for when, much in uses if start <= when < end)
        rolling = _rolling(uses, self.hours * 3_600_000)
        starts = {at, *(when for when in rolling.times if at - rolling.length < when <= at)}
        return max(map(rolling.used_from, starts))

    def room(self, uses: Sequence[Use], most: int, much: int, at: int) -> int:
        """The first instant from `at` on at which `much` more fits; what is more than all of it needs a
        whole period."""
        much = min(much, most)
        if self.per == "hours":
            return _rolling(uses, self.hours * 3_600_000).first_with(most - much, at)
        while self.spent(uses, at) + much > most:
            at = self._around(at)[1]
        return at

    def _around(self, at: int) -> tuple[int, int]:
        first = self._first(local_ordinal(self.place, at))
        if at >= self._begins(self._next(first)):  # the wall was turned back over the end of the period
            first = self._next(first)
        return self._begins(first), self._begins(self._next(first))

    def _begins(self, ordinal: int) -> int:
        return first_instant(self.place, wall_minute(ordinal))

    def _first(self, ordinal: int) -> int:
        """The first date of the period in which a date lies."""
        if self.per == "day":
            return ordinal
        if self.per == "week":
            return ordinal - ((ordinal + 6) % 7 - self.week_starts) % 7
        return date.fromordinal(ordinal).replace(day=1).toordinal()

    def _next(self, first: int) -> int:
        if self.per == "month":
            return self._first(first + 31)
        return first + (7 if self.per == "week" else 1)


class _Rolling(NamedTuple):
    """What is used of each stretch of one length; as messages can be thousands, none is compared with all."""

    length: int
    times: Sequence[int]
    totals: Sequence[int]
    """How much is used before each of these times; and at the end of all."""

    def used_from(self, start: int) -> int:
        """How much counts in the stretch that begins then."""
        first, last = (bisect_left(self.times, edge) for edge in (start, start + self.length))
        return self.totals[last] - self.totals[first]

    def first_with(self, most: int, at: int) -> int:
        """The first instant from `at` on of which no stretch that holds it has more than that."""
        full = [when for when in self.times if self.used_from(when) > most]
        frees = sorted({at, *(when + self.length for when in self.times if when + self.length > at)})
        for free in frees:
            before = bisect_right(full, free)
            in_full = before and full[before - 1] > free - self.length
            if not in_full and self.used_from(free) <= most:
                return free
        raise AssertionError("the last of them lies after everything that is used")


def _rolling(uses: Sequence[Use], length: int) -> _Rolling:
    ordered = sorted(uses)
    times = [when for when, _ in ordered]
    return _Rolling(length, times, [*accumulate((much for _, much in ordered), initial=0)])


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most so many messages in a period."""

    n: Annotated[int, Meta(ge=1, le=1000)]
    per: Per
    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] | None = None
    """With `per` hours: in any so many hours in a row."""
    kinds: tuple[ServiceClassName, ...] = ()
    """The kinds of message that it counts; empty: all that are not exempt."""


class Meter(NamedTuple):
    """One limit with what is used of it."""

    most: int
    periods: Periods
    uses: Sequence[Use]

    def left(self, much: int, at: int) -> int:
        """What is left of the period of that instant once `much` more counts in it; never below 0."""
        return max(0, self.most - self.periods.spent(self.uses, at) - much)


def first_room(meters: Sequence[Meter], much: int, at: int) -> int:
    """The first instant from `at` on at which all of them have room for `much`."""
    while (later := max((m.periods.room(m.uses, m.most, much, at) for m in meters), default=at)) > at:
        at = later
    return at


def periods_of(per: Per, hours: int | None, zone_name: str, week_starts: Weekday) -> Periods:
    """The periods as a rule names them."""
    return Periods(per, hours or 0, zone(zone_name), WEEKDAYS.index(week_starts))


def check_hours(per: Per, hours: int | None, field: str = "hours") -> None:
    """BadRule unless `hours` says how many where it has to, and only there."""
    if (per == "hours") != (hours is not None):
        raise BadRule(field, "hours and per do not fit", "with per hours name how many, else leave it out")


def reach(per: Per, hours: int | None) -> timedelta:
    """How far back something can lie that counts in the same period."""
    return _MARGIN + (timedelta(hours=hours or 0) if per == "hours" else _LENGTH[per])


def asked(case: Case) -> Counted:
    """The message itself, as one of those that count."""
    attempt = case.attempt
    return Counted(attempt.at, attempt.at, attempt.service_class, attempt.size, case.facts.turn)


def class_of(row: Counted) -> ServiceClassName:
    """The name of its service class, as rules write it."""
    return SERVICE_CLASSES[row.service_class - 1]


def counting(case: Case, exempt: Sequence[ServiceClassName]) -> list[Counted]:
    """The sender's messages that count in a budget with these exemptions, oldest first."""
    return [row for row in case.facts.sent if row.counts_at is not None and class_of(row) not in exempt]


def counted_from(row: Counted) -> int:
    """When a message that counts does so."""
    return milliseconds(row.counts_at or row.at)


def leading(rows: Iterable[Counted], within: timedelta) -> list[Counted]:
    """Messages that count on their own: what follows one of them `within` a time, in the same turn and of
    the same class, counts together with it (R-13)."""
    found: list[Counted] = []
    newest: dict[tuple[int, int], Counted] = {}
    for row in rows:
        alike = row.turn, row.service_class
        leader = newest.get(alike)
        if leader is None or leader_of((leader,), row, within) is None:
            found.append(row)
            newest[alike] = row if leader is None else max(leader, row, key=lambda one: one.at)
    return found


def leader_of(leaders: Iterable[Counted], row: Counted, within: timedelta) -> Counted | None:
    """The one among these with which a message counts together, if there is one."""
    if not within:
        return None
    alike = (one for one in leaders if (one.turn, one.service_class) == (row.turn, row.service_class))
    newest = max(alike, key=lambda one: one.at, default=None)
    return newest if newest is not None and row.at - newest.at <= within else None
