"""What a reply time can count: eight ways, each a value that finds the instant. docs/rules.md 5 has the law.

`begun` is when the message counts: its acceptance, or later where limits keep it back. `base` is the next
opening from then on, None where nothing opens. Both are in milliseconds.
"""

from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import DAY_MINUTES
from etherapy.rules.timetable import HORIZON_DAYS, HORIZON_MS, Timetable
from etherapy.rules.windows import WEEKDAYS, Span, Weekday, minute_of

HOUR_MS = 3_600_000
MOST_BANDS = 50
_WEEK_MINUTES = 7 * DAY_MINUTES


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count"):
    """One way of counting."""

    promises: ClassVar[bool] = True
    """Whether it names a time at all."""

    @property
    def days(self) -> int:
        """How many days it promises, for the practice's bound: open days and windows as one day each."""
        return 0

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        """By when the reply is due; None: no such time within the horizon, or none at all."""
        return None


class WindowMinutes(Count, frozen=True, tag="window_minutes"):
    """So many minutes of open time."""

    n: Annotated[int, Meta(ge=0, le=100_000)]

    @property
    def days(self) -> int:
        return -(-self.n // DAY_MINUTES)

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        return None if base is None else timetable.after_open_ms(base, self.n * 60_000)


class BusinessDays(Count, frozen=True, tag="business_days"):
    """So many open dates after that of the release (0: the same), at the end of their last segment or at
    HH:MM."""

    n: Annotated[int, Meta(ge=0, le=60)]
    at: str = "end_of_last_segment"

    def __post_init__(self) -> None:
        if self.at != "end_of_last_segment":
            minute_of(self.at, "at")

    @property
    def days(self) -> int:
        return self.n

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        if base is None:
            return None
        left, previous = self.n, None
        for ordinal, _, _ in timetable.upcoming_ms(base):
            if ordinal == previous:
                continue
            if left == 0:
                return self._on(ordinal, base, timetable)
            left, previous = left - 1, ordinal
        return None

    def _on(self, ordinal: int, base: int, timetable: Timetable) -> int:
        """HH:MM clipped into the date's segments; their end where that would not lie after the release."""
        segments = timetable.segments_ms(ordinal)
        if self.at == "end_of_last_segment":
            return segments[-1][1]
        minute = minute_of(self.at, "at")
        wished = timetable.wall_ms(ordinal, minute)
        if wished < segments[0][0]:  # perhaps a time after midnight, in a segment that began on this date
            late = timetable.wall_ms(ordinal, minute + DAY_MINUTES)
            if late <= segments[-1][1]:
                wished = late
        clipped = segments[0][0]
        for start, end in segments:
            if wished >= start:
                clipped = min(wished, end)
        return clipped if clipped > base else segments[-1][1]


class NextWindows(Count, frozen=True, tag="next_windows"):
    """The end of the n-th window after that of the release (0: its own).

    Windows that touch or overlap are one. Where open time never ends, each of its dates is a window.
    """

    n: Annotated[int, Meta(ge=0, le=60)]

    @property
    def days(self) -> int:
        return self.n

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        if base is None:
            return None
        for number, (start, end) in enumerate(timetable.merged_ms(base)):
            if end - base > HORIZON_MS:
                return BusinessDays(n=self.n - number).due(begun, max(start, base), timetable)
            if number == self.n:
                return end
        return None


class WallHours(Count, frozen=True, tag="wall_hours"):
    """So many hours, nights and closed dates included."""

    n: Annotated[int, Meta(ge=1, le=2400)]

    @property
    def days(self) -> int:
        return -(-self.n // 24)

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        return begun + self.n * HOUR_MS


class CutoffBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """What comes between two times of some weekdays is due at one time of an open day."""

    days: tuple[Weekday, ...]
    """Those on which it starts; it may reach past midnight and still belongs to them."""
    from_: str
    until: str
    due_day_offset: Annotated[int, Meta(ge=0, le=60)]
    """Which open day after that on which it starts; 0: the same."""
    due_time: str

    def __post_init__(self) -> None:
        if not self.days or len(set(self.days)) != len(self.days):
            raise BadRule("days", "no weekdays, each once", "name at least one of mon to sun")
        start, end = self.span
        due = minute_of(self.due_time, "due_time") + min(self.due_day_offset, 1) * DAY_MINUTES
        if start == DAY_MINUTES:
            raise BadRule("from", "a band cannot start at 24:00", "write 00:00 and the next weekday")
        if due < end:
            mend = "name a later due_time, or a higher due_day_offset"
            raise BadRule("due_time", "the reply is due before the band ends", mend)

    @property
    def span(self) -> Span:
        """Minutes from 00:00 of the date on which it starts."""
        start, end = minute_of(self.from_, "from"), minute_of(self.until, "until")
        if start == end:
            raise BadRule("until", "the band ends when it starts", "write 00:00 to 24:00 for all day")
        return (start, end) if end > start else (start, end + DAY_MINUTES)


class CutoffTable(Count, frozen=True, tag="cutoff_table"):
    """Bands of the day, each with the time at which its messages are answered.

    A band starts on open dates alone, and its offset counts open dates. What comes in no band counts from
    the start of the next. Times are meant as written, whether or not it is open then.
    """

    bands: tuple[CutoffBand, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.bands) <= MOST_BANDS:
            raise BadRule("bands", f"not 1 to {MOST_BANDS} bands", "name the bands of a day")
        last = -_WEEK_MINUTES
        week = sorted(self._week())
        for start, end in (*week, (week[0][0] + _WEEK_MINUTES, week[0][1] + _WEEK_MINUTES)):
            if start < last:
                raise BadRule("bands", "two bands overlap", "end the earlier one where the later begins")
            last = end

    def _week(self) -> Iterator[Span]:
        """All bands of a week, in minutes from Monday 00:00."""
        for band in self.bands:
            for zero in (WEEKDAYS.index(day) * DAY_MINUTES for day in band.days):
                yield zero + band.span[0], zero + band.span[1]

    @property
    def days(self) -> int:
        return max(band.due_day_offset for band in self.bands)

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        bands = sorted(self.bands, key=lambda band: band.span)
        for ordinal in timetable.open_dates(timetable.date_ms(begun) - 2):
            weekday = WEEKDAYS[(ordinal + 6) % 7]
            for band in bands:
                if weekday in band.days and _lasts(band, ordinal, begun, timetable):
                    return _due(band, ordinal, timetable)
        return None


def _lasts(band: CutoffBand, ordinal: int, at: int, timetable: Timetable) -> bool:
    """Whether it has any length on that date (clocks may leave it none), and ends after an instant."""
    start, end = (timetable.wall_ms(ordinal, minute) for minute in band.span)
    return end > max(start, at)


def _due(band: CutoffBand, ordinal: int, timetable: Timetable) -> int | None:
    minute = minute_of(band.due_time, "due_time")
    for number, date in enumerate(timetable.open_dates(ordinal)):
        if number == band.due_day_offset:
            return timetable.wall_ms(date, minute)
    return None


class FromSlot(Count, frozen=True, tag="from_slot"):
    """So many hours after the weekly slot by which messages are handed in, nights included.

    The slot is the first from the next opening on; on a date that something closes it does not take place.
    """

    weekday: Weekday
    at: str
    hours: Annotated[int, Meta(ge=0, le=2400)]

    def __post_init__(self) -> None:
        if minute_of(self.at, "at") == DAY_MINUTES:
            raise BadRule("at", "a slot cannot be at 24:00", "write 00:00 and the next weekday")

    @property
    def days(self) -> int:
        return 7 + -(-self.hours // 24)

    def due(self, begun: int, base: int | None, timetable: Timetable) -> int | None:
        if base is None:
            return None
        minute, today = minute_of(self.at, "at"), timetable.date_ms(base)
        first = today + (WEEKDAYS.index(self.weekday) - (today + 6)) % 7
        for ordinal in range(first - 7, first + HORIZON_DAYS, 7):
            slot = timetable.wall_ms(ordinal, minute)
            if slot >= base and not timetable.is_closed_date(ordinal):
                return slot + self.hours * HOUR_MS
        return None


class DeferredToSession(Count, frozen=True, tag="deferred_to_session"):
    """Read at the start of the next session and answered there: no time is promised."""

    promises: ClassVar[bool] = False


class NoTarget(Count, frozen=True, tag="none"):
    """No reply is promised."""

    promises: ClassVar[bool] = False


Target = (
    WindowMinutes
    | BusinessDays
    | NextWindows
    | WallHours
    | CutoffTable
    | FromSlot
    | DeferredToSession
    | NoTarget
)
