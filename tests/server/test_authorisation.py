"""Who may call what: every route of the door, every caller (guarantees.md 3.9, G10 to G12, G16)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from etherapy.binary import Hash32, Id16
from tests.server.asking import Ask
from tests.server.asks import WHOLE_TABLE, make, of_nobody, own
from tests.server.clinic import NIGHT, ORIGIN, Clinic
from tests.server.company import take_back_leaves
from tests.server.expectations import CALLERS, NOT_IDS, ROLES, ROWS
from tests.server.furnishing import Furnished
from tests.server.matrix import answer, dead_tokens, differences, fingerprint, plant
from tests.server.people import log_in

CLOSED = sorted(name for name, row in ROWS.items() if not row.is_open)


@pytest.fixture(scope="module")
async def clinic(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    async with furnished.open(tmp_path_factory.mktemp("matrix")) as found:
        yield found


async def test_every_route_of_the_door_has_a_row(clinic: Clinic) -> None:
    document = (await clinic.line.ask(Ask("GET", "/openapi.json"))).json()
    served = {way["operationId"] for place in document["paths"].values() for way in place.values()}
    assert served == set(ROWS) == set(WHOLE_TABLE)


@pytest.mark.parametrize("name", sorted(WHOLE_TABLE))
def test_every_id_that_a_route_takes_is_exchanged_in_its_row(name: str) -> None:
    endpoint, exchanged = WHOLE_TABLE[name], {one for fields in ROWS[name].strange for one in fields}
    taken = {place for place, kind in endpoint.parameters.items() if kind in (Id16, Hash32)}
    for struct in (endpoint.takes, endpoint.query):
        taken |= {field.name for field in _fields(struct) if field.type in (Id16, Hash32)}
    assert taken - NOT_IDS <= exchanged


def _fields(struct: Any) -> tuple[Any, ...]:
    return () if struct in (None, bytes) else msgspec.structs.fields(struct)


@pytest.mark.parametrize("name", sorted(WHOLE_TABLE))
async def test_each_caller_gets_what_the_table_says(clinic: Clinic, name: str) -> None:
    for caller in CALLERS:
        who = clinic.people[caller]
        made = await make(clinic, name, who)
        answer = await clinic.line.ask(made.ask, who.token)
        assert answer.status == ROWS[name].good[who.role], (caller, answer)
        assert (answer.status == 403) == (answer.problem == "wrong-role")
        if answer.status < 300:
            made.then()
        if name == "logout":
            clinic.settle(await log_in(clinic.line, ORIGIN, who))
        if name == "leave_thread":
            await take_back_leaves(clinic)


@pytest.mark.parametrize("name", CLOSED)
async def test_a_dead_token_is_refused_like_none_and_changes_nothing(clinic: Clinic, name: str) -> None:
    tokens = await dead_tokens(clinic)
    made = await make(clinic, name, clinic.people["A.far_client"])
    before = await fingerprint(clinic.operate, clinic.practices["A"])
    answers = {why: await clinic.line.ask(made.ask, token) for why, token in tokens.items()}
    assert {why: answer.status for why, answer in answers.items()} == dict.fromkeys(tokens, 401)
    assert len(set(answers.values())) == 1
    assert await fingerprint(clinic.operate, clinic.practices["A"]) == before


@pytest.mark.parametrize(
    "name", sorted(name for name, row in ROWS.items() if row.strange and not row.takes_ids)
)
async def test_a_strangers_id_is_answered_like_nobodys(clinic: Clinic, name: str) -> None:
    await _compare(clinic, name, CALLERS)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.takes_ids))
async def test_a_strangers_new_id_is_answered_like_any_new_one(
    furnished: Furnished, tmp_path: Path, name: str, caller: str
) -> None:
    async with furnished.open(tmp_path) as clinic:
        await _compare(clinic, name, [caller])


async def _compare(clinic: Clinic, name: str, callers: Sequence[str]) -> None:
    before = await fingerprint(clinic.operate, clinic.practices["B"])
    found = [one for caller in callers for one in await differences(clinic, name, caller)]
    assert not found, found[0]
    assert await fingerprint(clinic.operate, clinic.practices["B"]) == before


@pytest.mark.parametrize("name", ["read_page", "read_message", "explain_message"])
async def test_a_parent_is_compared_with_the_object_it_is_asked_about(
    furnished: Furnished, tmp_path: Path, name: str
) -> None:
    """A thread of one's own and a message of another of one's own threads are no better than nobody's."""
    async with furnished.open(tmp_path) as clinic:  # of its own: elsewhere what is held may be opened early
        await _compare_parents(clinic, name)


