"""Exceptions: what is different on one date, or on some dates in a row."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import ClassVar, Literal

from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Closing, Timetable
from etherapy.rules.windows import DayWindow

MOST_WINDOWS = 50
MOST_DATES = 60
Day = date
"""Inside the class, `date` is its field."""


class DatedException(Rule, frozen=True, kw_only=True, tag="window.exception"):
    """Dates of the schedule's zone on which other hours hold than by the week (R-02): one, or those up to
    `through`.

    `closed`: nothing is open on the date, the tail of the night before included (D-3). `replace`: these
    windows start on the date instead, none if the list is empty. `add`: these windows start on it besides.
    """

    accumulates: ClassVar[bool] = True
    words = {
        "en": {
            "closed_date": "The date is closed.",
            "closed_date_label": "The date is closed: {label}.",
            "closed": "{date}: closed.",
            "replaced": "{date}: {hours} instead.",
            "added": "{date}: also {hours}.",
            "dates": "{first} to {last}",
            "why": " ({label})",
        },
        "de": {
            "closed_date": "An diesem Tag ist geschlossen.",
            "closed_date_label": "An diesem Tag ist geschlossen: {label}.",
            "closed": "{date}: geschlossen.",
            "replaced": "{date}: stattdessen {hours}.",
            "added": "{date}: zusätzlich {hours}.",
            "dates": "{first} bis {last}",
            "why": " ({label})",
        },
    }

    date: Day
    through: Day | None = None
    """The last date, where there are several."""
    effect: Literal["closed", "replace", "add"]
    windows: tuple[DayWindow, ...] = ()
    label: str = ""
    """For people, such as "staff day"; at most 200 characters."""

    def __post_init__(self) -> None:
        if self.effect == "closed" and self.windows:
            raise BadRule("windows", "a closed date has windows", "use replace for shorter hours")
        if self.effect == "add" and not self.windows:
            raise BadRule("windows", "add names no window", "name at least one window")
        if len(self.windows) > MOST_WINDOWS:
            raise BadRule("windows", f"more than {MOST_WINDOWS} windows", "join windows that touch")
        if len(self.label) > 200:
            raise BadRule("label", "longer than 200 characters", "shorten it")
        if self.through is not None and self.through <= self.date:
            raise BadRule("through", "not after the first date", "leave it out for a single date")
        if self._count > MOST_DATES:
            raise BadRule(
                "through", f"more than {MOST_DATES} dates", "make an absence of it, or weekly hours"
            )

    @property
    def _last(self) -> Day:
        return self.through or self.date

    @property
    def _count(self) -> int:
        return (self._last - self.date).days + 1

    @property
    def dates(self) -> tuple[Day, ...]:
        """All of its dates."""
        return tuple(self.date + timedelta(days=number) for number in range(self._count))

    def place(self) -> str:
        return self.date.isoformat() + (f"/{self.through}" if self.through else "")

    def claims(self) -> Iterable[str]:
        return map(str, self.dates)

    def within(self, bounds: Bounds) -> None:
        if self.effect == "closed" and self._count > bounds.longest_closed_days:
            problem = f"closes {self._count} dates, and the practice allows {bounds.longest_closed_days}"
            raise BadRule("through", problem, "make an absence of it that names who covers")

    def shape(self, timetable: Timetable, begins: Day | None, ends: Day | None) -> Timetable:
        if self.effect == "closed":
            closing = Closing("window.exception", self.place(), self.label)
            return timetable.with_closed(dict.fromkeys(self.dates, closing))
        spans = [window.span for window in self.windows]
        if self.effect == "replace":
            return timetable.with_replaced(self.dates, spans)
        return timetable.with_added(self.dates, spans)

    def outside(self, taken: Iterable[tuple[Day, Day]]) -> Iterator["DatedException"]:
        """The same for its dates that lie in none of those stretches, each from a date to before another."""
        away = tuple(taken)
        if not any(begins <= self._last and self.date < ends for begins, ends in away):
            yield self
            return
        run: list[Day] = []
        for day in (*self.dates, None):
            if day is not None and not any(begins <= day < ends for begins, ends in away):
                run.append(day)
            elif run:
                yield replace(self, date=run[0], through=run[-1] if len(run) > 1 else None)
                run = []

    def is_past(self, today: Day) -> bool:
        return (self.through or self.date) < today

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        effect = {"replace": "replaced", "add": "added"}[self.effect] if self.windows else "closed"
        hours = teller.listed(map(teller.hours, self.windows))
        when = teller.date(self.date)
        if self.through is not None:
            when = teller("dates", first=when, last=teller.date(self.through))
        said = teller(effect, date=when, hours=hours)
        yield "date", said.removesuffix(".") + teller("why", label=self.label) + "." if self.label else said
