"""When somebody is open: weekly windows, with the facts of single dates applied, as segments of real time.

A date's segments are compiled when first asked for and remembered, so one timetable serves many questions.
Inside, an instant is milliseconds since 1970 UTC: neither zoned arithmetic nor its traps are possible.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import NamedTuple, Self

from etherapy.rules.calendar import (
    DAY_MINUTES,
    MINUTE_MS,
    even_midnight,
    first_instant,
    instant,
    local_ordinal,
    milliseconds,
    utc_ordinal,
    wall_minute,
    zone,
)
from etherapy.rules.windows import Span, joined

HORIZON_DAYS = 400
HORIZON_MS = HORIZON_DAYS * 86_400_000
_DAYS_REMEMBERED = 512
_NEVER_ENDS = date.max.toordinal() + 1

AWAY = "absence"
"""The kind of rule that closes dates because somebody is away."""
Segment = tuple[int, int]
"""Open time in milliseconds since 1970 UTC, half-open."""


class Week(NamedTuple):
    """What is open by the week, from one date (ordinal) to before another."""

    begins: int
    ends: int
    every: tuple[tuple[Span, ...], ...]
    """Monday to Sunday: what is open in each week."""
    seldom: tuple[tuple[tuple[Span, int, int], ...], ...] = ((),) * 7
    """Monday to Sunday: spans of every n-th week, with n and a Monday (ordinal) of such a week."""

    @classmethod
    def always(cls, every: tuple[tuple[Span, ...], ...]) -> Self:
        """The same in each week, for ever."""
        return cls(0, _NEVER_ENDS, every)

    def spans(self, ordinal: int) -> tuple[Span, ...]:
        """The windows that start on a date."""
        weekday = (ordinal + 6) % 7
        seldom = self.seldom[weekday]
        if not seldom:
            return self.every[weekday]
        monday = ordinal - weekday
        these = (span for span, n, anchor in seldom if (monday - anchor) // 7 % n == 0)
        return joined((*self.every[weekday], *these))


class Closing(NamedTuple):
    """What closes a date: the kind of rule, which of that kind (`Rule.place`), and what people call it."""

    kind: str
    place: str
    label: str
    told_from: int = 0
    """The date (ordinal) from which on clients may read the label."""


class Timetable:
    """Open time in one zone (docs/rules.md 1 and 2); a value: the methods named `with_…` give a changed copy.

    What is said of a date, strongest first: a `closed` masks the whole date, the tail of the night before
    included (D-3), and only windows added to the date itself stay; a `replaced` swaps the windows that
    start on it and lifts a holiday; an `added` window is open besides. The maps are by `date.toordinal`; all
    spans are as `joined` gives them.
    """

    def __init__(
        self,
        zone_name: str = "Etc/UTC",
        weekly: tuple[Week, ...] = (),
        closed: Mapping[int, Closing] | None = None,
        holidays: Mapping[int, Closing] | None = None,
        replaced: Mapping[int, tuple[Span, ...]] | None = None,
        added: Mapping[int, tuple[Span, ...]] | None = None,
    ) -> None:
        self.zone_name = zone_name
        self._zone = zone(zone_name)
        self._weekly = weekly
        self._closed = dict(closed or {})
        self._holidays = dict(holidays or {})
        self._replaced = dict(replaced or {})
        self._added = dict(added or {})
        self._is_draft = False
        self._remembered: dict[int, tuple[Segment, ...]] = {}

    # --- shaping ----------------------------------------------------------------------------------

    @classmethod
    def shaped(cls, shapes: Iterable[Callable[[Self], Self]]) -> Self:
        """What these make of a timetable that is never open, one after the other, without a copy for each."""
        draft = cls()
        draft._is_draft = True
        for shape in shapes:
            draft = shape(draft)
        draft._is_draft = False
        return draft

    def with_weekly(
        self,
        zone_name: str,
        weekly: Iterable[Iterable[Span]],
        seldom: Iterable[Iterable[tuple[Span, int, int]]] = ((),) * 7,
        begins: date | None = None,
        ends: date | None = None,
    ) -> Self:
        """Open by the week in that zone, from a date to before another: spans for Monday to Sunday, and
        `seldom` those of every n-th week (`Week.seldom`). Times of several weeks do not overlap."""
        week = Week(
            0 if begins is None else begins.toordinal(),
            _NEVER_ENDS if ends is None else ends.toordinal(),
            tuple(joined(spans) for spans in weekly),
            tuple(tuple(spans) for spans in seldom),
        )
        changed = self._changed()
        changed.zone_name, changed._zone = zone_name, zone(zone_name)
        changed._weekly = (*changed._weekly, week)
        return changed

    def with_closed(self, days: Mapping[date, Closing]) -> Self:
        """Closed on those dates, whatever else opens them except a window added to one of them.

        The last that closes a date is named, but before all others that somebody is away.
        """
        changed = self._changed()
        for day, closing in days.items():
            before = changed._closed.get(day.toordinal())
            if before is None or before.kind != AWAY:
                changed._closed[day.toordinal()] = closing
        return changed

    def with_holidays(self, days: Mapping[date, Closing]) -> Self:
        """Closed on those dates, unless their windows are replaced."""
        changed = self._changed()
        changed._holidays.update({day.toordinal(): closing for day, closing in days.items()})
        return changed

    def with_replaced(self, days: Iterable[date], spans: Iterable[Span]) -> Self:
        """These windows start on each of those dates instead of the weekly ones."""
        changed = self._changed()
        changed._replaced.update(dict.fromkeys(map(date.toordinal, days), joined(spans)))
        return changed

    def with_added(self, days: Iterable[date], spans: Iterable[Span]) -> Self:
        """These windows start on each of those dates besides the others."""
        changed, more = self._changed(), tuple(spans)
        for ordinal in map(date.toordinal, days):
            changed._added[ordinal] = joined((*changed._added.get(ordinal, ()), *more))
        return changed

    def _changed(self) -> Self:
        """What a `with_…` changes: a copy, or a draft itself."""
        if self._is_draft:
            return self
        return type(self)(
            self.zone_name, self._weekly, self._closed, self._holidays, self._replaced, self._added
        )

    # --- asking, with datetimes -------------------------------------------------------------------

    def is_open(self, at: datetime) -> bool:
        """Whether the instant lies in a segment; its end lies outside."""
        ms = milliseconds(at)
        return self.next_open_ms(ms) == ms

    def next_open(self, at: datetime) -> datetime | None:
        """In UTC, the instant itself when open, else the start of the next segment; None: not in 400 days."""
        ms = milliseconds(at)
        found = self.next_open_ms(ms)
        if found is None:
            return None
        return at.astimezone(UTC) if found == ms else instant(found)

    def closes_at(self, at: datetime) -> datetime | None:
        """The end of the merged open time that lasts at `at` or comes next; None: no end within 400 days."""
        found = self.closes_at_ms(milliseconds(at))
        return None if found is None else instant(found)

    def after_open_minutes(self, at: datetime, minutes: int) -> datetime | None:
        """The instant at which that many open minutes have passed since `at`; None: not within 400 days.

        A number that exactly fills a segment ends with it; zero minutes are over when it is next open.
        """
        found = self.after_open_ms(milliseconds(at), minutes * MINUTE_MS)
        return None if found is None else instant(found)

    def segments_of(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The segments that belong to a date: those that start on it, merged, in order."""
        return tuple((instant(start), instant(end)) for start, end in self.segments_ms(day.toordinal()))

    def merged_from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open time that ends after `at`, across dates; what starts later than 400 days on is left out."""
        for start, end in self.merged_ms(milliseconds(at)):
            yield instant(start), instant(end)

    def opening(self, at: datetime) -> datetime | None:
        """When the segment began that lasts at `at`, or begins that comes next; None: none within 400
        days."""
        return next((instant(start) for _, start, _ in self.upcoming_ms(milliseconds(at))), None)

    def closing(self, at: datetime, seen_at: datetime | None = None) -> Closing | None:
        """What closes the date that the zone's wall shows at that instant; None if nothing does.

        Without its label where `seen_at`, the instant at which people read it, is too early for that.
        """
        ordinal = local_ordinal(self._zone, milliseconds(at))
        if not self.is_closed_date(ordinal):
            return None
        found = self._closed.get(ordinal) or self._holidays[ordinal]
        seen = ordinal if seen_at is None else local_ordinal(self._zone, milliseconds(seen_at))
        return found if seen >= found.told_from else found._replace(label="")

    def date_of(self, at: datetime) -> date:
        """The date that the zone's wall shows at that instant."""
        return date.fromordinal(local_ordinal(self._zone, milliseconds(at)))

    def midnight(self, day: date) -> datetime:
        """The instant at which a date begins."""
        return instant(first_instant(self._zone, wall_minute(day.toordinal())))

    # --- asking, in milliseconds ------------------------------------------------------------------

    def next_open_ms(self, at: int) -> int | None:
        """As `next_open`, in milliseconds."""
        for _, start, _ in self.upcoming_ms(at):
            return max(start, at)
        return None

    def closes_at_ms(self, at: int) -> int | None:
        """As `closes_at`, in milliseconds."""
        until: int | None = None
        last = at + HORIZON_MS
        for _, start, end in self.upcoming_ms(at):
            if until is not None and start > until:
                break
            until = end if until is None else max(until, end)
            if until > last:
                return None
        return until

    def after_open_ms(self, at: int, left: int) -> int | None:
        """As `after_open_minutes`, both in milliseconds."""
        counted = at
        for _, start, end in self.upcoming_ms(at):
            start = max(start, counted)
            if end < start or (end == start and left):
                continue
            if end - start >= left:
                return start + left if start + left <= at + HORIZON_MS else None
            left -= end - start
            counted = end
        return None

    def merged_ms(self, at: int) -> Iterator[Segment]:
        """As `merged_from`, in milliseconds."""
        current: Segment | None = None
        for _, start, end in self.upcoming_ms(at):
            if current is None:
                current = (start, end)
            elif start <= current[1]:
                current = (current[0], max(current[1], end))
            else:
                yield current
                current = (start, end)
        if current is not None:
            yield current

    def upcoming_ms(self, at: int) -> Iterator[tuple[int, int, int]]:
        """Date (ordinal), start and end of each segment that ends after `at`, by date, so by start.

        Segments of neighbouring dates may overlap. What starts later than 400 days on is left out.
        """
        last = at + HORIZON_MS
        for ordinal in self._dates_from(utc_ordinal(at) - 2):  # no zone is a day and a half behind UTC
            for start, end in self.segments_ms(ordinal):
                if start > last:
                    return
                if end > at:
                    yield ordinal, start, end

    def segments_ms(self, ordinal: int) -> tuple[Segment, ...]:
        """As `segments_of`, for a date as ordinal, in milliseconds."""
        found = self._remembered.get(ordinal)
        if found is None:
            if len(self._remembered) >= _DAYS_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[ordinal] = self._compile(ordinal)
        return found

    def wall_ms(self, ordinal: int, minute: int) -> int:
        """The instant at which the wall shows that minute of a date, or of the next from 1440 on."""
        return first_instant(self._zone, wall_minute(ordinal, minute))

    def date_ms(self, at: int) -> int:
        """As `date_of`, in milliseconds and as ordinal."""
        return local_ordinal(self._zone, at)

    def open_dates(self, ordinal: int) -> Iterator[int]:
        """The dates from that one on, as far as anything is looked for, on which a segment starts."""
        return (day for day in self._dates_from(ordinal) if self.segments_ms(day))

    def is_closed_date(self, ordinal: int) -> bool:
        """Whether something closes the whole date, whatever is added to it."""
        return ordinal in self._closed or (ordinal in self._holidays and ordinal not in self._replaced)

    # --- compiling --------------------------------------------------------------------------------

    @cached_property
    def _single_dates(self) -> list[int]:
        """The dates that have windows of their own, in order."""
        return sorted({*self._replaced, *self._added})

    @cached_property
    def _never_weekly(self) -> bool:
        return not any(any(week.every) or any(week.seldom) for week in self._weekly)

    def _dates_from(self, ordinal: int) -> Iterable[int]:
        """The dates on which something may start, from that one to beyond the horizon."""
        if self._never_weekly:
            return self._single_dates[bisect_left(self._single_dates, ordinal) :]
        return range(ordinal, ordinal + HORIZON_DAYS + 5)

    def _spans(self, ordinal: int) -> tuple[Span, ...]:
        """The windows that start on a date, on its wall."""
        if self.is_closed_date(ordinal):
            spans: tuple[Span, ...] = ()
        else:
            replaced = self._replaced.get(ordinal)
            spans = self._by_week(ordinal) if replaced is None else replaced
        if ordinal in self._added:
            spans = joined((*spans, *self._added[ordinal]))
        if spans and spans[-1][1] > DAY_MINUTES and self.is_closed_date(ordinal + 1):
            spans = tuple((start, min(end, DAY_MINUTES)) for start, end in spans)
        return spans

    def _by_week(self, ordinal: int) -> tuple[Span, ...]:
        return next((w.spans(ordinal) for w in self._weekly if w.begins <= ordinal < w.ends), ())

    def _compile(self, ordinal: int) -> tuple[Segment, ...]:
        """Segments of a date; one that a change of the clock leaves without length is dropped."""
        spans = self._spans(ordinal)
        if not spans:
            return ()
        midnight = even_midnight(self._zone, ordinal)
        if midnight is not None:
            return tuple((midnight + start * MINUTE_MS, midnight + end * MINUTE_MS) for start, end in spans)
        zero = wall_minute(ordinal)
        return joined(
            (first_instant(self._zone, zero + start), first_instant(self._zone, zero + end))
            for start, end in spans
        )
