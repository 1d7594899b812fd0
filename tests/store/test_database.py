"""The one door to the database: values, refusals, deadlines, and what happens when it goes away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import msgspec
import pytest

from etherapy.postgres import Postgres, find_binaries
from etherapy.store.connection import hosts_of
from etherapy.store.database import Database, Refused, StoreFault, StoreUnavailable
from tests.postgres_fixture import Store, wanted_major

FUNCTIONS = """
CREATE TABLE kept (id uuid PRIMARY KEY, word text);
CREATE FUNCTION echo(p_id uuid, p_ids uuid[], p_data jsonb, p_at timestamptz, p_hash bytea)
  RETURNS TABLE (id uuid, ids uuid[], data jsonb, at timestamptz, hash bytea)
  LANGUAGE sql AS 'SELECT p_id, p_ids, p_data, p_at, p_hash';
CREATE FUNCTION numbers(p_n integer) RETURNS SETOF integer LANGUAGE sql AS 'SELECT generate_series(1, p_n)';
CREATE FUNCTION keep(p_id uuid, p_word text) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO kept VALUES (p_id, p_word); RETURN p_word; END $$;
CREATE FUNCTION keep_slowly(p_id uuid, p_seconds double precision) RETURNS text LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_sleep(p_seconds); INSERT INTO kept VALUES (p_id, 'slow'); RETURN 'slow'; END $$;
CREATE FUNCTION refuse(p_id uuid) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO kept VALUES (p_id, 'refused');
     RAISE EXCEPTION 'stale_epoch' USING ERRCODE = 'ET409'; END $$;
