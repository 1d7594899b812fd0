"""Which tasks follow from what. Pure but for the ids handed in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from etherapy.binary import Id16
from etherapy.protocol.tasks import WaitingTurn
from etherapy.rules.calendar import day_bounds
from etherapy.rules.kinds.licence import Licence, outside_licence
from etherapy.rules.resolved import Rules
from etherapy.rules.standing_promises import closed_dates
from etherapy.store.tasks import NewTask

CLOSED_DATE = "promises_on_closed_date"
ZONE_DATA = "zone_data_changed"
OUTSIDE_LICENCE = "outside_licence"


def tasks_for_change(
    changes: Iterable[tuple[bytes, Rules, Rules]], now: datetime, random: Callable[[int], bytes]
) -> list[NewTask]:
    """For each therapist a task for each date that was open before a change of rules and is not after it.

    `changes`: owner of a thread, its rules before and after. The task is given whether or not anything was
    promised for the date: that it is there must tell nothing of what is held (G5).
    """
    found: dict[tuple[bytes, str], NewTask] = {}
    for owner, before, after in changes:
        zone = after.timetable.zone_name
        for day in closed_dates(before, after, now):
            begins, _ = day_bounds(zone, day)
            subject = date_subject(day, zone)
            task = NewTask(random(16), owner, CLOSED_DATE, max(begins, now), subject=subject)
            found.setdefault((owner, subject), task)
    return sorted(found.values(), key=lambda task: (task.account, task.due_at))


def tasks_for_place(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    threads: Iterable[tuple[bytes, bytes, Rules]],
    now: datetime,
    random: Callable[[int], bytes],
) -> list[NewTask]:
    """A client says to be somewhere else: for each therapist of theirs who is not licensed there, a task at
    the next opening, which names the place (R-25). No message is kept back for it.

    `before` and `after`: what the client has set; `threads`: owner, thread, and the rules that hold in it.
    """
    place = _place(after)
    if place == _place(before):
        return []
    return [
        NewTask(
            random(16), owner, OUTSIDE_LICENCE, rules.timetable.next_open(now) or now, thread, subject=place
        )
        for owner, thread, rules in threads
        if outside_licence(place, rules.the(Licence, now).areas)
    ]


def _place(documents: Sequence[Mapping[str, Any]]) -> str:
    """Where a client says to be, as narrow as they say it."""
    places = [one.get("area") or one.get("country") or "" for one in documents if one["kind"] == "region"]
    return places[-1] if places else ""


def date_subject(day: date, zone: str) -> str:
    """A date on the wall of a zone, as tasks name it."""
    return f"{day.isoformat()} {zone}"


def turns_on(subject: str, turns: Sequence[tuple[bytes, datetime]]) -> list[WaitingTurn]:
    """Those of the turns that are due on the date of a task."""
    day, _, zone = subject.partition(" ")
    begins, ends = day_bounds(zone, date.fromisoformat(day))
    return [WaitingTurn(Id16(thread), at) for thread, at in turns if begins <= at <= ends]
