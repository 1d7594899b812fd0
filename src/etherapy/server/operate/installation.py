"""An installation as a whole: made once, with its keys, and known by one row (decisions.md D-14, D-29)."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from etherapy.clock import SystemClock
from etherapy.postgres.state import Lock
from etherapy.rules.calendar import tzdata_checksum
from etherapy.server.keys import SYNTHETIC_SINCE, SYNTHETIC_UNTIL, ServerSecrets
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.reforecasting import keep_forecast, tell_of_zone_data
from etherapy.server.operate.site import Site
from etherapy.store.connection import Connection
from etherapy.store.migrate import migrate

_PATIENCE = 60.0
"""Seconds to wait for another process that sets up the same place."""

_READ = "SELECT synthetic, clock_offset_ms, tzdata_checksum FROM installation"
_MAKE = """
INSERT INTO installation (synthetic, tzdata_checksum) VALUES ($1, $2) ON CONFLICT (one) DO NOTHING
"""
_LINKS = "SELECT link FROM server_link ORDER BY seq"
_ZONE_DATA = "SELECT clock_offset_ms, tzdata_checksum, zone_forecast FROM installation FOR UPDATE"
_ADOPT = "UPDATE installation SET tzdata_checksum = $1, zone_forecast = $2"
_FORESEEN = "SELECT zone_forecast IS NOT NULL FROM installation"
_FORESEE = "UPDATE installation SET zone_forecast = $1 WHERE zone_forecast IS NULL"
_ADD_LINK = "INSERT INTO server_link (seq, link) VALUES ($1, $2) ON CONFLICT (seq) DO NOTHING"


@dataclass(frozen=True, slots=True)
class Installation:
    """What the whole installation agrees on. `offset`: how far its clock is turned, 0 unless synthetic."""

    synthetic: bool
    offset: timedelta
    tzdata_checksum: str
    secrets: ServerSecrets

    def now(self) -> datetime:
        """The domain time, UTC: this machine's, and the offset."""
        return SystemClock(self.offset).now()


async def set_up(site: Site, origin: str, synthetic: bool | None = None) -> Installation:
    """Bring the place to life, or read it when it is alive: schema, keys, the installation's row, key links.

    Safe to repeat and to interrupt. `synthetic` None accepts what is there, and makes a real installation
    where nothing is. CannotOperate when it is of the other kind, or keys and database do not belong together.
    """
    _refuse_unfinished(site)
    await migrate(site.operate_dsn)
    _make_data_directory(site)
    with Lock(site.data / "setup.lock").held(_PATIENCE):
        async with site.connection() as connection:
            row = await connection.fetchrow(_READ)
            made_synthetic: bool = row["synthetic"] if row else bool(synthetic)
            if synthetic is not None and synthetic is not made_synthetic:
                raise _other_kind(made_synthetic)
            secrets = await _keys(site, connection, origin, made_synthetic)
            await connection.execute(_MAKE, made_synthetic, tzdata_checksum())
            if not await connection.fetchval(_FORESEEN):
                await connection.execute(_FORESEE, keep_forecast(datetime.now(UTC)))
            for seq, link in enumerate(secrets.links):
                await connection.execute(_ADD_LINK, seq, link)
    return await read_installation(site)


async def read_installation(site: Site) -> Installation:
    """The installation that is there. CannotOperate when none is, or when keys and database do not match."""
    _refuse_unfinished(site)
    async with site.connection() as connection:
        there = await connection.fetchval("SELECT to_regclass('installation') IS NOT NULL")
        row = await connection.fetchrow(_READ) if there else None
        if row is None:
            raise CannotOperate("nothing is installed here yet", "run `etherapy setup` first")
        secrets = ServerSecrets.load(site.keys_file)
        await check_links(connection, secrets)
    offset = timedelta(milliseconds=row["clock_offset_ms"])
    return Installation(row["synthetic"], offset, row["tzdata_checksum"], secrets)


async def check_links(connection: Connection, secrets: ServerSecrets) -> None:
    """CannotOperate unless the database belongs to the server whose keys these are."""
    links = [row["link"] for row in await connection.fetch(_LINKS)]
    if links != secrets.links[: len(links)]:
        raise CannotOperate(
            "the keys in the data directory are not those of this database",
            "put the keys file back that belongs to it, or name the right data directory",
        )


async def adopt_zone_data(site: Site) -> bool:
    """Have the installation go by this program's zone data, after an upgrade; whether that is a change.

    No promise moves. Therapists of whom it moves an opening get a task.
    """
    async with site.connection() as connection, connection.transaction():
        row = await connection.fetchrow(_ZONE_DATA)
        if row is None:
            return False
        now = SystemClock(timedelta(milliseconds=row["clock_offset_ms"])).now()
        changed: bool = row["tzdata_checksum"] != tzdata_checksum()
        if changed:
            await tell_of_zone_data(connection, row["zone_forecast"], now)
        await connection.execute(_ADOPT, tzdata_checksum(), keep_forecast(now))
    return changed


async def _keys(site: Site, connection: Connection, origin: str, synthetic: bool) -> ServerSecrets:
    """The keys that are there, or new ones where neither file nor database knows any."""
    if site.keys_file.exists():
        secrets = ServerSecrets.load(site.keys_file)
        await check_links(connection, secrets)
        return secrets
    if await connection.fetchval("SELECT EXISTS (SELECT FROM server_link)"):
        raise CannotOperate(
            f"the keys of this installation are missing from {site.keys_file}",
            "put the copy back that was kept apart from the backups",
        )
    since, until = (SYNTHETIC_SINCE, SYNTHETIC_UNTIL) if synthetic else (None, None)
    return ServerSecrets.create(site.keys_file, origin, datetime.now(UTC), since=since, until=until)


def _make_data_directory(site: Site) -> None:
    """Passable for root's PostgreSQL, which runs as somebody else; what is secret in it is closed itself."""
    try:
        if not site.data.exists():
            site.data.mkdir(parents=True)
            site.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except OSError as error:
        raise CannotOperate(
            f"{site.data} cannot be made ({error.strerror})", "choose another ETHERAPY_DATA"
        ) from None


def _refuse_unfinished(site: Site) -> None:
    if site.restore_mark.exists():
        raise CannotOperate(
            "a restore into this place was interrupted",
            f"empty the database (embedded: put {site.data / 'postgres'} aside), remove {site.restore_mark}, "
            "and restore again",
        )


def _other_kind(synthetic: bool) -> CannotOperate:
    if synthetic:
        return CannotOperate(
            "this installation was made as synthetic and stays so",
            "use another data directory for real people",
        )
    return CannotOperate(
        "this installation was not made as synthetic, and cannot become it",
        "use another data directory for trying out",
    )
