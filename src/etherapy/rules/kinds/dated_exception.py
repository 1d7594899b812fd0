"""Exceptions: what is different on one date."""

from collections.abc import Iterator
from datetime import date
from typing import ClassVar, Literal

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Closing, Timetable
from etherapy.rules.windows import DayWindow

MOST_WINDOWS = 50


class DatedException(Rule, frozen=True, kw_only=True, tag="window.exception"):
    """One date of the schedule's zone on which other hours hold than by the week (R-02).

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
            "why": " ({label})",
        },
    }

    date: date
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

    def place(self) -> str:
        return self.date.isoformat()

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        if self.effect == "closed":
            closing = Closing("window.exception", self.place(), self.label)
            return timetable.with_closed({self.date: closing})
        spans = [window.span for window in self.windows]
        if self.effect == "replace":
            return timetable.with_replaced(self.date, spans)
        return timetable.with_added(self.date, spans)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        effect = {"replace": "replaced", "add": "added"}[self.effect] if self.windows else "closed"
        hours = teller.listed(map(teller.hours, self.windows))
        said = teller(effect, date=teller.date(self.date), hours=hours)
        yield "date", said.removesuffix(".") + teller("why", label=self.label) + "." if self.label else said
