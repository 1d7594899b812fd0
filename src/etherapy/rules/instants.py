"""Instants as files write them (RFC 3339), to the millisecond, and as people type them on a wall."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import first_instant, instant, milliseconds, wall_minute, zone

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,3}0*)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_WALL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})")
_YEARS = range(1970, 9998)
_YEARS_OF_RULES = range(1900, 9900)
"""So that whatever a rule adds to one of its dates is still a date."""
_DATELESS = frozenset({str, int, bool, dict, type(None)})
_FACE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only printed, with a Z behind


def read_instant(value: Any, field: str) -> datetime:
    """An instant in UTC; BadRule naming `field` for finer ones, for far-away years, and for anything else."""
    mend = "write an instant such as 2026-11-24T09:30:00Z, with at most milliseconds"
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise BadRule(field, "not an instant with its offset from UTC", mend)
    try:
        found = instant(milliseconds(datetime.fromisoformat(value)))
    except (ValueError, OverflowError):
        raise BadRule(field, "this instant does not exist", mend) from None
    return _near(found, field)


def read_moment(text: str, zone_name: str, field: str) -> datetime:
    """An instant with its offset, or a time on the wall of a zone (2026-06-01T22:40), in UTC.

    A wall time that is skipped or shown twice means what it means in a rule (docs/rules.md 1).
    """
    match = _WALL.fullmatch(text)
    if match is None:
        return read_instant(text, field)
    mend = "write a time such as 2026-06-01T22:40, on the wall of the zone"
    try:
        day = datetime.strptime(match[1], "%Y-%m-%d").date()  # noqa: DTZ007 - a date
        minute = int(match[2]) * 60 + int(match[3])
        if minute >= 1440 or int(match[3]) > 59:
            raise ValueError
    except ValueError:
        raise BadRule(field, "this time does not exist", mend) from None
    if day.year not in _YEARS:
        raise BadRule(field, "too far away", "use the years 1970 to 9997")
    return instant(first_instant(zone(zone_name), wall_minute(day.toordinal(), minute)))


def show_instant(at: datetime) -> str:
    """An instant as UTC with a Z, milliseconds only where there are any."""
    ms = milliseconds(at)
    precision = "milliseconds" if ms % 1000 else "seconds"
    return (_FACE_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec=precision) + "Z"


def _near(at: datetime, field: str) -> datetime:
    if at.astimezone(UTC).year not in _YEARS:
        raise BadRule(field, "too far away", "use the years 1970 to 9997")
    return at


def refuse_far_dates(value: Any, path: str = "") -> None:
    """BadRule with the path of the first date or instant of a rule that is too far away to count with."""
    if isinstance(value, date):
        if value.year not in _YEARS_OF_RULES:
            mend = f"use the years 1900 to {_YEARS_OF_RULES.stop - 1}, or leave it out"
            raise BadRule(path.removeprefix("."), "too far away", mend)
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            if type(one := getattr(value, field)) not in _DATELESS:  # most: a sheet has thousands
                refuse_far_dates(one, f"{path}.{field}")
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            refuse_far_dates(one, f"{path}[{number}]")
