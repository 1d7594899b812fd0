"""The launcher on real programs: made, started, attached to, killed, revived, stopped."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest

from etherapy.postgres import Postgres, PostgresUnavailable, find_binaries
from tests.postgres_fixture import wanted_major

_PROGRAM = """
import os, signal, sys
from pathlib import Path
from etherapy.postgres import Postgres, find_binaries
server = Postgres(sys.argv[1], binaries=find_binaries(int(sys.argv[2]))).start()
print("owned" if server.owned else "attached", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def server_in(place: Path, **more: object) -> Postgres:
    return Postgres(place / "data", binaries=find_binaries(wanted_major()), **more)  # type: ignore[arg-type]


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def fill(server: Postgres) -> None:
    await ask(server.operate_dsn, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 600) n")


async def count(server: Postgres) -> object:
    return await ask(server.operate_dsn, "SELECT count(*) FROM kept")


async def test_a_first_start_makes_two_roles_of_which_neither_is_a_superuser(open_place):
    async with server_in(open_place) as server:
        rows = await asyncpg.connect(server.serve_dsn)
        found = {
            r["rolname"]: (r["rolsuper"], r["rolbypassrls"], r["rolcreatedb"], r["rolcreaterole"])
            for r in await rows.fetch("SELECT * FROM pg_roles WHERE rolname IN ($1, $2)", *_ROLES)
        }
        await rows.close()
    assert found == {"etherapy_serve": (False,) * 4, "etherapy_operate": (False, True, False, False)}


_ROLES = ("etherapy_serve", "etherapy_operate")


async def test_it_listens_on_nothing_but_a_socket_in_a_closed_directory(open_place):
    async with server_in(open_place) as server:
        assert await ask(server.serve_dsn, "SHOW listen_addresses") == ""
        directory = await ask(server.bootstrap_dsn, "SHOW unix_socket_directories")
        assert os.stat(str(directory)).st_mode & 0o777 == 0o700


async def test_it_is_durable_and_keeps_statements_out_of_its_log(open_place):
    wanted = {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_sync_retry": "off",
        "data_checksums": "on",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length_on_error": "0",
    }
    async with server_in(open_place) as server:
        found = {name: await ask(server.serve_dsn, f"SHOW {name}") for name in wanted}
    assert found == wanted


async def test_texts_are_ordered_the_same_whatever_the_system_speaks(open_place, monkeypatch):
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    async with server_in(open_place) as server:
        order = await ask(
            server.serve_dsn, "SELECT string_agg(x, '' ORDER BY x) FROM unnest('{ä,Z,a,z}'::text[]) x"
        )
        upper = await ask(server.serve_dsn, "SELECT upper('ä')")
    assert (order, upper) == ("Zazä", "Ä")


async def test_what_was_written_is_there_after_a_clean_stop(open_place):
    async with server_in(open_place) as server:
        await fill(server)
        pid = server.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)
    control = tell_state(open_place / "data" / "cluster")
    assert "shut down" in control.split("cluster state:")[1].splitlines()[0]
    async with server_in(open_place) as server:
        assert await count(server) == 600


async def test_a_killed_server_is_revived_with_everything_it_had(open_place):
    async with server_in(open_place) as server:
        await fill(server)
        server.kill()
        assert server.revive()
        assert not server.revive()
        assert await count(server) == 600


async def test_a_server_that_is_kept_alive_comes_back_by_itself(open_place):
    async with server_in(open_place) as server:
        await fill(server)
        keeper = asyncio.create_task(server.keep_alive(every=0.01))
        server.kill()
        async with asyncio.timeout(60):
            assert await count_when_back(server) == 600
        keeper.cancel()


async def count_when_back(server: Postgres) -> object:
    while True:
        try:
            return await count(server)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0)


async def test_after_a_killed_starter_the_next_one_takes_over(open_place):
    other = start_elsewhere(open_place)
    await fill(attached := server_in(open_place).start())
    orphan = attached.pid
    end_elsewhere(other)
    async with server_in(open_place) as server:
        assert server.owned
        assert server.pid != orphan
        assert await count(server) == 600


async def test_whoever_is_attached_takes_over_when_the_starter_has_ended(open_place):
    other = start_elsewhere(open_place)
    async with server_in(open_place) as server:
        assert not server.owned
        await fill(server)
        assert not server.revive()
        end_elsewhere(other)
        assert server.revive()
        assert await count(server) == 600


async def test_after_both_were_killed_the_next_start_recovers(open_place):
    other = start_elsewhere(open_place)
    await fill(attached := server_in(open_place).start())
    attached.kill()
    end_elsewhere(other)
    async with server_in(open_place) as server:
        assert server.owned
        assert await count(server) == 600


