"""Commands about the installation as a whole: serve it, keep it, look after it."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
import msgspec

from etherapy import __version__
from etherapy.binary import b64
from etherapy.cli.places import placed, settings_of
from etherapy.cli.saying import Command, count, say
from etherapy.protocol.openapi import describe
from etherapy.server.main import HANDLERS, TABLE, serve
from etherapy.server.operate.backup import Manifest, make_backup
from etherapy.server.operate.doctor import examine
from etherapy.server.operate.installation import Installation, adopt_zone_data, set_up
from etherapy.server.operate.migration import bring_forward
from etherapy.server.operate.restoring import WHAT_NEXT, Restored, restore_backup
from etherapy.server.operate.site import open_site
from etherapy.server.settings import Settings

_FILE = click.Path(path_type=Path)


@click.command("serve", cls=Command)
@placed
@click.option("--listen", help="Address and port [ETHERAPY_LISTEN].")
@click.option("--health-listen", help="Address and port of /ready and /metrics [ETHERAPY_HEALTH_LISTEN].")
@click.option("--origin", help="Public origin [ETHERAPY_ORIGIN].")
@click.option(
    "--synthetic", is_flag=True, help="Make it an installation for trying out, with a clock to turn."
)
@click.option("--check", is_flag=True, help="Only say whether it could serve.")
def serving(
    config: Path | None,
    data: Path | None,
    listen: str | None,
    health_listen: str | None,
    origin: str | None,
    synthetic: bool,
    check: bool,
) -> None:
    """Serve until told to stop; sets the installation up where nothing is."""
    settings = settings_of(config, data=data, listen=listen, health_listen=health_listen, origin=origin)
    _run_fast(serve(settings, synthetic or None, check))
    if check:
        say("Everything is as it should be: this could serve.", {"ok": True})


def _run_fast(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where the `fast` extra is installed; on the standard loop elsewhere."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


@click.command("setup", cls=Command)
@placed
@click.option("--origin", help="Public origin that people's links name [ETHERAPY_ORIGIN].")
@click.option("--synthetic", is_flag=True, help="For trying out only; its clock can be turned.")
def setting_up(config: Path | None, data: Path | None, origin: str | None, synthetic: bool) -> None:
    """Make the installation: database, keys. Harmless where it is made already."""
    settings = settings_of(config, data=data, origin=origin)
    there = asyncio.run(_set_up(settings, synthetic or None))
    kind = "for trying out, synthetic" if there.synthetic else "for real people"
    say(
        [
            f"Set up in {settings.data} ({kind}).",
            f"Its keys are in {settings.data / 'keys' / 'server.json'}: keep a copy of that file apart.",
            "Next: etherapy practice create NAME --zone ZONE",
        ],
        {"data": str(settings.data), "synthetic": there.synthetic, "server_id": there.secrets.server_id},
    )


async def _set_up(settings: Settings, synthetic: bool | None) -> Installation:
    async with open_site(settings) as site:
        return await set_up(site, settings.public_origin, synthetic)


@click.command("migrate", cls=Command)
@placed
def migrating(config: Path | None, data: Path | None) -> None:
    """Bring the database to this program's schema and zone data, after an upgrade."""
    applied, zones = asyncio.run(_migrate(settings_of(config, data=data)))
    lines = [f"Applied {name}" for name in applied] or ["The schema was up to date."]
    say(
        [*lines, *(["The zone data is now this program's."] if zones else [])],
        {"applied": applied, "zones": zones},
    )


async def _migrate(settings: Settings) -> tuple[list[str], bool]:
    async with open_site(settings) as site:
        return await bring_forward(site), await adopt_zone_data(site)


@click.command("backup", cls=Command)
@placed
@click.argument("directory", type=_FILE)
@click.option("--keys", type=_FILE, help="Also copy the server's keys to this new file, kept apart.")
def backing_up(config: Path | None, data: Path | None, directory: Path, keys: Path | None) -> None:
    """Write a backup to a new DIRECTORY, while others go on working."""
    manifest = asyncio.run(_back_up(settings_of(config, data=data), directory, keys))
    size = sum(file.size for file in manifest.files)
    say(
        [
            f"Backed up to {directory} ({size:,} bytes, {manifest.rows['message']} messages).",
            f"The server's keys are in {keys}: keep that file in another place than the backup."
            if keys
            else "The server's keys are not in it; a restore needs them (see --keys).",
        ],
        manifest,
    )


async def _back_up(settings: Settings, directory: Path, keys: Path | None) -> Manifest:
    async with open_site(settings) as site:
        return await make_backup(site, directory, keys)


@click.command("restore", cls=Command)
@placed
@click.argument("directory", type=_FILE)
@click.option("--keys", type=_FILE, help="The copy of the server's keys, where they are not in place.")
def restoring(config: Path | None, data: Path | None, directory: Path, keys: Path | None) -> None:
    """Restore the backup in DIRECTORY into an empty place."""
    done = asyncio.run(_restore(settings_of(config, data=data), directory, keys))
    seen = done.inspected
    say(
        [
            f"Restored the backup of {done.manifest.made_at:%Y-%m-%d %H:%M} UTC; everything in it adds up.",
            f"{count(seen.entries, 'position')}, {count(seen.held, 'message')} still held until their own "
            f"time, {count(done.sessions_ended, 'login')} ended.",
            f"In a new generation, which the server has signed: {count(len(done.generations), 'practice')}.",
            *(f"Warning: {warning}" for warning in done.warnings),
            "What next:",
            *(f"  - {line}" for line in WHAT_NEXT),
        ],
        {
            "made_at": done.manifest.made_at,
            "entries": seen.entries,
            "held": seen.held,
            "sessions_ended": done.sessions_ended,
            "generations": {b64(practice): number for practice, number in done.generations.items()},
            "warnings": done.warnings,
        },
    )


async def _restore(settings: Settings, directory: Path, keys: Path | None) -> Restored:
    async with open_site(settings) as site:
        return await restore_backup(site, directory, keys)


@click.command("doctor", cls=Command)
@placed
def doctor(config: Path | None, data: Path | None) -> None:
    """Look at everything that should be true, and say how to mend what is not."""
    lines = asyncio.run(examine(settings_of(config, data=data)))
    words = []
    for line in lines:
        words.append(f"{line.state:4}  {line.name}: {line.words}")
        if line.mend:
            words.append(f"      → {line.mend}")
    say(words, lines)
    if any(line.state == "fail" for line in lines):
        raise click.exceptions.Exit(1)


@click.command("openapi", cls=Command)
def openapi() -> None:
    """Print the OpenAPI 3.1 description of every endpoint."""
    summaries = {name: handler.__doc__ or "" for name, handler in HANDLERS.items()}
    document = describe(TABLE, summaries, version=__version__)
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2))


COMMANDS = (serving, setting_up, migrating, backing_up, restoring, doctor, openapi)
