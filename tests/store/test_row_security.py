"""The second wall: row level security alone keeps practices apart (G12, D-8, D-26)."""

from collections.abc import AsyncIterator
from hashlib import sha256
from os import urandom
from pathlib import Path

import asyncpg
import pytest

from etherapy.binary import Hash32, Id16, unb64
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import SetPassphrase
from etherapy.store.connection import Connection, connect
from etherapy.tep.epoch import Role
from tests.server.clinic import Clinic
from tests.server.company import company_of
from tests.server.furnishing import Furnished
from tests.server.makers_of_duties import put_duties
from tests.server.matrix import fingerprint
from tests.server.newcomers import wait
from tests.server.weakening import switch_off_checks, switch_off_row_security
from tests.store.row_security import (
    Hole,
    holes_in_functions,
    holes_in_tables,
    ids_of,
    reaches,
    values_of,
    walled_tables,
)

READS = {
    "read_sync",
    "read_inbox",
    "read_alerts",
    "read_tasks",
    "read_notices",
    "read_person",
    "read_leaves",
    "read_decisions",
    "read_settings",
    "read_practice",
    "read_invitation",
    "find_device",
    "load_held",
    "read_decision",
    "read_message",
    "sent_message",
    "read_day",
    "read_log_state",
    "read_unsequenced",
    "read_log_nodes",
}
"""Functions that must have answered something, or the walk over all of them proves little."""


@pytest.fixture
async def clinic(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Clinic]:
    """Two practices in which every table holds something."""
    async with furnished.open(tmp_path) as found:
        for letter in "AB":
            await fill_the_rest(found, letter)
        await put_duties(found)
        yield found


async def fill_the_rest(clinic: Clinic, letter: str) -> None:
    """What the furnishing has not: papers, a device that waits, what narrowing, grants and restores leave."""
    client, colleague = clinic.people[f"{letter}.client"], f"{letter}.other_therapist"
    company = company_of(clinic, client.name)
    await company.sign(company.owner.name, company.consent(colleague, Role.CO_THERAPIST))
    leaving = company_of(clinic, f"{letter}.far_client")
    answer, _ = await leaving.leave(f"{letter}.far_client")
    assert answer.status < 300, answer
    await wait(clinic, client)
    await clinic.line.call(
        endpoints.set_passphrase,
        SetPassphrase("somebody", Id16(urandom(16)), Hash32(urandom(32))),
        token=client.token,
    )
    place = (client.practice, company.talk.thread)
    await clinic.operate.execute(
        "INSERT INTO exclusion SELECT practice_id, thread_id, device_id FROM seat"
        " WHERE practice_id = $1 AND thread_id = $2"
        " AND device_id IN (SELECT device_id FROM device WHERE class = 4) LIMIT 1",
        *place,
    )
    await clinic.operate.execute(
        "INSERT INTO history_grant SELECT practice_id, thread_id, device_id, $3, $4, $5, account_id"
        " FROM seat JOIN device USING (practice_id, device_id)"
        " WHERE practice_id = $1 AND thread_id = $2 LIMIT 1",
        *place,
        urandom(32),
        urandom(300),
        clinic.now,
    )
    await clinic.operate.execute("INSERT INTO generation_mark VALUES ($1, $2, 1, $3)", *place, urandom(300))
    await clinic.operate.execute("INSERT INTO restore_statement VALUES ($1, 2, $2)", place[0], urandom(300))


@pytest.fixture
async def serve(clinic: Clinic) -> AsyncIterator[Connection]:
    connection = await connect(clinic.store.serve_dsn, timeout=10, name="tests")
    yield connection
    await connection.close()


async def test_no_table_shows_or_takes_rows_of_another_practice(clinic: Clinic, serve: Connection) -> None:
    mine, other = clinic.practices["A"], clinic.practices["B"]
    assert not await holes_in_tables(serve, clinic.operate, mine, other)
    for table in await walled_tables(clinic.operate):
        assert await reaches(serve, other, f"SELECT FROM {table} WHERE practice_id = $1", other), table


async def test_without_a_practice_there_are_no_rows(clinic: Clinic, serve: Connection) -> None:
    """Not set, empty, no id at all, nobody's id."""
    nobody = str(await serve.fetchval("SELECT $1::uuid::text", urandom(16)))
    for practice in (None, "", "no uuid", "' OR true --", nobody):
        for table in await walled_tables(clinic.operate):
            for sql in (
                f"SELECT FROM {table}",
                f"UPDATE {table} SET practice_id = practice_id",
                f"DELETE FROM {table}",
            ):
                assert not await reaches(serve, practice, sql), (practice, sql)