async def test_a_left_over_pid_that_now_means_another_program_is_no_obstacle(open_place):
    async with server_in(open_place) as server:
        await fill(server)
        server.kill()
        remains = (open_place / "data" / "cluster" / "postmaster.pid").read_text().splitlines()
    remains[0] = str(os.getpid())
    (open_place / "data" / "cluster" / "postmaster.pid").write_text("\n".join(remains) + "\n")
    async with server_in(open_place) as server:
        assert await count(server) == 600


async def test_a_second_process_attaches_and_does_not_stop_what_it_did_not_start(open_place):
    async with server_in(open_place) as server:
        other = start_elsewhere(open_place, expected="attached")
        end_elsewhere(other)
        async with server_in(open_place) as third:
            assert not third.owned
            assert third.serve_dsn == server.serve_dsn
        assert await ask(server.serve_dsn, "SELECT 1") == 1


async def test_a_start_that_was_interrupted_leaves_nothing_in_the_way(open_place):
    half = open_place / "data" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("half")
    (open_place / "data").chmod(0o711)
    async with server_in(open_place) as server:
        assert await ask(server.serve_dsn, "SELECT 1") == 1
    assert not half.exists()


async def test_data_of_another_major_version_is_refused_and_left_alone(open_place):
    async with server_in(open_place):
        pass
    mark = open_place / "data" / "cluster" / "PG_VERSION"
    mark.write_text("14\n")
    with pytest.raises(PostgresUnavailable, match="made by PostgreSQL 14") as refused:
        server_in(open_place).start()
    for words in ("Nothing was changed", "etherapy backup", "etherapy restore"):
        assert words in str(refused.value)
    assert mark.read_text() == "14\n"


async def test_a_deep_directory_gets_a_short_socket_that_is_gone_afterwards(open_place):
    deep = open_place / ("d" * 60) / ("e" * 40)
    deep.mkdir(parents=True)
    async with server_in(deep) as server:
        socket = Path(str(await ask(server.bootstrap_dsn, "SHOW unix_socket_directories")))
        assert not socket.is_relative_to(deep)
        assert socket.stat().st_mode & 0o777 == 0o700
    assert not socket.exists()


async def test_the_server_log_never_holds_a_value(open_place):
    canary = "canary-4711"
    async with server_in(open_place) as server:
        connection = await asyncpg.connect(server.operate_dsn)
        await connection.execute("CREATE TABLE secret (word text PRIMARY KEY)")
        await connection.execute("INSERT INTO secret VALUES ($1)", canary)
        for sql in (
            f"INSERT INTO secret VALUES ('{canary}')",
            f"SELECT '{canary}'::uuid",
            f"SELECT 1/0 WHERE '{canary}' = '{canary}'",
            f"DO $$ BEGIN RAISE WARNING '{canary}'; END $$",
        ):
            with pytest.raises(asyncpg.PostgresError):
                await connection.execute(sql + ("; SELECT 1/0" if sql.startswith("DO") else ""))
        await connection.close()
        server.kill()
        server.revive()
    log = (open_place / "data" / "postgres.log").read_text()
    assert "database system is ready" in log
    assert canary not in log


def test_a_place_that_cannot_be_written_is_named(open_place):
    file = open_place / "data"
    file.write_text("in the way")
    with pytest.raises(PostgresUnavailable, match=str(file)):
        server_in(open_place).start()


def test_a_server_that_does_not_start_says_why(open_place):
    with pytest.raises(PostgresUnavailable, match="no_such_setting"):
        server_in(open_place, settings={"no_such_setting": "1"}).start()


def test_data_that_was_moved_out_and_is_gone_is_not_replaced(open_place):
    (open_place / "data").mkdir()
    (open_place / "data" / "cluster").symlink_to(open_place / "elsewhere" / "cluster")
    with pytest.raises(PostgresUnavailable, match="elsewhere"):
        server_in(open_place).start()


def tell_state(cluster: Path) -> str:
    program = find_binaries(wanted_major()).program("pg_controldata")
    done = subprocess.run([program, cluster], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    return done.stdout


def start_elsewhere(place: Path, expected: str = "owned") -> "subprocess.Popen[str]":
    """Another process that starts the server, or attaches, and waits for a line to kill itself."""
    major = find_binaries(wanted_major()).major
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM), str(place / "data"), str(major)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == expected
    return process


def end_elsewhere(process: "subprocess.Popen[str]") -> None:
    process.communicate("die\n", timeout=30)
    assert process.returncode == -signal.SIGKILL
