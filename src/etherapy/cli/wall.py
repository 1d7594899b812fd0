"""Times as people type them: what a clock on a wall shows, in a zone."""

from datetime import UTC, datetime

from etherapy.cli.saying import Refusal
from etherapy.rules.calendar import zone as zone_named


def read_wall_time(typed: str, zone: str) -> datetime:
    """The instant at which a clock in `zone` shows this; Refusal where it never does, or where it is no time.

    With an offset of its own ("2026-06-09T10:00-04:00") it is taken as it is. Of a time that comes twice,
    when clocks are put back, the first is meant.
    """
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise Refusal(f"{typed} is not a time", 'write for example "2026-06-09 10:00"', 2) from None
    if found.tzinfo is not None:
        return found
    placed = found.replace(tzinfo=zone_named(zone))
    if placed.astimezone(UTC).astimezone(placed.tzinfo).replace(tzinfo=None) != found:
        raise Refusal(f"no clock in {zone} shows {typed}: it is put forward then", "choose another time", 2)
    return placed
