"""How an instant is shown to people: on the practice's wall first, and on the other party's where it
differs."""

from datetime import UTC, date, datetime, timedelta

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
    day = show_date(local.date(), words, local.year != _wall(seen_at, here).year)
    name = show_zone(here, words) + _offset_where_unclear(at, here)
    shown = {"date": day, "time": _time(local, words), "zone": name}
    unclear = _offset_where_unclear(at, there)
    if _face(local) == _face(away):
        return words.say("moment", **shown)
    other = _time(away, words) + unclear
    if away.date() != local.date():
        day = show_date(away.date(), words, away.year != local.year)
        other = words.say("moment_there", date=day, time=other)
    return words.say("moment_for_both", **shown, there=other, whose=whose)


def show_span(
    start: datetime, end: datetime, here: str, there: str, whose: str, words: Words, seen_at: datetime
) -> str:
    """From one instant to another, like `show_moment`: "Tue 2 Jun, 9:00 to 17:00 Eastern (8:00 to 16:00 your
    time)"."""
    shown, other = (_span(start, end, name, words, seen_at) for name in (here, there))
    place = show_zone(here, words)
    if all(_face(_wall(at, here)) == _face(_wall(at, there)) for at in (start, end)):
        return words.say("span_here", span=shown, zone=place)
    if _wall(start, here).date() == _wall(start, there).date():
        other = _span(start, end, there, words, seen_at, dated=False)
    return words.say("span_for_both", span=shown, zone=place, there=other, whose=whose)


def show_date(day: date, words: Words, with_year: bool = True) -> str:
    """A date: "Mon 2 Nov 2026"."""
    return words.say(
        "date_with_year" if with_year else "date",
        weekday=words.weekdays[day.weekday()],
        day=str(day.day),
        month=words.months[day.month - 1],
        year=str(day.year),
    )


def show_zone(name: str, words: Words) -> str:
    """What people call a zone: its usual name, or the city in its id."""
    return words.zones.get(name) or name.rpartition("/")[2].replace("_", " ")


def _span(
    start: datetime, end: datetime, place: str, words: Words, seen_at: datetime, dated: bool = True
) -> str:
    """On one wall; the date stands before the end again where it is another, midnight belonging to the day
    before."""
    first, last = _wall(start, place), _wall(end, place)
    begins = _time(first, words) + _offset_where_unclear(start, place)
    ends = _time(last, words) + _offset_where_unclear(end, place)
    if last.date() == first.date() + timedelta(days=1) and last.hour == last.minute == 0:
        ends = words.say("clock", time="24:00") + _offset_where_unclear(end, place)
    elif last.date() != first.date():
        ends = words.say("moment_there", date=show_date(last.date(), words, with_year=False), time=ends)
    span = words.say("span", start=begins, end=ends)
    if not dated:
        return span
    day = show_date(first.date(), words, first.year != _wall(seen_at, place).year)
    return words.say("span_with_date", date=day, span=span)


def _wall(at: datetime, name: str) -> datetime:
    return at.astimezone(zone(name))


def _face(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _time(local: datetime, words: Words) -> str:
    return words.say("clock", time=f"{local.hour}:{local.minute:02d}")


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
