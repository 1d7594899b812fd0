"""Turning the clock of an installation that was made for trying out (decisions.md D-29)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etherapy.clock import SystemClock
from etherapy.server.keys import SYNTHETIC_UNTIL
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.site import Site

_MS = timedelta(milliseconds=1)
_TURN = """
UPDATE installation SET clock_offset_ms = $1 WHERE synthetic AND clock_offset_ms <= $1 RETURNING true
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows: the domain time, and how far that is ahead of the machine's own."""

    now: datetime
    offset: timedelta
    synthetic: bool


async def read_clock(site: Site) -> Reading:
    """What the installation's clock shows now."""
    there = await read_installation(site)
    return Reading(there.now(), there.offset, there.synthetic)


async def turn_clock(site: Site, *, to: datetime | None = None, by: timedelta | None = None) -> Reading:
    """Turn the clock forward, to an instant (aware) or by a duration; servers follow within a second.

    CannotOperate where real people are, backward, and beyond the dates of the synthetic keys.
    """
    there = await read_installation(site)
    if not there.synthetic:
        raise CannotOperate(
            "this installation is for real people: its clock cannot be turned",
            "try things out in another one, made with `etherapy setup --synthetic`",
        )
    offset = _offset(there.offset, to, by)
    async with site.connection() as connection:
        if not await connection.fetchval(_TURN, offset // _MS):
            raise _backward(there.now())
    return Reading(SystemClock(offset).now(), offset, True)


def _offset(before: timedelta, to: datetime | None, by: timedelta | None) -> timedelta:
    """The new offset in whole milliseconds, rounded up so that the clock does show `to`."""
    real = datetime.now(UTC)
    offset = before + by if by is not None else (to or real) - real
    offset = -(-offset // _MS) * _MS
    if offset < before:
        raise _backward(real + before)
    if real + offset >= SYNTHETIC_UNTIL:
        raise CannotOperate("that is further than the clock can go", f"stay before {SYNTHETIC_UNTIL:%Y}")
    return offset


def _backward(now: datetime) -> CannotOperate:
    return CannotOperate(
        "a clock is turned forward only", f"it shows {now:%Y-%m-%dT%H:%M:%SZ}; choose a later time"
    )
