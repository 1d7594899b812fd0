"""Reading a backup back into an empty place (guarantees.md G20).

Nothing is released by it: held messages come back with their promises and wait for the instants that these
name. Nobody stays logged in: a token that was revoked after the backup must not live again. Every practice
goes on in a new generation, so that devices that had seen more can tell a restore from a lie (A-8).
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from etherapy.clock import SystemClock
from etherapy.postgres.backup import restore
from etherapy.server.keys import ServerSecrets, write_once
from etherapy.server.operate.backup import DUMP, Manifest, read_manifest
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.generations import begin_generations
from etherapy.server.operate.inspection import Inspected, count_rows, inspect_store
from etherapy.server.operate.installation import Installation, check_links, read_installation
from etherapy.server.operate.rotating import publish_links
from etherapy.server.operate.site import Site
from etherapy.store.connection import Connection
from etherapy.store.migrate import latest_schema, migrate
from etherapy.tep.malformed import Malformed
from etherapy.tep.serverkeys import verify_server_chain

WHAT_NEXT = (
    "Everybody has to log in again; apps do so by themselves.",
    "Staff links that nobody had used are void: make new ones with `etherapy practice staff-link`.",
    "Whatever was written after the backup was made is missing here until people's devices bring it back: "
    "they do so by themselves at their next sync. Ask everybody to open the app once, the sooner the better.",
    "Whoever joined, and every device that was linked, after the backup must be invited or linked again.",
    "Run `etherapy doctor`, then `etherapy serve`.",
)

_EMPTY = """
SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p'))
"""
_END_SESSIONS = "WITH ended AS (DELETE FROM session RETURNING 1) SELECT count(*) FROM ended"
_END_REQUESTS = "UPDATE device_request SET expires_at = least(expires_at, $1), token_hash = NULL"
_OFFSET = "SELECT clock_offset_ms FROM installation"
_END_STAFF_LINKS = "UPDATE staff_link SET expires_at = least(expires_at, $1) WHERE used_at IS NULL"
_NEWEST = "SELECT greatest(max(placed_at), (SELECT max(accepted_at) FROM message)) FROM entry"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `warnings` are things the operator should know before anybody is served.

    `generations`: the new one of each practice.
    """

    manifest: Manifest
    inspected: Inspected
    sessions_ended: int
    warnings: list[str]
    generations: dict[bytes, int]


async def restore_backup(site: Site, source: Path, keys_source: Path | None = None) -> Restored:
    """Bring a backup into this place, whose database must be empty; all of it is checked afterwards.

    `keys_source` is the copy of the server's keys that was kept apart; not needed where they are in place.
    Raises CannotOperate; until the database is filled nothing has been changed.
    """
    manifest = await asyncio.to_thread(read_manifest, source)
    programs = site.programs()
    if manifest.schema > latest_schema():
        raise CannotOperate("this backup is of a newer schema", f"install etherapy {manifest.etherapy}")
    await _check_empty(site)
    _place_keys(site, manifest, keys_source)
    site.restore_mark.write_bytes(b"")
    await asyncio.to_thread(restore, site.operate_dsn, programs, source / DUMP)
    await migrate(site.operate_dsn)
    secrets = ServerSecrets.load(site.keys_file)
    async with site.connection() as connection:
        await check_links(connection, secrets)
        ended = await _end_sessions(connection, manifest)
        inspected = await inspect_store(connection)
        missing = _missing(manifest, await count_rows(connection))
        newest = await connection.fetchval(_NEWEST)
        offset = timedelta(milliseconds=await connection.fetchval(_OFFSET) or 0)
    if inspected.wrong or missing:
        raise CannotOperate(
            "; ".join([*inspected.wrong, *missing]), "use another backup; do not serve this one"
        )
    generations = await _go_on(site, secrets, max(filter(None, (SystemClock(offset).now(), newest))))
    site.restore_mark.unlink()
    there = await read_installation(site)
    late = newest is not None and newest > there.now()
    warnings = [_clock_warning(there)] if late else []
    return Restored(manifest, inspected, ended, warnings, generations)


async def _go_on(site: Site, secrets: ServerSecrets, now: datetime) -> dict[bytes, int]:
    """Key links that are younger than the backup, and a new generation in each practice."""
    await publish_links(site, secrets, now)
    async with site.books() as database:
        return await begin_generations(database, secrets, now)


async def _check_empty(site: Site) -> None:
    if site.restore_mark.exists():
        raise CannotOperate(
            "a restore into this place was interrupted",
            f"empty the database, remove {site.restore_mark}, and start again",
        )
    async with site.connection() as connection:
        if not await connection.fetchval(_EMPTY):
            raise CannotOperate(
                "there is an installation in this place already",
                "restore into an empty database and a data directory of its own (ETHERAPY_DATA)",
            )


def _place_keys(site: Site, manifest: Manifest, keys_source: Path | None) -> None:
    """Have the right keys in place; the wrong ones would make a server that its people do not know."""
    if not site.keys_file.exists():
        if keys_source is None:
            raise CannotOperate(
                "the keys of this server are not in the backup, on purpose",
                "name the copy that was kept apart: --keys FILE",
            )
        _check_keys(ServerSecrets.load(keys_source), manifest)
        write_once(site.keys_file, keys_source.read_bytes())
    _check_keys(ServerSecrets.load(site.keys_file), manifest)


def _check_keys(secrets: ServerSecrets, manifest: Manifest) -> None:
    links = [bytes(link) for link in manifest.links]
    try:
        known = verify_server_chain(links).server_id == manifest.server_id
    except Malformed:
        known = False
    if not known:
        raise CannotOperate("the manifest of this backup is damaged", "use another copy of this backup")
    if secrets.links[: len(links)] != links:
        raise CannotOperate("these keys are not those of the server in this backup", "name the right ones")


async def _end_sessions(connection: Connection, manifest: Manifest) -> int:
    """Log everybody out and void what was handed out and not used, as of the backup's own time."""
    async with connection.transaction():
        ended: int = await connection.fetchval(_END_SESSIONS)
        await connection.execute(_END_STAFF_LINKS, manifest.domain_time)
        await connection.execute(_END_REQUESTS, manifest.domain_time)
    return ended


def _missing(manifest: Manifest, rows: dict[str, int]) -> list[str]:
    return [
        f"{name} has {rows.get(name, 0)} rows, the backup had {wanted}"
        for name, wanted in manifest.rows.items()
        if rows.get(name, 0) < wanted
    ]


def _clock_warning(there: Installation) -> str:
    return (
        f"this machine's clock ({there.now():%Y-%m-%d %H:%M} UTC) is behind what the backup "
        "holds: set it right before you serve"
    )
