"""The migration runner, on schema directories of its own."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from etherapy.store.connection import connect
from etherapy.store.migrate import migrate, schema_compat, schema_version
from etherapy.store.schema import MigrationRefused, latest_schema, numbered_files, schema_directory

WALL = """
ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {0} FORCE ROW LEVEL SECURITY;
CREATE POLICY one_practice ON {0}
  USING (practice_id = nullif(current_setting('app.practice', true), '')::uuid);
"""
FIRST = (
    "CREATE TABLE note (practice_id uuid NOT NULL, id uuid NOT NULL, word text,"
    " PRIMARY KEY (practice_id, id));" + WALL.format("note")
)
FUNCTION = """
CREATE OR REPLACE FUNCTION say(p_practice uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN 'first';
END $$;
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write(tmp_path, "0001_first.sql", FIRST)
    write(tmp_path, "functions/say.sql", FUNCTION)
    return tmp_path


def write(place: Path, name: str, text: str) -> None:
    (place / name).parent.mkdir(exist_ok=True)
    (place / name).write_text(text)


async def value(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_files_are_applied_in_order_once_and_then_the_functions(scratch, files):
    store = await scratch()
    write(files, "0002_second.sql", "ALTER TABLE note ADD COLUMN more text;")
    everything = ["0001_first.sql", "0002_second.sql", "functions/say.sql"]
    assert await migrate(store.operate_dsn, files) == everything
    assert await migrate(store.operate_dsn, files) == []
    assert await value(store.serve_dsn, "SELECT say(gen_random_uuid())") == "first"


async def test_a_function_is_applied_again_when_its_text_changed(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    write(files, "functions/say.sql", FUNCTION.replace("first", "second"))
    assert await migrate(store.operate_dsn, files) == ["functions/say.sql"]
    assert await value(store.serve_dsn, "SELECT say(gen_random_uuid())") == "second"


async def test_a_function_that_a_migration_dropped_is_made_again(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    write(files, "0002_second.sql", "DROP FUNCTION say(uuid);")
    assert await migrate(store.operate_dsn, files) == ["0002_second.sql", "functions/say.sql"]


async def test_a_function_file_must_make_what_its_name_says(scratch, files):
    store = await scratch()
    write(files, "functions/tell.sql", FUNCTION)
    with pytest.raises(MigrationRefused, match="tell"):
        await migrate(store.operate_dsn, files)


async def test_a_changed_text_of_an_applied_file_is_refused(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    write(files, "0001_first.sql", FIRST + "-- an afterthought")
    with pytest.raises(MigrationRefused, match=r"0001_first\.sql was changed"):
        await migrate(store.operate_dsn, files)


async def test_a_failing_file_leaves_nothing_and_can_be_mended(scratch, files):
    store = await scratch()
    write(files, "0002_second.sql", "CREATE TABLE half (id uuid PRIMARY KEY); SELECT 1/0;")
    with pytest.raises(MigrationRefused, match=r"0002_second\.sql failed: 22012"):
        await migrate(store.operate_dsn, files)
    assert await value(store.operate_dsn, "SELECT to_regclass('half') IS NULL")
    write(files, "0002_second.sql", "CREATE TABLE whole (id uuid PRIMARY KEY);")
    assert "0002_second.sql" in await migrate(store.operate_dsn, files)


async def test_two_that_migrate_at_once_wait_for_each_other(scratch, files):
    store = await scratch()
    done = await asyncio.gather(*(migrate(store.operate_dsn, files) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 2]


async def test_a_table_of_a_practice_without_a_wall_is_refused(scratch, files):
    store = await scratch()
    write(files, "0002_bare.sql", "CREATE TABLE bare (practice_id uuid PRIMARY KEY);")
    with pytest.raises(MigrationRefused, match="row level security: bare"):
        await migrate(store.operate_dsn, files)


async def test_gaps_and_odd_names_are_refused(files):
    write(files, "0003_third.sql", "SELECT 1;")
    with pytest.raises(MigrationRefused, match="should be number 0002"):
        numbered_files(files)


async def test_the_serving_role_may_change_rows_but_not_the_schema_nor_the_books(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    for sql in (
        "CREATE TABLE mine (id uuid)",
        "DROP TABLE note",
        "ALTER TABLE note DISABLE ROW LEVEL SECURITY",
        "DELETE FROM schema_migration",
        "TRUNCATE note",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await value(store.serve_dsn, sql)
    await value(store.serve_dsn, "UPDATE note SET word = ''")


async def test_a_table_that_is_append_only_takes_no_change_from_the_serving_role(scratch, files):
    store = await scratch()
    write(files, "0002_log.sql", "COMMENT ON TABLE note IS 'Append only: what was said was said';")
    await migrate(store.operate_dsn, files)
    for sql in ("UPDATE note SET word = ''", "DELETE FROM note"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await value(store.serve_dsn, sql)
    assert await value(store.serve_dsn, "SELECT count(*) FROM note") == 0


async def test_an_older_program_lives_with_a_newer_schema_that_allows_it(scratch, files):
    store = await scratch()
    write(files, "0002_second.sql", "-- compat: 1\nALTER TABLE note ADD COLUMN more text;")
    write(files, "functions/say.sql", FUNCTION.replace("first", "newer"))
    await migrate(store.operate_dsn, files)
    (files / "0002_second.sql").unlink()
    write(files, "functions/say.sql", FUNCTION)
    assert await migrate(store.operate_dsn, files) == []
    assert await value(store.serve_dsn, "SELECT say(gen_random_uuid())") == "newer"


async def test_an_older_program_refuses_a_newer_schema_that_does_not(scratch, files):
    store = await scratch()
    write(files, "0002_second.sql", "ALTER TABLE note ADD COLUMN more text;")
    await migrate(store.operate_dsn, files)
    (files / "0002_second.sql").unlink()
    with pytest.raises(MigrationRefused, match="too new for a program that knows 1"):
        await migrate(store.operate_dsn, files)


async def test_a_database_of_somebody_else_is_refused(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    (files / "0001_first.sql").rename(files / "0001_other.sql")
    with pytest.raises(MigrationRefused, match="not ours"):
        await migrate(store.operate_dsn, files)


async def test_a_table_in_use_is_waited_for_without_queueing(scratch, files):
    store = await scratch()
    await migrate(store.operate_dsn, files)
    write(files, "0002_second.sql", "ALTER TABLE note ADD COLUMN more text;")
    reader = await asyncpg.connect(store.operate_dsn)
    busy = reader.transaction()
    await busy.start()
    await reader.fetch("SELECT * FROM note")
    change = asyncio.create_task(migrate(store.operate_dsn, files))
    async with asyncio.timeout(30):
        while not await value(store.operate_dsn, _WAITS):
            pass
    async with asyncio.timeout(5):  # others pass while the migration stands back between its tries
        assert await value(store.operate_dsn, "SELECT count(*) FROM note") == 0
    assert not change.done()
    await busy.rollback()
    await reader.close()
    assert await change == ["0002_second.sql"]


_WAITS = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"


async def test_a_missing_serving_role_is_named(scratch, files):
    store = await scratch()
    with pytest.raises(MigrationRefused, match="nobody_here"):
        await migrate(store.operate_dsn, files, serve_role="nobody_here")


async def test_the_version_can_be_asked(scratch, files):
    store = await scratch()
    connection = await connect(store.serve_dsn, timeout=5)
    assert await schema_version(connection) == 0
    write(files, "0002_second.sql", "-- compat: 1\nSELECT 1;")
    await migrate(store.operate_dsn, files)
    assert (await schema_version(connection), await schema_compat(connection)) == (2, 1)
    await connection.close()


async def test_our_own_schema_is_found_and_applied_twice_without_a_change(scratch):
    store = await scratch()
    applied = await migrate(store.operate_dsn)
    assert len([name for name in applied if not name.startswith("functions/")]) == latest_schema()
    assert await migrate(store.operate_dsn, schema_directory()) == []
