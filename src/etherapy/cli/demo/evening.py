"""On which evening the story happens: the next ordinary Monday, wherever the machine's own date is."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from etherapy.rules.calendar import zone

CLIENT_ZONE = "America/Chicago"
THERAPIST_ZONE = "America/New_York"
WRITES = time(22, 40)
OPENS, CLOSES = time(9), time(17)

_FEASTS = {(1, 1), (7, 4), (12, 24), (12, 25), (12, 26), (12, 31)}
"""Days on which a story about an ordinary morning would sound odd. The rules know no holidays here."""


@dataclass(frozen=True, slots=True)
class Evening:
    """The instants of the story, UTC, from the calendar alone: what the product must agree with."""

    written_at: datetime
    opens_at: datetime
    reply_by: datetime
    next_evening: datetime
    """22:40 in Chicago on the next working day, where the stage is left to the audience."""


def choose_evening(now: datetime) -> Evening:
    """The first Monday, 22:40 in Chicago, that is later than `now` and begins an ordinary week."""
    monday = now.astimezone(zone(CLIENT_ZONE)).date()
    while monday.weekday() != 0 or _at(monday, WRITES, CLIENT_ZONE) <= now or _is_odd(monday):
        monday += timedelta(days=1)
    tuesday, wednesday = monday + timedelta(days=1), monday + timedelta(days=2)
    return Evening(
        _at(monday, WRITES, CLIENT_ZONE),
        _at(tuesday, OPENS, THERAPIST_ZONE),
        _at(wednesday, CLOSES, THERAPIST_ZONE),
        _at(tuesday, WRITES, CLIENT_ZONE),
    )


def _is_odd(monday: date) -> bool:
    days = [monday + timedelta(days=n) for n in range(3)]
    return any((day.month, day.day) in _FEASTS for day in days)


def _at(day: date, wall: time, name: str) -> datetime:
    return datetime.combine(day, wall, zone(name)).astimezone(UTC)
