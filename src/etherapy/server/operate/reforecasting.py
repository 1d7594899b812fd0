"""New zone data held against what the old one forecast: no promise moves, people are told (rules.md 3.2)."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from os import urandom

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.rules.canonical import canonical_json
from etherapy.rules.resolved import Rules
from etherapy.rules.standing_promises import promised_until
from etherapy.rules.zone_forecast import Forecast, moved_spans, zone_forecast
from etherapy.server.tasks import ZONE_DATA, date_subject
from etherapy.store.connection import Connection
from etherapy.store.tasks import NewTask

_SHEETS = """
SELECT DISTINCT t.practice_id, t.owner, s.shared
  FROM thread t
  JOIN rule_sheet s ON s.practice_id = t.practice_id AND s.thread_id = t.thread_id AND s.r = t.rules_rev
 WHERE t.is_open
"""


def keep_forecast(now: datetime) -> bytes:
    """What this program's zone data says of the time from now on, to be kept."""
    return canonical_json(zone_forecast(now.date()))


async def tell_of_zone_data(connection: Connection, kept: bytes | None, now: datetime) -> int:
    """A task for each therapist with an opening where newer zone data differs from what was kept; how many.

    As far as promises may reach, whether or not there are any: that a task is there must tell nothing of
    what is held (G5). Without anything kept there is nothing to compare with.
    """
    if kept is None:
        return 0
    old, new = msgspec.json.decode(kept, type=dict[str, list[list[int]]]), zone_forecast(now.date())
    found: dict[tuple[bytes, bytes, str], NewTask] = {}
    for row in await connection.fetch(_SHEETS):
        try:
            rules = Rules.from_canonical(row["shared"])
        except BadRule:
            continue  # nobody can send under rules that cannot be read: they are found there
        name = rules.timetable.zone_name
        key = (row["practice_id"], row["owner"], name)
        day = moved_date(rules, old, new, now)
        if day is not None and key not in found:
            due_at = rules.timetable.next_open(now) or now
            found[key] = NewTask(
                urandom(16), row["owner"], ZONE_DATA, due_at, subject=date_subject(day, name)
            )
    for (practice, _, _), task in found.items():
        await connection.execute(
            "SELECT add_tasks($1, $2, $3, $4, $5, $6, $7, $8)",
            *(practice, now, [task.task_id], [task.account], [None]),
            *([task.kind], [task.subject], [task.due_at]),
        )
    return len(found)


def moved_date(rules: Rules, old: Forecast, new: Forecast, now: datetime) -> date | None:
    """The first date with an opening that lies elsewhere than was forecast, as far as promises may reach."""
    name = rules.timetable.zone_name
    if name not in old or name not in new:
        return None
    for begins, ends in moved_spans(old[name], new[name], promised_until(rules, now)):
        for day in _dates(max(begins, now), ends, name):
            if any(start < ends and end > begins for start, end in rules.timetable.segments_of(day)):
                return day
    return None


def _dates(begins: datetime, ends: datetime, name: str) -> Iterable[date]:
    place = zone(name)
    day, last = begins.astimezone(place).date(), ends.astimezone(place).date()
    return (day + timedelta(days=n) for n in range((last - day).days + 1))
