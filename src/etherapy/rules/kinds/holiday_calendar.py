"""Holidays: a reviewed list of dates that are closed."""

from collections.abc import Iterator
from datetime import date
from typing import ClassVar

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Closing, Timetable

MOST_DATES = 1000


class Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A date that is closed, and what it is called."""

    date: date
    label: str = ""


class HolidayCalendar(Rule, frozen=True, kw_only=True, tag="holiday.calendar"):
    """Dates on which it is closed all day unless an exception replaces their windows (R-03).

    Always a frozen list that a person has reviewed, named by `snapshot`; never looked up while deciding.
    """

    accumulates: ClassVar[bool] = True
    words = {
        "en": {
            "closed_date": "The date is closed.",
            "closed_date_label": "The date is closed: {label}.",
            "dates": "Holidays ({snapshot}): closed on {days}, {first} to {last}.",
        },
    }

    snapshot: str
    dates: tuple[Holiday, ...] = ()

    def __post_init__(self) -> None:
        if not self.snapshot or len(self.snapshot) > 100:
            raise BadRule("snapshot", "not 1 to 100 characters", "name the list, such as us-federal-2026")
        if len(self.dates) > MOST_DATES:
            raise BadRule("dates", f"more than {MOST_DATES} dates", "leave out years that are far away")
        seen: set[date] = set()
        for holiday in self.dates:
            if holiday.date in seen:
                raise BadRule("dates", "a date is listed twice", "list each date once")
            if len(holiday.label) > 200:
                raise BadRule("dates", "a label is longer than 200 characters", "shorten it")
            seen.add(holiday.date)

    def place(self) -> str:
        return self.snapshot

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        by = "holiday.calendar", self.snapshot
        return timetable.with_holidays({day.date: Closing(*by, day.label) for day in self.dates})

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        days = sorted(day.date for day in self.dates)
        if days:
            first, last = teller.date(days[0]), teller.date(days[-1])
            count = teller.count(len(days), "day")
            yield "dates", teller("dates", snapshot=self.snapshot, days=count, first=first, last=last)