async def _compare_parents(clinic: Clinic, name: str) -> None:
    therapist, talk = clinic.people["A.therapist"], clinic.talks["A.other_client"]
    elsewhere = clinic.sent["A.therapist answered A.other_client"]
    for mid in (elsewhere.mid, clinic.sent["A.client held"].mid, clinic.sent["A.client recalled"].mid):
        field, mine = "thread" if name == "read_page" else "mid", own(clinic, therapist)
        asked = [replace(mine, **{field: one}) for one in (mid, of_nobody().mid)]  # type: ignore[arg-type]
        heard = [await answer(clinic, name, therapist.name, one) for one in asked]
        assert heard[0] == heard[1]
    there = replace(own(clinic, therapist), thread=talk.thread, mid=elsewhere.mid)
    assert (await answer(clinic, name, therapist.name, there)).status == 200


@pytest.mark.parametrize("caller", CALLERS)
async def test_the_audit_log_is_for_those_who_audit(clinic: Clinic, caller: str) -> None:
    who = clinic.people[caller]
    for place in ("checkpoint", "inclusion?index=0&size=1", "consistency?old=1&new=2", "leaves"):
        path, _, query = place.partition("?")
        answer = await clinic.line.ask(Ask("GET", f"/logs/audit/{path}", query), who.token)
        assert answer.status == (200 if who.role in ("supervisor", "administrator") else 403)


@pytest.mark.parametrize("name", sorted(name for name, each in WHOLE_TABLE.items() if each.method == "GET"))
async def test_head_is_refused_and_granted_as_get_is(clinic: Clinic, name: str) -> None:
    for caller in CALLERS:
        who = clinic.people[caller]
        made = await make(clinic, name, who)
        got = await clinic.line.ask(made.ask, who.token)
        head = await clinic.line.ask(replace(made.ask, method="HEAD"), who.token)
        assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")


async def test_sessions_end_when_they_should(furnished: Furnished, tmp_path: Path) -> None:
    """A supervisor's within the hour, everybody's within the day (G16)."""
    async with furnished.open(tmp_path) as clinic:
        for passed, alive in [(59, set(ROLES)), (61, set(ROLES) - {"supervisor"}), (24 * 60 + 1, set())]:
            await clinic.clock.turn_to(NIGHT + timedelta(minutes=passed))
            asked = [("read_person", clinic.people[caller]) for caller in CALLERS]
            statuses = {
                who.role: (await clinic.line.ask(Ask("GET", "/person"), who.token)).status for _, who in asked
            }
            assert {role for role, status in statuses.items() if status == 200} == alive
            assert set(statuses.values()) <= {200, 401}


async def test_the_matrix_finds_a_read_that_forgot_to_ask_for_membership(
    furnished: Furnished, tmp_path: Path
) -> None:
    async with furnished.open(tmp_path) as clinic:
        assert not await differences(clinic, "read_page", "A.client")
        await plant(
            clinic.operate,
            "enter_thread",
            "m.account_id = me.account_id AND present",
            "m.account_id IS NOT NULL AND present",
        )
        assert "near" in {one.kind for one in await differences(clinic, "read_page", "A.client")}


async def test_the_matrix_finds_a_command_that_lets_any_role_in(furnished: Furnished, tmp_path: Path) -> None:
    async with furnished.open(tmp_path) as clinic:
        await plant(clinic.operate, "enter", "NOT roles && p_roles", "false")
        with pytest.raises(AssertionError):
            await test_each_caller_gets_what_the_table_says(clinic, "read_settings")
