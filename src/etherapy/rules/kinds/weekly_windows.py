"""Weekly windows: the hours that come back every week, or every n-th."""

from collections.abc import Iterator
from datetime import date

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Timetable
from etherapy.rules.windows import WEEKDAYS, DayWindow, RecurringWindow, Span

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
            "seldom": "{days} {hours}, every {weeks} (such as in the week of {date})",
        },
        "de": {
            "inside_window": "Sie wurde innerhalb der vereinbarten Zeiten gesendet.",
            "outside_windows": "Sie wurde außerhalb der vereinbarten Zeiten gesendet.",
            "zone": "Die Zeiten sind die von {zone}.",
            "windows": "Nachrichten werden gelesen: {hours}.",
            "no_windows": "Es gibt keine Zeiten, die jede Woche wiederkehren.",
            "window": "{days} {hours}",
            "seldom": "{days} {hours}, alle {weeks} (etwa in der Woche von {date})",
        },
    }

    zone: str = ""
    windows: tuple[RecurringWindow, ...] = ()

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)
        if len(self.windows) > MOST_WINDOWS:
            raise BadRule("windows", f"more than {MOST_WINDOWS} windows", "join windows that touch")

    def check(self) -> None:
        if not self.zone:
            raise BadRule("zone", "no time zone is set", "name one, such as America/New_York")

    def within(self, bounds: Bounds) -> None:
        found = sum(len(window.days) for window in self.windows if window.every_n_weeks == 1)
        if found < bounds.min_windows_per_week:
            problem = f"{found} windows in each week, and the practice wants {bounds.min_windows_per_week}"
            raise BadRule("windows", problem, "add windows that come back every week")

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        weekly: list[list[Span]] = [[] for _ in WEEKDAYS]
        seldom: list[list[tuple[Span, int, int]]] = [[] for _ in WEEKDAYS]
        for window in self.windows:
            for place in map(WEEKDAYS.index, window.days):
                if window.every_n_weeks == 1:
                    weekly[place].append(window.span)
                else:
                    seldom[place].append((window.span, window.every_n_weeks, window.monday))
        return timetable.with_weekly(self.zone, weekly, seldom, begins, ends)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        hours = "; ".join(_window(teller, window) for window in self.windows)
        yield "windows", teller("windows", hours=hours) if hours else teller("no_windows")
        yield "zone", teller("zone", zone=self.zone)


def _window(teller: Teller, window: RecurringWindow) -> str:
    shown = {"days": teller.days(window.days), "hours": teller.hours(DayWindow(window.start, window.end))}
    if window.anchor is None:
        return teller("window", **shown)
    weeks = teller.count(window.every_n_weeks, "week")
    return teller("seldom", **shown, weeks=weeks, date=teller.date(window.anchor))
