"""Exceptions: what is different on one date."""

from datetime import date
from typing import ClassVar, Literal

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Closing, Timetable
from etherapy.rules.windows import DayWindow

MOST_WINDOWS = 50


class DatedException(Rule, frozen=True, kw_only=True, tag="window.exception"):
    """One date of the schedule's zone on which other hours hold than by the week (R-02).

    `closed`: nothing is open on the date, the tail of the night before included (D-3). `replace`: these
    windows start on the date instead, none if the list is empty. `add`: these windows start on it besides.
    """

    accumulates: ClassVar[bool] = True

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

    def shape(self, timetable: Timetable) -> Timetable:
        if self.effect == "closed":
            return timetable.with_closed(self.date, Closing("window.exception", self.place(), self.label))
        spans = [window.span for window in self.windows]
        if self.effect == "replace":
            return timetable.with_replaced(self.date, spans)
        return timetable.with_added(self.date, spans)
