"""How an instant is shown to people: on the practice's wall first, and on the other party's where it
differs."""

from datetime import UTC, datetime, timedelta

from etherapy.rules.calendar import offset_at, zone
from etherapy.rules.words import Words

_NIGHT = timedelta(hours=12)


def show_moment(at: datetime, here: str, there: str, whose: str, words: Words, seen_at: datetime) -> str:
    """The instant in zone `here` and, if that wall shows something else, in zone `there` with `whose` time
    it is.

    Such as "Tue 2 Jun, 9:00 Eastern (8:00 your time)". Seconds are dropped, so a time shown is never later
    than meant. Near a change of the clock the offset stands behind; the year stands where it is not that
    of `seen_at`.
    """
    local, away = _wall(at, here), _wall(at, there)
    date = _date(local, words, local.year != _wall(seen_at, here).year)
    name = _zone_name(here, words) + _offset_where_unclear(at, here)
    shown = {"date": date, "time": _time(local), "zone": name}
    unclear = _offset_where_unclear(at, there)
    same = local.replace(tzinfo=None, fold=0) == away.replace(tzinfo=None, fold=0)
    if same:
        return words.say("moment", **shown)
    other = _time(away) + unclear
    if away.date() != local.date():
        other = words.say("moment_there", date=_date(away, words, away.year != local.year), time=other)
    return words.say("moment_for_both", **shown, there=other, whose=whose)


def _wall(at: datetime, name: str) -> datetime:
    return at.astimezone(zone(name))


def _time(local: datetime) -> str:
    return f"{local.hour}:{local.minute:02d}"


def _date(local: datetime, words: Words, with_year: bool) -> str:
    return words.say(
        "date_with_year" if with_year else "date",
        weekday=words.weekdays[local.weekday()],
        day=str(local.day),
        month=words.months[local.month - 1],
        year=str(local.year),
    )


def _zone_name(name: str, words: Words) -> str:
    """What people call the zone: its usual name, or the city in its id."""
    return words.zones.get(name) or name.rpartition("/")[2].replace("_", " ")


def _offset_where_unclear(at: datetime, name: str) -> str:
    """` (UTC-4)` when the clock changes within twelve hours, for then an hour can be there twice; else
    nothing."""
    place, utc = zone(name), at.astimezone(UTC)
    now = offset_at(place, utc)
    if now == offset_at(place, utc - _NIGHT) == offset_at(place, utc + _NIGHT):
        return ""
    minutes = now // timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f" (UTC{'-' if minutes < 0 else '+'}{hours}{f':{rest:02d}' if rest else ''})"
