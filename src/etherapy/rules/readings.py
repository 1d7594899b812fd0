"""What "24 business hours" may mean: four readings, and by when each of them is due.

They lie days apart (rules.md 3.1), so a rule names the one that is meant; whoever writes "24 hours" alone is
shown all four with dates.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from etherapy.rules import english
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import instant, milliseconds, zone
from etherapy.rules.moments import show_date
from etherapy.rules.targets import Target
from etherapy.rules.timetable import Timetable

AMBIGUOUS: Final = frozenset({"hours", "business_hours", "hour", "business_hour", "working_hours"})
_OF_HOURS: Final = frozenset({"n", "hours", "business_hours"})
_EXAMPLE_AT = datetime(2026, 6, 5, 20, tzinfo=UTC)
_EXAMPLE = Timetable().with_weekly("America/New_York", [*([[(540, 1020)]] * 5), [], []])
"""Monday to Friday, 9:00 to 17:00; the instant is Friday, 16:00."""


def readings(n: int, timetable: Timetable, at: datetime) -> list[tuple[dict[str, Any], datetime | None]]:
    """The targets that "n hours" may mean, as JSON, each with by when a message of that instant is due:
    elapsed hours, the same time some open days on, the end of that day, and hours of open time."""
    days = max(1, -(-n // 24))
    same_time = f"{at.astimezone(zone(timetable.zone_name)):%H:%M}"
    documents: list[dict[str, Any]] = [
        {"count": "wall_hours", "n": n},
        {"count": "business_days", "n": days, "at": same_time},
        {"count": "business_days", "n": days, "at": "end_of_last_segment"},
        {"count": "window_minutes", "n": n * 60},
    ]
    return [(document, _due(document, timetable, at)) for document in documents]


def _due(document: dict[str, Any], timetable: Timetable, at: datetime) -> datetime | None:
    target = msgspec.convert(document, Target)
    begun = milliseconds(at)
    due = target.due(begun, timetable.next_open_ms(begun), timetable)
    return None if due is None else instant(due)


def refuse_ambiguous(targets: Mapping[str, object]) -> None:
    """BadRule for the first of these (path -> what is written) that counts hours without saying which."""
    for path, written in targets.items():
        n = _hours_alone(written)
        if n is not None:
            example = "; ".join(_examples(n))
            mend = (
                f"write the one that is meant; a message of {_shown(_EXAMPLE_AT)}, with hours from 9:00 to "
            )
            mend += f"17:00 on Mon to Fri, is due: {example}"
            raise BadRule(path, "a number of hours has four meanings here", mend)


def _hours_alone(written: object) -> int | None:
    """How many hours are written without their meaning; None: something else is written."""
    count = n = written
    if isinstance(written, Mapping):
        count, n = written.get("count"), written.get("n", written.get("hours"))
        if count is not None and not (isinstance(count, str) and _plain(count) in AMBIGUOUS):
            return None
        if count is None and not 0 < len(set(written) & _OF_HOURS) == len(written):
            return None
    elif isinstance(written, str):
        number = written.strip().partition(" ")[0].rstrip("hH")
        n = int(number) if number.isascii() and number.isdigit() and len(number) < 5 else None
        if n is None:
            return None
    elif not isinstance(written, int) or isinstance(written, bool):
        return None
    return n if isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 240 else 24


def _plain(count: str) -> str:
    return count.lower().replace(" ", "_").replace("-", "_")


def _examples(n: int) -> Iterator[str]:
    for document, due in readings(n, _EXAMPLE, _EXAMPLE_AT):
        shown = "later than can be said" if due is None else _shown(due)
        yield f"{json.dumps(document)} {shown}"


def _shown(due: datetime) -> str:
    local = due.astimezone(zone(_EXAMPLE.zone_name))
    return f"{show_date(local.date(), english.CORE)} {local:%H:%M}"
