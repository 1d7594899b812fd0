"""A device that waits by a passphrase can do nothing, whoever knows the passphrase (tep.md §5.11)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.protocol import endpoints
from etherapy.server.settings import Settings
from etherapy.store.schema import function_files, schema_directory
from tests.server import newcomers
from tests.server.asking import Ask
from tests.server.asks import make
from tests.server.clinic import ORIGIN, Clinic
from tests.server.expectations import ROWS
from tests.server.furnishing import Furnished
from tests.server.matrix import fingerprint
from tests.server.newcomers import pending, try_passphrase
from tests.server.people import challenged

CLOSED = sorted(name for name, row in ROWS.items() if not row.is_open)


@pytest.fixture(scope="module")
async def shared(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    async with furnished.open(tmp_path_factory.mktemp("pending")) as found:
        yield found


@pytest.mark.parametrize("name", CLOSED)
async def test_a_pending_device_may_do_nothing(shared: Clinic, name: str) -> None:
    """AT-22: every endpoint that needs a session, whatever the role."""
    who = shared.people["A.client"]
    made = await make(shared, name, who)
    _, session = await pending(shared, who)
    before = await fingerprint(shared.operate, who.practice)
    answer = await shared.line.ask(made.ask, session.token)
    assert (answer.status, answer.problem) == (403, "pending-device")
    assert await fingerprint(shared.operate, who.practice) == before


async def test_a_pending_token_ends_with_its_request(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    for ending in ("refused", "changed", "expired"):
        new, session = await pending(clinic, who)
        ask = Ask("GET", "/person")
        assert (await clinic.line.ask(ask, session.token)).status == 403
        if ending == "refused":
            await clinic.line.call(endpoints.refuse_link, token=who.token, lookup=new.lookup)
        elif ending == "changed":
            await newcomers.set_passphrase(clinic, who)
        else:
            await clinic.clock.turn_to(session.expires_at)
        assert (await clinic.line.ask(ask, session.token)).problem == "no-session"


async def test_nothing_but_a_link_makes_a_device_active(clinic: Clinic) -> None:
    """AT-23: there is no reset by mail; a passphrase, known or changed, activates no device."""
    who = clinic.people["A.client"]
    devices = "SELECT count(*) FROM device WHERE practice_id = $1"
    before = await clinic.operate.fetchval(devices, who.practice)
    new, _ = await pending(clinic, who)
    await newcomers.set_passphrase(clinic, who)
    assert await clinic.operate.fetchval(devices, who.practice) == before
    body = await challenged(clinic.line, ORIGIN, replace(who, keys=new.keys))
    assert (await clinic.line.ask(Ask("POST", "/login", body=body))).problem == "login-failed"
    # the only functions that bring a device in take signed links: whole chains, or one link of a chain
    makers = [file.name for file in function_files(schema_directory()) if "INSERT INTO device (" in file.text]
    assert makers == ["functions/add_account.sql", "functions/extend_chain.sql"]


async def test_a_device_by_passphrase_is_shown_to_the_devices_of_the_account(clinic: Clinic) -> None:
    """AT-23: they are told at once, and no one else is."""
    who = clinic.people["A.client"]
    changes = await clinic.line.call(endpoints.read_changes, token=who.token)
    wait = Ask("GET", endpoints.read_changes.path, f"after={changes.cursor}&wait=25")
    waiting = asyncio.ensure_future(clinic.line.ask(wait, who.token))
    async with asyncio.timeout(5):
        await clinic.application.parts.hub.occupied.wait()
        new, _ = await pending(clinic, who)
        assert (await waiting).status == 200
    for name in ("A.client", "A.therapist", "A.administrator"):
        listed = await clinic.line.call(endpoints.read_link_requests, token=clinic.people[name].token)
        assert [bytes(one.lookup) for one in listed.requests] == [new.lookup] * (name == "A.client")


async def test_a_thousand_tries_leave_one_request_and_are_slowed_down(
    furnished: Furnished, tmp_path: Path
) -> None:
    """AT-24: whoever knows the passphrase cannot bury the person under requests to agree to."""
    limited = Settings(limits=True, limit_address=10_000.0, limit_token=10_000.0, limit_global=100_000.0)
    async with furnished.open(tmp_path, settings=limited) as clinic:
        who = clinic.people["A.client"]
        known = await newcomers.set_passphrase(clinic, who)
        first = await newcomers.wait(clinic, who)
        assert (await try_passphrase(clinic, who, known, first)).status == 201
        second = await newcomers.wait(clinic, who)
        heard = [await try_passphrase(clinic, who, known, second) for _ in range(1000)]
        assert {(answer.status, answer.problem) for answer in heard} == {
            (409, "device-waiting"),
            (429, "too-many-requests"),
        }
        assert len([answer for answer in heard if answer.status == 409]) < 20
        listed = await clinic.line.call(endpoints.read_link_requests, token=who.token)
        assert [bytes(one.lookup) for one in listed.requests] == [first.lookup]


async def test_a_pending_session_lives_as_long_as_its_request(clinic: Clinic) -> None:
    _, session = await pending(clinic, clinic.people["A.client"])
    assert session.expires_at == clinic.now + timedelta(minutes=15)
