"""Dump and restore: all of it, or nothing."""

import asyncpg
import pytest

from etherapy.postgres import Postgres, PostgresUnavailable
from etherapy.postgres.backup import _without_password, dump, dump_schema, normalise, restore
from etherapy.postgres.databases import create_database, rename_database
from etherapy.store.migrate import migrate
from tests.postgres_fixture import Store

MAKE = """
CREATE TABLE note (practice_id uuid PRIMARY KEY, word text);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
ALTER TABLE note FORCE ROW LEVEL SECURITY;
INSERT INTO note SELECT gen_random_uuid(), 'word ' || n FROM generate_series(1, 500) n;
"""


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def fill(store: Store) -> object:
    connection = await asyncpg.connect(store.operate_dsn)
    await connection.execute(MAKE)
    await connection.close()
    return await ask(store.operate_dsn, _DIGEST)


_DIGEST = "SELECT md5(string_agg(practice_id::text || word, ',' ORDER BY practice_id)) FROM note"


async def test_every_row_comes_back_through_the_walls(postgres: Postgres, scratch, tmp_path):
    old, new = await scratch(), await scratch()
    before = await fill(old)
    dump(old.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    restore(new.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    assert await ask(new.operate_dsn, _DIGEST) == before
    assert await ask(new.serve_dsn, "SELECT has_table_privilege('note', 'SELECT')") is False


async def test_our_own_schema_survives_the_way_there_and_back(postgres: Postgres, scratch, tmp_path):
    old, new = await scratch(), await scratch()
    await migrate(old.operate_dsn)
    dump(old.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    restore(new.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    assert await migrate(new.operate_dsn) == []
    assert await ask(new.serve_dsn, "SELECT has_table_privilege('practice', 'INSERT')")
    assert dump_schema(new.operate_dsn, postgres.bin_dir) == dump_schema(old.operate_dsn, postgres.bin_dir)


async def test_nothing_is_restored_over_what_is_there(postgres: Postgres, scratch, tmp_path):
    old, new = await scratch(), await scratch()
    await fill(old)
    dump(old.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    there = await fill(new)
    with pytest.raises(PostgresUnavailable, match="already exists"):
        restore(new.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    assert await ask(new.operate_dsn, _DIGEST) == there


async def test_a_damaged_file_restores_nothing(postgres: Postgres, scratch, tmp_path):
    old, new = await scratch(), await scratch()
    await fill(old)
    dump(old.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    whole = (tmp_path / "kept").read_bytes()
    (tmp_path / "kept").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PostgresUnavailable, match="pg_restore failed"):
        restore(new.operate_dsn, postgres.bin_dir, tmp_path / "kept")
    assert await ask(new.operate_dsn, "SELECT to_regclass('note') IS NULL")


async def test_a_failed_dump_leaves_the_last_one_alone(postgres: Postgres, tmp_path):
    (tmp_path / "kept").write_text("the last one")
    with pytest.raises(PostgresUnavailable, match="pg_dump failed"):
        dump(postgres.dsn("etherapy_operate", "no_such_database"), postgres.bin_dir, tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "the last one"


async def test_a_restored_database_can_be_put_in_the_place_of_the_old_one(postgres: Postgres, scratch):
    old = await scratch()
    await fill(old)
    await create_database(postgres, f"{old.name}_new")
    await rename_database(postgres, old.name, f"{old.name}_old")
    await rename_database(postgres, f"{old.name}_new", old.name)
    assert await ask(old.operate_dsn, "SELECT to_regclass('note') IS NULL")
    await rename_database(postgres, old.name, f"{old.name}_new")
    await rename_database(postgres, f"{old.name}_old", old.name)
    assert await ask(old.operate_dsn, "SELECT count(*) FROM note") == 500
    connection = await asyncpg.connect(postgres.dsn("etherapy_bootstrap", "postgres"))
    await connection.execute(f"DROP DATABASE {old.name}_new")
    await connection.close()


def test_a_schema_text_holds_nothing_of_version_or_session():
    dumped = "--\n-- Dumped by 18.6\n\\restrict x\nSET a = b;\n\n\n\nCREATE TABLE t ();\n\n\\unrestrict x\n"
    assert normalise(dumped) == "CREATE TABLE t ();\n"


@pytest.mark.parametrize(
    ("dsn", "address", "password"),
    [
        ("postgresql://a:p%40ss@h:1/db?x=y", "postgresql://a@h:1/db?x=y", "p@ss"),
        ("postgresql://a@h/db", "postgresql://a@h/db", None),
        ("postgresql://a@/db?host=%2Frun", "postgresql://a@/db?host=%2Frun", None),
    ],
)
def test_a_password_does_not_appear_among_a_programs_arguments(dsn, address, password):
    assert _without_password(dsn) == (address, password)
