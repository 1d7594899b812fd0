"""The place that an operator's command is about: a data directory, and the database behind it, running."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from etherapy.postgres import Postgres, PostgresUnavailable, find_binaries
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.settings import Settings
from etherapy.store.connection import Connection
from etherapy.store.database import Database

CLUSTER = "postgres"
"""Where the embedded PostgreSQL lives, below the data directory; the keys lie beside it, not in it."""


@dataclass(frozen=True, slots=True)
class Site:
    """An installation's place: `data` is its directory, the DSNs are those of its two roles (D-28)."""

    data: Path
    serve_dsn: str
    operate_dsn: str
    bin_dir: Path | None
    """PostgreSQL's client programs; None where none were found."""
    embedded: Postgres | None

    @property
    def keys_file(self) -> Path:
        """The server's own keys."""
        return keys_file(self.data)

    @property
    def restore_mark(self) -> Path:
        """Stands while a restore is unfinished; nothing serves then."""
        return self.data / "restore.unfinished"

    def programs(self) -> Path:
        """The directory of pg_dump and pg_restore; CannotOperate when there is none."""
        if self.bin_dir is None:
            raise CannotOperate(
                "pg_dump and pg_restore were not found",
                "install PostgreSQL's client programs, not older than the server",
            )
        return self.bin_dir

    @asynccontextmanager
    async def books(self) -> AsyncIterator[Database]:
        """The database through the operating role."""
        async with Database(self.operate_dsn, size=2, name="etherapy operate", deadline=60.0) as database:
            yield database

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection of the operating role, for what is no function of ours."""
        async with self.books() as database, database.connection() as connection:
            yield connection


def keys_file(data: Path) -> Path:
    """Where the server's own keys are in a data directory."""
    return data / "keys" / "server.json"


@asynccontextmanager
async def open_site(settings: Settings) -> AsyncIterator[Site]:
    """The place that the settings name, with its database up; what was started here is stopped afterwards.

    Where a server runs already its PostgreSQL is used and goes on running.
    """
    if settings.database is not None:
        if settings.operate_database is None:
            raise CannotOperate(
                "ETHERAPY_DATABASE is set and ETHERAPY_OPERATE_DATABASE is not",
                "set it to the address of the role that owns the schema",
            )
        programs = await asyncio.to_thread(_client_programs)
        yield Site(settings.data, settings.database, settings.operate_database, programs, None)
        return
    async with Postgres(settings.data.absolute() / CLUSTER) as server:
        yield Site(settings.data.absolute(), server.serve_dsn, server.operate_dsn, server.bin_dir, server)


def _client_programs() -> Path | None:
    try:
        return find_binaries().bin_dir
    except PostgresUnavailable:
        return None
