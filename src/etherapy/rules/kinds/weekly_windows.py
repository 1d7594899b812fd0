"""Weekly windows: the hours that come back every week."""

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable
from etherapy.rules.windows import WEEKDAYS, Span, WeekWindow

MOST_WINDOWS = 100


class WeeklyWindows(Rule, frozen=True, kw_only=True, tag="window.weekly"):
    """The hours of a week in which messages are read, on the wall of `zone` (R-01).

    Without windows it is never open by the week; dates can still be added. Nothing is assumed about the
    zone: it must be set by some layer.
    """

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

    def shape(self, timetable: Timetable) -> Timetable:
        weekly: dict[str, list[Span]] = {day: [] for day in WEEKDAYS}
        for window in self.windows:
            for day in window.days:
                weekly[day].append(window.span)
        return timetable.with_weekly(self.zone, weekly.values())
