"""Wall clocks and instants: the only file that knows what a time zone is.

Zones come from the pinned `tzdata` package and never from the operating system, whose copy may be another
edition (D-14). Two nodes with one edition promise one time, and a decision names the edition it used.
"""

import hashlib
import io
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from zoneinfo import ZoneInfo

from etherapy.rules.bad_rule import BadRule

DAY_MINUTES = 1440
MINUTE_MS = 60_000
_DAY_MS = DAY_MINUTES * MINUTE_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a face of a wall clock has no zone
_EPOCH_ORDINAL = _WALL_EPOCH.toordinal()
_MS = timedelta(milliseconds=1)


def milliseconds(instant: datetime) -> int:
    """The instant in whole milliseconds since 1970 UTC; what is finer is dropped. TypeError for a naive
    one."""
    return (instant - _EPOCH) // _MS


def instant(ms: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms)


@cache
def _zone_files() -> dict[str, bytes]:
    """Every zone of the package, read once, so that an upgrade under a running node cannot mix editions."""
    package = files("tzdata")
    names = package.joinpath("zones").read_text("utf-8").split()
    folder = package.joinpath("zoneinfo")
    return {name: folder.joinpath(*name.split("/")).read_bytes() for name in sorted(names)}


@cache
def tzdata_version() -> str:
    """The IANA edition in use, such as `2026f`."""
    return str(import_module("tzdata").IANA_VERSION)


@cache
def tzdata_checksum() -> str:
    """SHA-256 (hex) over the names and bytes of all zones; nodes of one installation must agree on it."""
    digest = hashlib.sha256()
    for name, data in _zone_files().items():
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


@cache
def zone_names() -> tuple[str, ...]:
    """All zone names that can be used, sorted."""
    return tuple(_zone_files())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that IANA name from the pinned package; BadRule when there is none."""
    data = _zone_files().get(name)
    if data is None:
        raise BadRule("zone", "there is no such time zone", _nearest(name))
    return ZoneInfo.from_file(io.BytesIO(data), key=name)


def _nearest(name: str) -> str:
    """Advice for a name that is not there: the right spelling if only the case or the blanks are wrong."""
    folded = name.strip().replace(" ", "_").lower()
    found = [known for known in zone_names() if folded and known.lower() in (folded, f"etc/{folded}")]
    found = found or [known for known in zone_names() if known.lower().endswith(f"/{folded}")]
    example = found[0] if found else "America/New_York"
    return f"write an IANA name such as {example}"


def wall_minute(ordinal: int, minute: int = 0) -> int:
    """Minutes on the wall since the wall showed 1970-01-01 00:00; `ordinal` as of `date.toordinal`."""
    return (ordinal - _EPOCH_ORDINAL) * DAY_MINUTES + minute


@lru_cache(maxsize=1 << 16)
def first_instant(place: ZoneInfo, wall: int) -> int:
    """The first instant (ms) at which the wall of the zone shows that minute or a later one.

    So a minute that the wall skips means the first instant after the gap (D-1), and a minute that
    it shows twice means the first pass. It never decreases when `wall` grows.
    """
    face = _WALL_EPOCH + timedelta(minutes=wall)
    before, after = _offsets(place, face)
    if before < after:
        return change_in(place, face - after, face - before)
    return (face - before - _WALL_EPOCH) // _MS


def last_instant(place: ZoneInfo, wall: int) -> int:
    """As `first_instant`, but a minute that the wall shows twice means the second pass: the end of a rest
    that a turned clock does not cut short (rules.md 3.2)."""
    face = _WALL_EPOCH + timedelta(minutes=wall)
    before, after = _offsets(place, face)
    return (face - after - _WALL_EPOCH) // _MS if before > after else first_instant(place, wall)


def _offsets(place: ZoneInfo, face: datetime) -> tuple[timedelta, timedelta]:
    """Offsets from UTC of a face on its first and second pass; in a gap, of before and after it (PEP 495)."""
    first, second = place.utcoffset(face), place.utcoffset(face.replace(fold=1))
    assert first is not None and second is not None
    return first, second


def change_in(place: ZoneInfo, low: datetime, high: datetime) -> int:
    """The instant (ms) in (low, high], both UTC faces, at which the zone leaves the offset it has at
    `low`."""
    old = offset_at(place, low)
    start, end = (low - _WALL_EPOCH) // timedelta(seconds=1), (high - _WALL_EPOCH) // timedelta(seconds=1)
    while end - start > 1:
        middle = (start + end) // 2
        if offset_at(place, _WALL_EPOCH + timedelta(seconds=middle)) == old:
            start = middle
        else:
            end = middle
    return end * 1000


def offset_at(place: ZoneInfo, utc: datetime) -> timedelta:
    """The offset of the zone at an instant given as UTC (aware, or naive and meant as UTC)."""
    there = place.fromutc(utc.replace(tzinfo=place))
    offset = there.utcoffset()
    assert offset is not None
    return offset


def even_midnight(place: ZoneInfo, ordinal: int) -> int | None:
    """The instant (ms) of 00:00 of a date if the wall runs evenly for 48 hours from there, else None.

    A shortcut: on such a day, wall minutes are added without asking the zone. It relies on no zone changing
    its offset and changing it back within six days, which a test asserts of the pinned data since 1970.
    """
    offset = _offset_of_block(place, ordinal >> 2)
    if offset is None:
        offset = _even_offset(place, ordinal, 2)
    return None if offset is None else (ordinal - _EPOCH_ORDINAL) * _DAY_MS - offset


@lru_cache(maxsize=1 << 16)
def _offset_of_block(place: ZoneInfo, block: int) -> int | None:
    """The offset (ms) that holds for four dates, and for two more into which their windows reach; or None."""
    return _even_offset(place, block << 2, 6)


def _even_offset(place: ZoneInfo, ordinal: int, days: int) -> int | None:
    """The offset (ms) that holds from 00:00 of a date for so many days, or None when it changes in them."""
    face = _WALL_EPOCH + timedelta(days=ordinal - _EPOCH_ORDINAL)
    before = place.utcoffset(face)  # of the first pass: before a change at this very minute
    after = place.utcoffset((face + timedelta(days=days)).replace(fold=1))  # and after one at that minute
    return before // _MS if before is not None and before == after else None


def utc_ordinal(ms: int) -> int:
    """The date (as ordinal) of an instant in UTC."""
    return ms // _DAY_MS + _EPOCH_ORDINAL


def local_ordinal(place: ZoneInfo, ms: int) -> int:
    """The date (as ordinal) that the wall of the zone shows at an instant."""
    return place.fromutc(instant(ms).replace(tzinfo=place)).toordinal()


def local_date(place: ZoneInfo, ms: int) -> date:
    """The date that the wall of the zone shows at an instant."""
    return date.fromordinal(local_ordinal(place, ms))


def day_bounds(name: str, day: date) -> tuple[datetime, datetime]:
    """The instants at which a date begins and ends in a zone, half-open; equal if the zone skipped the
    date."""
    place, ordinal = zone(name), day.toordinal()
    return (
        instant(first_instant(place, wall_minute(ordinal))),
        instant(first_instant(place, wall_minute(ordinal + 1))),
    )
