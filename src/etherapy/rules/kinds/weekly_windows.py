"""Weekly windows: the hours that come back every week."""

from collections.abc import Iterator
from datetime import date

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Timetable
from etherapy.rules.windows import WEEKDAYS, Span, WeekWindow

MOST_WINDOWS = 100


class WeeklyWindows(Rule, frozen=True, kw_only=True, tag="window.weekly"):
    """The hours of a week in which messages are read, on the wall of `zone` (R-01).

    Without windows it is never open by the week; dates can still be added. Nothing is assumed about the
    zone: it must be set by some layer.
    """

    words = {
        "en": {
            "inside_window": "It was sent inside the agreed hours.",
            "outside_windows": "It was sent outside the agreed hours.",
            "zone": "The hours are those of {zone}.",
            "windows": "Messages are read: {hours}.",
            "no_windows": "There are no hours that come back every week.",
            "window": "{days} {hours}",
        },
    }

    zone: str = ""
    windows: tuple[WeekWindow, ...] = ()

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)
        if len(self.windows) > MOST_WINDOWS:
            raise BadRule("windows", f"more than {MOST_WINDOWS} windows", "join windows that touch")

    def check(self) -> None:
        if not self.zone:
            raise BadRule("zone", "no time zone is set", "name one, such as America/New_York")

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        weekly: dict[str, list[Span]] = {day: [] for day in WEEKDAYS}
        for window in self.windows:
            for day in window.days:
                weekly[day].append(window.span)
        return timetable.with_weekly(self.zone, weekly.values(), begins=begins, ends=ends)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        hours = "; ".join(
            teller("window", days=teller.days(one.days), hours=teller.hours(one)) for one in self.windows
        )
        yield "windows", teller("windows", hours=hours) if hours else teller("no_windows")
        yield "zone", teller("zone", zone=self.zone)
