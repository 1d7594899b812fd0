"""A second opinion on open time and reply times: a slow scanner that looks at every minute of a wall.

The scanner knows windows, dates and minutes, and nothing of segments, gaps or passes. Its clock is that of
another library (dateutil) over the same zone files, so that only the algorithms differ. Its one idea: a
boundary is reached once the wall has shown it or anything later, so it follows the latest face that the
wall has shown so far. Minutes are numbered from the start of the stretch; None means: not within it.
"""

import io
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files
from typing import Any

from dateutil import tz

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)
MONTH = 31 * 1440
BLOCK = 15
"""A zone that has one offset at both ends of so many minutes has it between them."""
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a face of a wall clock
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
Document = dict[str, Any]


@lru_cache(maxsize=1024)
def clock_of(zone: str) -> tzinfo:
    """The other library's clock, from the files of the pinned package."""
    data = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    return tz.tzfile(io.BytesIO(data))


def all_zones() -> list[str]:
    return files("tzdata").joinpath("zones").read_text("utf-8").split()


def changes(zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes (UTC) at which the zone's offset changes, found by looking every half day and then
    closer."""
    clock, step = clock_of(zone), timedelta(hours=12)
    low = start
    while low < end:
        high = low + step
        if _offset(clock, low) != _offset(clock, high):
            yield _narrowed(clock, low, high)
        low = high


def _narrowed(clock: tzinfo, low: datetime, high: datetime) -> datetime:
    old = _offset(clock, low)
    while high - low > MINUTE:
        middle = low + (high - low) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        low, high = (middle, high) if _offset(clock, middle) == old else (low, middle)
    return high


def _offset(clock: tzinfo, at: datetime) -> timedelta:
    offset = at.astimezone(clock).utcoffset()
    assert offset is not None
    return offset


@dataclass
class Stretch:
    """Some days of a zone, minute by minute: the latest face that its wall has shown so far."""

    zone: str
    start: datetime
    faces: list[int]
    """Minutes since 1970-01-01 00:00 on the wall, for each minute from `start`; never fewer than before."""

    @classmethod
    def around(
        cls,
        zone: str,
        middle: datetime,
        before: timedelta = timedelta(days=4),
        after: timedelta = timedelta(days=60),
    ) -> "Stretch":
        clock, start, latest = clock_of(zone), middle - before, 0
        faces: list[int] = []
        for number in range(0, (before + after) // MINUTE, BLOCK):
            for face in _block(clock, start + number * MINUTE):
                latest = max(latest, face)
                faces.append(latest)
        return cls(zone, start, faces)

    def at(self, number: int | None) -> datetime | None:
        return None if number is None else self.start + number * MINUTE

    @property
    def end(self) -> datetime:
        return self.start + len(self.faces) * MINUTE


def _block(clock: tzinfo, start: datetime) -> list[int]:
    """What the wall shows in each minute of a block."""

    def face(number: int) -> int:
        local = (start + number * MINUTE).astimezone(clock).replace(tzinfo=None)
        return (local - _WALL_EPOCH) // MINUTE

    first, last = face(0), face(BLOCK)
    if last - first == BLOCK:
        return list(range(first, last))
    return [face(number) for number in range(BLOCK)]


def minutes(window: Document, start: str = "start", end: str = "end") -> tuple[int, int]:
    """Minutes of a window from 00:00 of its date."""
    first, last = (int(str(window[k])[:2]) * 60 + int(str(window[k])[3:]) for k in (start, end))
    return (first, last) if last > first else (first, last + 1440)


def shown(day: int) -> str:
    """A date, counted from 1970, as rules write it."""
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


def counted(day: str) -> int:
    """A date as it is counted here."""
    return date.fromisoformat(day).toordinal() - _EPOCH_ORDINAL


def weekday(day: int) -> str:
    return WEEK[(day + 3) % 7]


@dataclass
class Hours:
    """What rules say of dates: documents as people write them, of the practice and of the therapist."""

    practice: list[Document]
    therapist: list[Document]

    def starting(self, day: int) -> list[tuple[int, int]]:
        """The windows that start on a date, in minutes from its 00:00."""
        replaced = [one["windows"] for one in self._exceptions(day, "replace")]
        if self.is_closed(day):
            found: list[Document] = []
        elif replaced:
            found = list(replaced[-1])  # the therapist's comes last
        else:
            found = [window for window in self._weekly(day) if self._happens(window, day)]
        for one in self._exceptions(day, "add"):
            if one not in self.practice or not self._away(day):
                found += one["windows"]
        return [minutes(window) for window in found]

    def is_closed(self, day: int) -> bool:
        """Whether something closes the whole date."""
        if self._away(day) or self._exceptions(day, "closed"):
            return True
        listed = [one["date"] for rule in self._all("holiday.calendar") for one in rule["dates"]]
        return shown(day) in listed and not self._exceptions(day, "replace")

    def _all(self, kind: str) -> list[Document]:
        return [one for one in (*self.practice, *self.therapist) if one["kind"] == kind]

    def _away(self, day: int) -> bool:
        return any(one["away_from"] <= shown(day) < one["back_on"] for one in self._all("absence"))

    def _exceptions(self, day: int, effect: str) -> list[Document]:
        return [
            one
            for one in self._all("window.exception")
            if one["effect"] == effect and one["date"] <= shown(day) <= str(one.get("through", one["date"]))
        ]

    def _weekly(self, day: int) -> list[Document]:
        for one in self._all("window.weekly"):
            if one.get("begins", "0001") <= shown(day) < one.get("ends", "9999"):
                return list(one["windows"])
        return []

    def _happens(self, window: Document, day: int) -> bool:
        if weekday(day) not in window["days"]:
            return False
        if window.get("every_n_weeks", 1) == 1:
            return True
        weeks = (day + 3) // 7 - (counted(window["anchor"]) + 3) // 7
        return weeks % int(window["every_n_weeks"]) == 0


@dataclass
class Scanner:
    """The hours of one stretch, date by date and minute by minute."""

    stretch: Stretch
    hours: Hours
    _own: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    _open: bytearray = field(default_factory=bytearray)
    _until: int | None = None
    """The first date of which `_open` knows nothing."""

    def reached(self, face: int) -> int:
        """The first minute at which the wall has shown that face or anything later."""
        return bisect_left(self.stretch.faces, face)

    def day_of(self, number: int) -> int:
        """The date at a minute."""
        return self.stretch.faces[number] // 1440

    def own(self, day: int) -> tuple[int, bytes]:
        """A first minute, and for each from there whether a window that started on the date is open."""
        if day not in self._own:
            wall = bytearray(2880)
            for start, end in self.hours.starting(day):
                wall[start:end] = b"\1" * (end - start)
            if self.hours.is_closed(day + 1):
                wall[1440:] = bytes(1440)
            first, last = self.reached(day * 1440), self.reached(day * 1440 + 2880)
            self._own[day] = first, self._shown(wall, first, last, day * 1440)
        return self._own[day]

    def _shown(self, wall: bytearray, first: int, last: int, zero: int) -> bytes:
        """What a wall from the face `zero` on says of each minute."""
        faces = self.stretch.faces
        if first < last and faces[last - 1] - faces[first] == last - 1 - first:  # it runs evenly
            return bytes(wall[faces[first] - zero : faces[last - 1] - zero + 1])
        return bytes(wall[face - zero] for face in faces[first:last])

    def open_from(self, number: int, wanted: int) -> int | None:
        """The first minute from there that is open (1) or closed (0)."""
        while True:
            found = self._open.find(wanted, number)
            if found >= 0:
                return found
            if len(self._open) == len(self.stretch.faces):
                return None
            self._look_further()

    def _look_further(self) -> None:
        """One date more, of which only the windows that start on it or on the one before are open."""
        day = self.day_of(0) if self._until is None else self._until
        first, last = len(self._open), self.reached((day + 1) * 1440)
        found = 0
        for one in (day - 1, day):
            start, minutes_open = self.own(one)
            part = bytes(max(0, start - first)) + minutes_open[max(0, first - start) : max(0, last - start)]
            found |= int.from_bytes(part.ljust(last - first, b"\0"))
        self._open += found.to_bytes(last - first)
        self._until = day + 1

    def ends(self, day: int) -> int | None:
        """The minute at which the last window that started on a date ends."""
        start, minutes_open = self.own(day)
        last = minutes_open.rfind(1)
        return None if last < 0 else start + last + 1

    def begins(self, day: int) -> int | None:
        """The first open minute of the windows that start on a date."""
        start, minutes_open = self.own(day)
        first = minutes_open.find(1)
        return None if first < 0 else start + first

    def days_from(self, day: int) -> Iterator[int]:
        """The dates from that one on whose windows lie wholly within the stretch."""
        last = self.stretch.faces[-1] // 1440 - 2
        return iter(range(max(day, self.day_of(0)), last))


class Unclear(Exception):
    """The stretch is too short to say; but nothing before the minute `after`, where that is known."""

    def __init__(self, after: int | None = None) -> None:
        super().__init__()
        self.after = after


def reply(scanner: Scanner, target: Document, begun: int) -> int | None:
    """The minute by which a reply is due; None: the rule names none. Unclear where it lies too far away."""
    if target["count"] in ("none", "deferred_to_session"):
        return None
    if target["count"] == "wall_hours":
        return begun + 60 * int(target["n"])
    if target["count"] == "cutoff_table":
        return _table(scanner, target["bands"], begun)
    base = scanner.open_from(begun, 1)
    if base is None:
        raise Unclear
    if target["count"] == "window_minutes":
        return _open_minutes(scanner, int(target["n"]), base)
    if target["count"] == "next_windows":
        return _windows(scanner, int(target["n"]), base)
    if target["count"] == "from_slot":
        return _slot(scanner, target, base)
    return _open_days(scanner, int(target["n"]), str(target.get("at", "end_of_last_segment")), base)


def _open_minutes(scanner: Scanner, left: int, base: int) -> int:
    number = base
    while left:
        open_at = scanner.open_from(number, 1)
        if open_at is None:
            raise Unclear
        number, left = open_at + 1, left - 1
    return number


def _windows(scanner: Scanner, n: int, base: int) -> int:
    """One after the other; one that has not ended after a month never does, and its dates count instead."""
    opens, number = base, 0
    while True:
        closes = scanner.open_from(opens, 0)
        if closes is None and opens > len(scanner.stretch.faces) - MONTH:
            raise Unclear(opens)
        if closes is None:
            return _open_days(scanner, n - number, "end_of_last_segment", opens)
        if number == n:
            return closes
        following = scanner.open_from(closes, 1)
        if following is None:
            raise Unclear
        opens, number = following, number + 1


def _slot(scanner: Scanner, target: Document, base: int) -> int:
    face = minutes({"start": target["at"], "end": "24:00"})[0]
    for day in scanner.days_from(scanner.day_of(base) - 1):
        slot = scanner.reached(day * 1440 + face)
        if weekday(day) == target["weekday"] and slot >= base and not scanner.hours.is_closed(day):
            return slot + 60 * int(target["hours"])
    raise Unclear


def _open_days(scanner: Scanner, n: int, at: str, base: int) -> int:
    days = (day for day in scanner.days_from(scanner.day_of(base) - 2) if (scanner.ends(day) or 0) > base)
    day = next((day for number, day in enumerate(days) if number == n), None)
    if day is None:
        raise Unclear
    first, last = scanner.begins(day), scanner.ends(day)
    assert first is not None and last is not None
    if at == "end_of_last_segment":
        return last
    face = day * 1440 + int(at[:2]) * 60 + int(at[3:])
    wished = scanner.reached(face)
    if wished < first and scanner.reached(face + 1440) <= last:
        wished = scanner.reached(face + 1440)
    start, minutes_open = scanner.own(day)
    inside = wished - start < len(minutes_open) and wished >= start and minutes_open[wished - start]
    if not inside:
        before = minutes_open[: max(0, wished - start)].rfind(1)
        wished = first if before < 0 else start + before + 1
    return wished if wished > base else last


def _table(scanner: Scanner, bands: Sequence[Document], begun: int) -> int:
    """Minute by minute, until one lies in a band that started on an open date."""
    known = [(band, *minutes(band, "from", "until")) for band in bands]
    for number in range(begun, len(scanner.stretch.faces)):
        face = scanner.stretch.faces[number]
        for day in (face // 1440, face // 1440 - 1):
            for band, start, end in known:
                lies_in = weekday(day) in band["days"] and start <= face - day * 1440 < end
                if lies_in and scanner.begins(day) is not None:
                    return _due(scanner, band, day)
    raise Unclear


def _due(scanner: Scanner, band: Document, day: int) -> int:
    left = int(band["due_day_offset"])
    for one in scanner.days_from(day):
        if scanner.begins(one) is None:
            continue
        if left == 0:
            time = str(band["due_time"])
            return scanner.reached(one * 1440 + int(time[:2]) * 60 + int(time[3:]))
        left -= 1
    raise Unclear
