"""Further databases in a private PostgreSQL, made like the first: for tests, and to restore into."""

import re

import asyncpg

from etherapy.postgres.cluster import BOOTSTRAP, OPERATE, SERVE
from etherapy.postgres.server import Postgres

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")


async def create_database(server: Postgres, name: str) -> None:
    """An empty database that belongs to the operating role; ValueError for a name that needs quoting."""
    await _command(
        server,
        f"CREATE DATABASE {_checked(name)} OWNER {OPERATE}",
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {name} TO {SERVE}",
    )


async def drop_database(server: Postgres, name: str) -> None:
    """Remove a database and end whoever uses it; nothing happens when it is not there."""
    await _command(server, f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")


async def rename_database(server: Postgres, name: str, new_name: str) -> None:
    """Give a database another name, ending whoever uses it; how a restore is put in place at once."""
    connection = await asyncpg.connect(server.dsn(BOOTSTRAP, "postgres"))
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", _checked(name)
        )
        await connection.execute(f"ALTER DATABASE {name} RENAME TO {_checked(new_name)}")
    finally:
        await connection.close()


async def _command(server: Postgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.dsn(BOOTSTRAP, "postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a database name is a lower-case word")
    return name
