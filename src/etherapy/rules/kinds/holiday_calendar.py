"""Holidays: a reviewed list of dates that are closed."""

from collections.abc import Iterator
from datetime import date
from typing import ClassVar, Literal

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

    Always a frozen list that a person has reviewed, named by `snapshot`; never looked up while deciding,
    for lists of libraries and feeds are wrong about substitute days, and change silently.
    """

    accumulates: ClassVar[bool] = True
    words = {
        "en": {
            "closed_date": "The date is closed.",
            "closed_date_label": "The date is closed: {label}.",
            "dates": "Holidays ({snapshot}): closed on {days}, {first} to {last}.",
            "exclude": "Open as usual although listed: {dates}.",
            "reviewed": "Read through by {name} on {date}.",
        },
        "de": {
            "closed_date": "An diesem Tag ist geschlossen.",
            "closed_date_label": "An diesem Tag ist geschlossen: {label}.",
            "dates": "Feiertage ({snapshot}), an denen geschlossen ist: {days}, von {first} bis {last}.",
            "exclude": "Trotz Eintrag in der Liste wie sonst geöffnet: {dates}.",
            "reviewed": "Durchgesehen von {name} am {date}.",
        },
    }

    snapshot: str
    dates: tuple[Holiday, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    """Whose holidays they are: ISO 3166 codes, such as `GB-ENG`."""
    source: str = ""
    """Whence the list comes, with its version, such as `holidays 0.86`; empty: written by hand."""
    observed: Literal["observed", "both", "actual"] = "observed"
    """Whether the list has the substitute date of a holiday on a weekend, that date and the day itself, or
    the day alone. It says how the list was made; what is closed are its dates."""
    exclude: tuple[date, ...] = ()
    """Dates of the list on which this practice works."""
    reviewed_by: str = ""
    """The person who read the list through before it became a rule."""
    reviewed_on: date | None = None

    def __post_init__(self) -> None:
        if not self.snapshot or len(self.snapshot) > 100:
            raise BadRule("snapshot", "not 1 to 100 characters", "name the list, such as us-federal-2026")
        if len(self.dates) > MOST_DATES:
            raise BadRule("dates", f"more than {MOST_DATES} dates", "leave out years that are far away")
        listed = {holiday.date for holiday in self.dates}
        if len(listed) != len(self.dates):
            raise BadRule("dates", "a date is listed twice", "list each date once")
        if any(len(holiday.label) > 200 for holiday in self.dates):
            raise BadRule("dates", "a label is longer than 200 characters", "shorten it")
        if not listed.issuperset(self.exclude) or len(set(self.exclude)) != len(self.exclude):
            raise BadRule("exclude", "not dates of the list, each once", "name dates that the list closes")
        if max(map(len, (*self.jurisdictions, self.source, self.reviewed_by)), default=0) > 200:
            raise BadRule("source", "a text is longer than 200 characters", "shorten it")
        if self.source and not (self.reviewed_by.strip() and self.reviewed_on):
            mend = "read it through, then set reviewed_by to your name and reviewed_on to the date"
            raise BadRule("reviewed_by", "nobody has read this list from a library", mend)

    def place(self) -> str:
        return self.snapshot

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        by = "holiday.calendar", self.snapshot
        closed = {day.date: Closing(*by, day.label) for day in self.dates if day.date not in self.exclude}
        return timetable.with_holidays(closed)

    def is_past(self, today: date) -> bool:
        return all(day.date < today for day in self.dates)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        days = sorted({day.date for day in self.dates} - set(self.exclude))
        if days:
            first, last = teller.date(days[0]), teller.date(days[-1])
            count = teller.count(len(days), "day")
            yield "dates", teller("dates", snapshot=self.snapshot, days=count, first=first, last=last)
        if self.exclude:
            yield "exclude", teller("exclude", dates=teller.listed(map(teller.date, sorted(self.exclude))))
        if self.reviewed_on is not None and self.reviewed_by:
            on = teller.date(self.reviewed_on)
            yield "reviewed_by", teller("reviewed", name=self.reviewed_by, date=on)
