"""How a kind says itself to people: its own words; dates, hours and counts as the language writes them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from etherapy.rules.moments import show_date, show_zone
from etherapy.rules.windows import WEEKDAYS, DayWindow, Weekday
from etherapy.rules.words import Words


@dataclass(frozen=True, slots=True)
class Teller:
    """Words of one language for one kind of rule."""

    words: Words
    kind: str
    shown: Callable[[datetime], str] | None = None
    """How whoever reads is shown an instant; None where their wall is not known."""

    def __call__(self, code: str, **blanks: str) -> str:
        """The kind's own template of that code, filled."""
        return self.words.say(f"{self.kind}.{code}", **blanks)

    def count(self, n: int, unit: str) -> str:
        """`1 day`, `3 days`, as `Words.count`."""
        return self.words.count(n, unit)

    def listed(self, parts: Iterable[str]) -> str:
        """`a, b and c`."""
        found = list(parts)
        if len(found) < 2:
            return "".join(found)
        return self.words.say("list_end", rest=", ".join(found[:-1]), last=found[-1])

    def date(self, day: date) -> str:
        """`Mon 2 Nov 2026`."""
        return show_date(day, self.words)

    def moment(self, at: datetime) -> str:
        """`Mon 2 Nov 2026, 9:00 Eastern`, on the walls of whoever reads; else in UTC."""
        if self.shown is not None:
            return self.shown(at)
        local = at.astimezone(UTC)
        clock = self.words.say("clock", time=f"{local.hour}:{local.minute:02d}")
        name = show_zone("Etc/UTC", self.words)
        return self.words.say("moment", date=self.date(local.date()), time=clock, zone=name)

    def hours(self, window: DayWindow) -> str:
        """`9:00 to 17:00`."""
        return self.words.say("hours", start=wall_time(window.start), end=wall_time(window.end))

    def days(self, days: Iterable[Weekday]) -> str:
        """`Mon to Fri, Sun`: neighbours of three and more as a span."""
        runs: list[list[int]] = []
        for place in sorted(WEEKDAYS.index(day) for day in days):
            if runs and place == runs[-1][-1] + 1:
                runs[-1].append(place)
            else:
                runs.append([place])
        names = [[self.words.weekdays[place] for place in run] for run in runs]
        return ", ".join(
            self.words.say("days_span", first=run[0], last=run[-1]) if len(run) > 2 else ", ".join(run)
            for run in names
        )


def wall_time(time: str) -> str:
    """`9:00` for `09:00`, as people write it."""
    return time.removeprefix("0")