async def test_what_is_no_practice_at_all_is_an_error(clinic: Clinic, serve: Connection) -> None:
    await serve.execute("SELECT set_config('app.practice', 'no uuid', false)")
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await serve.fetch("SELECT FROM thread")


async def test_a_function_leaves_no_practice_set_behind(clinic: Clinic, serve: Connection) -> None:
    found = await serve.fetch("SELECT * FROM read_practice($1)", clinic.practices["B"])
    assert len(found) == 1
    assert not await serve.fetch("SELECT FROM practice")
    with pytest.raises(asyncpg.PostgresError):
        await serve.fetch(
            "SELECT * FROM enter($1, $2, $3, now())", clinic.practices["B"], urandom(32), ["client"]
        )
    assert not await serve.fetch("SELECT FROM practice")


@pytest.mark.parametrize(
    "sql",
    [
        "SET ROLE etherapy_operate",
        "SET SESSION AUTHORIZATION etherapy_operate",
        "ALTER TABLE thread DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE thread NO FORCE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_them ON thread USING (true)",
        "DROP POLICY one_practice ON thread",
        "CREATE TABLE public.copy AS SELECT 1 AS one",
        "CREATE FUNCTION public.look() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION read_installation() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    ],
)
async def test_the_serving_role_cannot_take_the_wall_down(serve: Connection, sql: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await serve.execute(sql)


async def test_row_security_cannot_be_set_off(serve: Connection) -> None:
    await serve.execute("SET row_security = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await serve.fetch("SELECT FROM thread")


async def test_no_view_reads_past_the_wall(clinic: Clinic, serve: Connection) -> None:
    rows = await clinic.operate.fetch(
        "SELECT c.relname FROM pg_class c"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm', 'f')"
    )
    for row in rows:
        assert not await reaches(serve, None, f"SELECT FROM {row['relname']}")


@pytest.mark.parametrize("role", ["client", "therapist", "supervisor", "administrator"])
@pytest.mark.parametrize("checks", [True, False], ids=["with the checks", "row security alone"])
async def test_no_function_reaches_another_practice(
    clinic: Clinic, serve: Connection, checks: bool, role: str
) -> None:
    """Each function, called in a session of one practice with the ids of another."""
    if not checks:
        assert await switch_off_checks(clinic.operate) > 25
    before = await fingerprint(clinic.operate, clinic.practices["B"])
    holes, ran = await _walk(clinic, serve, role)
    assert not holes
    assert ran >= READS
    for guarded in ("read_page", "load_facts"):  # refused by their own check, and giving nothing without it
        assert (guarded in ran) != checks
    assert await fingerprint(clinic.operate, clinic.practices["B"]) == before


async def _walk(clinic: Clinic, serve: Connection, role: str) -> tuple[list[Hole], set[str]]:
    token = sha256(unb64(clinic.people[f"A.{role}"].token)).digest()
    return await holes_in_functions(
        serve, clinic.operate, clinic.practices["A"], token, clinic.practices["B"], clinic.now
    )


async def test_a_token_of_one_practice_opens_no_other(clinic: Clinic, serve: Connection) -> None:
    await switch_off_checks(clinic.operate)
    token = sha256(unb64(clinic.people["A.client"].token)).digest()
    with pytest.raises(asyncpg.PostgresError, match="no_session"):
        await serve.fetch(
            "SELECT * FROM enter($1, $2, $3, $4)", clinic.practices["B"], token, ["client"], clinic.now
        )


async def test_a_wall_that_is_down_is_found(clinic: Clinic, serve: Connection) -> None:
    """Without row security each table shows its rows; with the checks away as well, functions leak."""
    mine, other = clinic.practices["A"], clinic.practices["B"]
    await switch_off_row_security(clinic.operate)
    holes = {(hole.where, hole.what) for hole in await holes_in_tables(serve, clinic.operate, mine, other)}
    assert {(table, "seen") for table in await walled_tables(clinic.operate)} <= holes
    await switch_off_checks(clinic.operate)
    leaks, _ = await _walk(clinic, serve, "client")
    assert {"read_page", "load_facts", "read_message"} & {hole.where for hole in leaks}


async def test_a_loose_policy_is_found(clinic: Clinic, serve: Connection) -> None:
    await clinic.execute("CREATE POLICY loose ON message FOR SELECT USING (true)")
    holes = await holes_in_tables(serve, clinic.operate, clinic.practices["A"], clinic.practices["B"])
    assert [(hole.where, hole.what) for hole in holes] == [("message", "seen")]


async def test_the_other_practice_has_something_to_hide(clinic: Clinic) -> None:
    other = clinic.practices["B"]
    assert clinic.sent["B.client held"].envelope in await values_of(clinic.operate, other)
    assert (await ids_of(clinic.operate, other))["thread"] in {talk.thread for talk in clinic.talks.values()}