CREATE FUNCTION fail_as(p_state text) RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'canary-4711' USING ERRCODE = p_state, DETAIL = 'canary-4711'; END $$;
GRANT SELECT, INSERT ON kept TO etherapy_serve;
"""


async def furnish(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(FUNCTIONS)
    await connection.close()


@pytest.fixture
async def small(scratch) -> Store:
    store: Store = await scratch()
    await furnish(store.operate_dsn)
    return store


@pytest.fixture
async def db(small) -> AsyncIterator[Database]:
    async with Database(small.serve_dsn, size=2, deadline=10) as database:
        yield database


async def is_kept(dsn: str, key: bytes) -> bool:
    async with Database(dsn) as other, other.connection() as connection:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM kept WHERE id = $1)", key))


async def test_values_come_back_as_they_went(db):
    ids = [os.urandom(16) for _ in range(3)]
    at = datetime(2026, 3, 29, 1, 30, 0, 123000, tzinfo=UTC)
    row = await db.call("echo", ids[0], ids, {"a": [1, "ä"]}, at, b"\x00\xff")
    assert (row["id"], row["ids"], row["hash"]) == (ids[0], ids, b"\x00\xff")
    assert row["at"] == at
    assert row["at"].utcoffset() == timedelta(0)
    assert msgspec.json.decode(row["data"]) == {"a": [1, "ä"]}


async def test_nothing_may_be_null_and_comes_back_as_nothing(db):
    assert tuple(await db.call("echo", None, None, None, None, None)) == (None,) * 5


@pytest.mark.parametrize("text", [b'{"a":1}', '{"a":1}'])
async def test_json_text_is_taken_as_it_is(db, text):
    row = await db.call("echo", bytes(16), [], text, None, None)
    assert row["data"] == b'{"a": 1}'


async def test_an_instant_of_another_zone_is_the_same_instant(db):
    at = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    assert (await db.call("echo", None, None, None, at, None))["at"] == at


async def test_a_naive_instant_is_refused_before_it_is_sent(db):
    naive = datetime(2026, 3, 29, 1, 30)  # noqa: DTZ001
    for value in (naive, [naive]):
        with pytest.raises(ValueError, match="without a zone"):
            await db.call("echo", None, None, None, value, None)


async def test_rows_come_all_or_first_or_none(db):
    assert [row[0] for row in await db.call_all("numbers", 3)] == [1, 2, 3]
    assert (await db.call("numbers", 3))[0] == 1
    assert await db.call("numbers", 0) is None


async def test_a_refusal_of_ours_carries_its_code_and_word_and_changed_nothing(db, small):
    key = os.urandom(16)
    with pytest.raises(Refused) as refused:
        await db.call("refuse", key)
    assert (refused.value.code, refused.value.detail) == ("ET409", "stale_epoch")
    assert not await is_kept(small.serve_dsn, key)
    assert db.open_count == 1  # the connection is as good as before


@pytest.mark.parametrize(
    "state", ["08006", "25006", "40001", "40P01", "53100", "53300", "57014", "57P01", "58030"]
)
async def test_trouble_of_the_database_means_try_later(db, state):
    with pytest.raises(StoreUnavailable, match=state):
        await db.call("fail_as", state)
    assert await db.call("numbers", 1)


async def test_a_defect_of_ours_says_where_but_shows_no_value(db):
    key = os.urandom(16)
    await db.call("keep", key, "canary-4711")
    for call in (
        db.call("keep", key, "canary-4711"),
        db.call("fail_as", "22023"),
        db.call("keep", "canary-4711", "canary-4711"),
        db.call("keep", b"canary-4711", "canary-4711"),
    ):
        with pytest.raises(StoreFault) as fault:
            await call
        assert "canary" not in repr(fault.value)
        assert fault.value.__cause__ is None
        assert fault.value.__suppress_context__
    assert await db.call("numbers", 1)


async def test_a_violated_constraint_is_named(db):
    key = os.urandom(16)
    await db.call("keep", key, "once")
    with pytest.raises(StoreFault, match="keep: 23505 on kept_pkey"):
        await db.call("keep", key, "twice")


async def test_only_names_of_functions_can_be_called(db):
    with pytest.raises(ValueError, match="name of a function"):
        await db.call("numbers(1); DROP TABLE kept; --")


async def test_each_call_is_told_by_name_time_and_outcome(small):
    told: list[tuple[str, float, str]] = []
    async with Database(small.serve_dsn, on_call=lambda *call: told.append(call)) as db:
        await db.call("numbers", 1)
        for name, kind in (("40001", StoreUnavailable), ("22023", StoreFault), ("ET404", Refused)):
            with pytest.raises(kind):
                await db.call("fail_as", name)
    assert [(name, outcome) for name, _, outcome in told] == [
        ("numbers", "ok"),
        ("fail_as", "unavailable"),
        ("fail_as", "fault"),
        ("fail_as", "refused"),
    ]
    assert all(0 < seconds < 10 for _, seconds, _ in told)


async def test_a_call_is_one_round_trip(postgres, small, open_place):
    """No BEGIN, no reset, no second statement: once prepared, a call is one packet there and one back."""
    packets = 0

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool) -> None:
        nonlocal packets
        while data := await reader.read(1 << 16):
            packets += counted
            writer.write(data)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(
            f"{postgres.data_dir}/run/.s.PGSQL.5432",
        )
        await asyncio.gather(forward(reader, far_writer, True), forward(far_reader, writer, False))

    near = f"postgresql://etherapy_serve@/{small.name}?host={open_place}"
    listening = await asyncio.start_unix_server(accept, open_place / ".s.PGSQL.5432")
    async with listening, Database(near) as db:
        for _ in range(2):
            await db.call("numbers", 1)
        before = packets
        for _ in range(20):
            await db.call("numbers", 1)
        assert packets - before == 20


async def test_a_cancelled_caller_does_not_cut_a_call_in_two(db, small):
    key = os.urandom(16)
    caller = asyncio.create_task(db.call("keep_slowly", key, 0.2))
    await until_running(small, "keep_slowly")
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await db.close()
    assert await is_kept(small.serve_dsn, key)


async def test_a_call_past_its_deadline_is_given_up_on_both_sides(small):
    key = os.urandom(16)
    async with Database(small.serve_dsn, deadline=0.2) as db:
        with pytest.raises(StoreUnavailable):
            await db.call("keep_slowly", key, 60)
        assert await db.call("numbers", 1)
    await until_gone(small, "keep_slowly")
    assert not await is_kept(small.serve_dsn, key)


async def test_callers_beyond_the_queue_are_refused_at_once(small):
    async with Database(small.serve_dsn, size=1, queue=1) as db:
        await db.call("numbers", 1)
        first = asyncio.create_task(db.call("keep_slowly", os.urandom(16), 0.3))
        second = asyncio.create_task(db.call("numbers", 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="queue_full"):
            await db.call("numbers", 1)
        assert await first
        assert await second


async def test_never_more_connections_than_allowed(small):
    async with Database(small.serve_dsn, size=3) as db:
        await asyncio.gather(*(db.call("numbers", 1) for _ in range(50)))
        assert db.open_count <= 3


async def test_an_acknowledgement_that_no_standby_saw_is_a_failure(open_place):
    """guarantees.md 2.3, first row: the driver reports success, only a notice tells."""
    server = Postgres(
        open_place / "data",
        binaries=find_binaries(wanted_major()),
        settings={"synchronous_standby_names": "nobody"},
    )
    async with server:
        setup = await asyncpg.connect(server.operate_dsn, server_settings={"synchronous_commit": "local"})
        await setup.execute(FUNCTIONS)
        await setup.close()
        key = os.urandom(16)
        async with Database(server.serve_dsn, deadline=30) as db:
            call = asyncio.create_task(db.call("keep", key, "word"))
            boss = await asyncpg.connect(server.bootstrap_dsn)
            async with asyncio.timeout(20):
                while not await boss.fetchval(_CANCEL_THE_WAIT):
                    pass
            with pytest.raises(StoreUnavailable, match="not_replicated"):
                await call
            assert db.open_count == 0
        assert await boss.fetchval("SELECT count(*) FROM kept") == 1
        await boss.close()


_CANCEL_THE_WAIT = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


async def test_after_a_crash_of_the_database_the_next_calls_find_it_again(open_place):
    async with Postgres(open_place / "data", binaries=find_binaries(wanted_major())) as server:
        await furnish(server.operate_dsn)
        async with Database(server.serve_dsn, size=4) as db:
            await asyncio.gather(*(db.call("numbers", 1) for _ in range(4)))
            interrupted = asyncio.create_task(db.call("keep_slowly", os.urandom(16), 60))
            await until_running(Store("etherapy", "", "", server.bootstrap_dsn), "keep_slowly")
            server.kill()
            with pytest.raises(StoreUnavailable):
                await interrupted
            with pytest.raises(StoreUnavailable):
                await db.call("numbers", 1)
            server.revive()
            assert await db.call("keep", os.urandom(16), "back")


async def test_a_database_that_never_answers_costs_a_caller_no_more_than_the_deadline(open_place):
    async with Postgres(open_place / "data", binaries=find_binaries(wanted_major())) as server:
        await furnish(server.operate_dsn)
        async with Database(server.serve_dsn, size=1, deadline=0.5) as db:
            held = asyncio.create_task(db.call("keep_slowly", os.urandom(16), 30))
            frozen = await until_running(Store("etherapy", "", "", server.bootstrap_dsn), "keep_slowly")
            os.kill(frozen, signal.SIGSTOP)
            try:
                with pytest.raises(StoreUnavailable):
                    await held
                assert await db.call("numbers", 1)  # on a new connection
            finally:
                os.kill(frozen, signal.SIGCONT)


async def test_nothing_can_be_called_after_the_end(small):
    db = Database(small.serve_dsn)
    await db.call("numbers", 1)
    await db.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await db.call("numbers", 1)


async def test_a_place_where_no_database_is_means_try_later(tmp_path):
    async with Database(f"postgresql://etherapy_serve@/etherapy?host={tmp_path}") as db:
        with pytest.raises(StoreUnavailable):
            await db.call("numbers", 1)
        with pytest.raises(StoreUnavailable):
            async with db.connection():
                pass


def test_a_list_of_hosts_is_tried_one_by_one():
    assert hosts_of("postgresql://a:b@one:1,two:2/db?x=y") == [
        "postgresql://a:b@one:1/db?x=y",
        "postgresql://a:b@two:2/db?x=y",
    ]
    for single in ("postgresql://a@one/db", "postgresql://a@/db?host=%2Frun", "postgresql://one/db?x=1,2"):
        assert hosts_of(single) == [single]


async def until_running(store: Store, function: str) -> int:
    """The backend that runs the function now."""
    boss = await asyncpg.connect(store.bootstrap_dsn)
    async with asyncio.timeout(20):
        while not (pid := await boss.fetchval(_RUNS, store.name, f"%{function}%")):
            pass
    await boss.close()
    return int(pid)


async def until_gone(store: Store, function: str) -> None:
    boss = await asyncpg.connect(store.bootstrap_dsn)
    async with asyncio.timeout(20):
        while await boss.fetchval(_RUNS, store.name, f"%{function}%"):
            pass
    await boss.close()


_RUNS = """
SELECT pid FROM pg_stat_activity
 WHERE datname = $1 AND state = 'active' AND query LIKE $2 AND wait_event = 'PgSleep'
"""
