"""A connection that is cut off while it is used for something of its own."""

import asyncpg
import pytest

from etherapy.store.connection import connect
from etherapy.store.database import Database, StoreUnavailable
from tests.postgres_fixture import Store


async def test_a_database_that_goes_away_in_the_middle_is_told_as_unavailable(
    store: Store, database: Database
) -> None:
    other = await connect(store.bootstrap_dsn, timeout=5)
    with pytest.raises(StoreUnavailable):
        async with database.connection() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            await other.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            await connection.fetchval("SELECT 1")
    await other.close()
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_mistake_in_a_statement_is_told_as_it_is(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.connection() as connection:
            await connection.fetch("SELECT * FROM nowhere")
