"""What zone data says of the years to come, kept so that newer data can be held against it (rules.md 3.2).

Stored promises are never computed again. What newer data moves is only named, for a person to look at.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from etherapy.rules.calendar import change_in, instant, milliseconds, offset_at, zone, zone_names

Offsets = Sequence[Sequence[int]]
"""[from when (ms), offset from UTC (s)], in order."""
Forecast = Mapping[str, Offsets]
"""By the name of the zone."""
FORECAST_DAYS = 1100
_STEP = timedelta(days=5)
"""No zone changes its offset and changes it back within six days (`calendar.even_midnight`)."""


@lru_cache(maxsize=4)
def zone_forecast(since: date) -> Forecast:
    """The offsets of every zone of this program's data, from a date on for three years."""
    begins = datetime(since.year, since.month, since.day, tzinfo=UTC)
    return {name: list(_offsets(zone(name), begins)) for name in zone_names()}


def _offsets(place: ZoneInfo, begins: datetime) -> Iterator[list[int]]:
    at, until, offset = begins, begins + timedelta(days=FORECAST_DAYS), offset_at(place, begins)
    yield [milliseconds(at), _seconds(offset)]
    while at < until:
        further = at + _STEP
        if (new := offset_at(place, further)) != offset:
            yield [change_in(place, at.replace(tzinfo=None), further.replace(tzinfo=None)), _seconds(new)]
            offset = new
        at = further


def _seconds(offset: timedelta) -> int:
    return offset // timedelta(seconds=1)


def moved_spans(old: Offsets, new: Offsets, until: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches, before an instant, in which a zone has another offset than was forecast.

    What lies before both forecasts begin is not looked at.
    """
    begins, ends = max(old[0][0], new[0][0]), milliseconds(until)
    if begins >= ends:
        return []
    edges = sorted({at for at, _ in (*old, *new) if begins <= at < ends} | {begins, ends})
    found: list[tuple[datetime, datetime]] = []
    for start, end in pairwise(edges):
        if _at(old, start) == _at(new, start):
            continue
        if found and found[-1][1] == instant(start):
            found[-1] = (found[-1][0], instant(end))
        else:
            found.append((instant(start), instant(end)))
    return found


def _at(offsets: Offsets, ms: int) -> int:
    return [offset for at, offset in offsets if at <= ms][-1]
