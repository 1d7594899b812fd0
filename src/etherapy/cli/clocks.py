"""Commands about the clock of an installation for trying out."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path

import click

from etherapy.cli.places import placed, settings_of
from etherapy.cli.saying import Group, Refusal, say
from etherapy.rules.calendar import zone as zone_named
from etherapy.server.operate.site import open_site
from etherapy.server.operate.turning import Reading, read_clock, turn_clock
from etherapy.server.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+[wdhms])+")


@click.group("clock", cls=Group)
def clock() -> None:
    """Show the clock, or turn it forward where everything is synthetic."""


@clock.command("show")
@placed
@click.option("--zone", default="UTC", help="On which wall to show it.")
def show(config: Path | None, data: Path | None, zone: str) -> None:
    """What time the installation goes by."""
    _say(asyncio.run(_read(settings_of(config, data=data))), zone)


@clock.command("turn")
@placed
@click.option(
    "--to", "to", help="An instant: 2026-06-02T09:00 on the wall of --zone, or with its own offset."
)
@click.option("--by", "by", help="A duration such as 1h, 90m or 2d.")
@click.option("--zone", default="UTC", help="Whose wall --to is on.")
def turn(config: Path | None, data: Path | None, to: str | None, by: str | None, zone: str) -> None:
    """Turn the clock forward. Running servers follow within a second.

    What was due on the way is placed late, and people's devices say so: to see a promise kept, turn the clock
    to the time that it names first.
    """
    if (to is None) == (by is None):
        raise click.UsageError("say either --to or --by")
    zone_named(zone)
    settings = settings_of(config, data=data)
    instant = read_instant(to, zone) if to is not None else None
    step = read_duration(by) if by is not None else None
    _say(asyncio.run(_turn(settings, instant, step)), zone)


def read_instant(text: str, zone: str) -> datetime:
    """An instant as written; without an offset on the wall of `zone`. A usage error for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{text} is no time; write it like 2026-06-02T09:00") from None
    if at.tzinfo is not None:
        return at
    there = at.replace(tzinfo=zone_named(zone))
    if there.astimezone(zone_named("UTC")).astimezone(there.tzinfo).replace(tzinfo=None) != at:
        raise Refusal(f"{text} does not exist in {zone}: the clocks go forward then", "choose a later time")
    return there


def read_duration(text: str) -> timedelta:
    """A duration such as 1h30m; a usage error for anything else."""
    if not _DURATION.fullmatch(text):
        raise click.UsageError(f"{text} is no duration; write it like 1h, 90m or 2d")
    return timedelta(seconds=sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall(r"\d+\w", text)))


async def _read(settings: Settings) -> Reading:
    async with open_site(settings) as site:
        return await read_clock(site)


async def _turn(settings: Settings, to: datetime | None, by: timedelta | None) -> Reading:
    async with open_site(settings) as site:
        return await turn_clock(site, to=to, by=by)


def _say(reading: Reading, zone: str) -> None:
    at = reading.now.astimezone(zone_named(zone))
    lines = [f"It is {at:%a %-d %b %Y, %H:%M:%S} ({zone})."]
    if reading.offset:
        ahead = timedelta(seconds=int(reading.offset.total_seconds()))
        lines.append(f"The clock is turned forward by {ahead}.")
    say(lines, {"now": reading.now, "offset_seconds": reading.offset, "synthetic": reading.synthetic})


COMMANDS = (clock,)
