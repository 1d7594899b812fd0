"""The start-up self-check, on real databases that were set wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from etherapy.postgres import Postgres, find_binaries
from etherapy.store.connection import connect
from etherapy.store.migrate import migrate
from etherapy.store.selfcheck import _is_local, check_store
from tests.postgres_fixture import wanted_major


def real_now() -> datetime:
    return datetime.now(UTC)


async def check(dsn: str, clock: Callable[[], datetime] = real_now) -> list[str]:
    connection = await connect(dsn, timeout=5)
    try:
        return await check_store(connection, clock())
    finally:
        await connection.close()


async def run(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_database_as_it_should_be_has_no_problems(store):
    assert await check(store.serve_dsn) == []


@pytest.mark.parametrize("seconds", [-3, 3])
async def test_a_clock_that_is_off_is_reported(store, seconds):
    problems = await check(store.serve_dsn, lambda: real_now() + timedelta(seconds=seconds))
    assert len(problems) == 1
    assert "clock" in problems[0]
    assert "time server" in problems[0]


async def test_a_clock_that_is_off_by_a_second_is_not(store):
    assert await check(store.serve_dsn, lambda: real_now() + timedelta(seconds=1)) == []


async def test_a_superuser_may_not_serve(store):
    problems = " ".join(await check(store.bootstrap_dsn))
    for words in ("is a superuser", "may pass row level security", "owns tables"):
        assert words in problems


async def test_the_operating_role_may_not_serve(store):
    problems = await check(store.operate_dsn)
    assert [words for words in ("NOBYPASSRLS", "owns tables") if words in " ".join(problems)] == [
        "NOBYPASSRLS",
        "owns tables",
    ]


async def test_a_member_of_a_role_that_passes_walls_may_not_serve(scratch):
    store = await scratch()
    await migrate(store.operate_dsn)
    member = f"{store.name}_member"
    await run(
        store.bootstrap_dsn,
        f"CREATE ROLE {member} LOGIN IN ROLE etherapy_operate",
        f"GRANT CONNECT ON DATABASE {store.name} TO {member}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {member}",
    )
    try:
        problems = " ".join(await check(store.bootstrap_dsn.replace("etherapy_bootstrap", member)))
        assert "is a member of a role that may pass" in problems
    finally:
        await run(store.bootstrap_dsn, f"DROP OWNED BY {member}", f"DROP ROLE {member}")


@pytest.mark.parametrize("change", ["DISABLE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"])
async def test_a_lifted_wall_is_reported_with_its_table(scratch, change):
    store = await scratch()
    await migrate(store.operate_dsn)
    await run(store.operate_dsn, f"ALTER TABLE account {change}")
    problems = await check(store.serve_dsn)
    assert len(problems) == 1
    assert "not enabled and forced on account" in problems[0]


async def test_an_empty_database_is_told_to_migrate(scratch):
    store = await scratch()
    assert any("etherapy migrate" in problem for problem in await check(store.serve_dsn))


async def test_a_schema_that_is_too_new_is_reported(scratch):
    store = await scratch()
    await migrate(store.operate_dsn)
    add = "INSERT INTO schema_migration (name, sha256, compat) VALUES ('9000_later.sql', '', {})"
    await run(store.operate_dsn, add.format(9000))
    assert any("too new for this program" in problem for problem in await check(store.serve_dsn))
    await run(store.operate_dsn, "UPDATE schema_migration SET compat = 1 WHERE name = '9000_later.sql'")
    assert await check(store.serve_dsn) == []


async def test_commits_that_do_not_wait_for_the_disk_are_reported_for_this_role(scratch):
    store = await scratch()
    await migrate(store.operate_dsn)
    await run(
        store.bootstrap_dsn,
        f"ALTER ROLE etherapy_serve IN DATABASE {store.name} SET synchronous_commit = off",
    )
    problems = await check(store.serve_dsn)
    assert len(problems) == 1
    assert problems[0].startswith("synchronous_commit is off")


async def test_a_server_that_may_lose_what_it_acknowledged_is_reported(open_place):
    unsafe = {"fsync": "off", "full_page_writes": "off", "data_sync_retry": "on"}
    binaries = find_binaries(wanted_major())
    async with Postgres(open_place / "data", binaries=binaries, settings=unsafe) as server:
        await migrate(server.operate_dsn)
        problems = await check(server.serve_dsn)
    assert sorted(problem.split()[0] for problem in problems) == sorted(unsafe)
    assert all("restart the database" in problem for problem in problems)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (None, True),
        ("127.0.0.1/32", True),
        ("::1/128", True),
        ("10.0.0.7/32", False),
        ("2001:db8::7/128", False),
    ],
)
def test_only_a_socket_and_loopback_need_no_tls(address, local):
    assert _is_local(address) is local
