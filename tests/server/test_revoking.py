"""A device that is revoked, an account that is closed: at once, in one transaction, with what waits
(tep_amendments.md A-4, A-5)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from etherapy.binary import B64, unb64
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.epoch import CommitReason
from etherapy.tep.receipts import parse_receipt, read_core, verify_receipt
from etherapy.tep.statements import State, Status, StatusReason
from tests.server import instead
from tests.server.asking import Ask
from tests.server.chains import adding, at_device, code_keys, grow, row, upload, with_device
from tests.server.clinic import MORNING, NIGHT, Clinic
from tests.server.company import company_of
from tests.server.matrix import fingerprint, plant
from tests.server.people import seal


async def state_of(clinic: Clinic, mid: bytes) -> str:
    return str((await row(clinic, "SELECT state FROM message WHERE mid = $1", mid))["state"])


def status_in(clinic: Clinic, receipt: bytes) -> Status:
    """A Status that the server really signed."""
    found = verify_receipt(receipt, clinic.secrets.known.receipt_keys())
    assert isinstance(found, Status)
    return found


async def test_a_message_that_waits_on_a_revoked_device_goes_back_to_its_sender(clinic: Clinic) -> None:
    """AT-91: revoked by the code at 02:00, it is never placed; the person's other devices learn why."""
    lost = clinic.people["A.client"]
    mid = clinic.sent["A.client held"].mid
    who, other = await with_device(clinic, lost)
    there = await at_device(clinic, who, other)
    link = linking.revoke_device(
        who.chain, code_keys(who).sign, lost.keys.device_id, milliseconds(clinic.now)
    )
    there = await grow(clinic, there, link)
    found = await row(clinic, "SELECT state, status, ended_at FROM message WHERE mid = $1", mid)
    status = status_in(clinic, found["status"])
    assert (found["state"], found["ended_at"]) == ("returned", clinic.now)
    assert (status.state, status.reason) == (State.RETURNED, StatusReason.DEVICE_REMOVED)
    assert (status.mid, status.cause, status.at) == (mid, there.chain.head, milliseconds(clinic.now))
    await clinic.clock.turn_to(MORNING)
    await clinic.make_rounds()
    assert await state_of(clinic, mid) == "returned"


async def test_what_the_code_sealed_anew_goes_on_waiting_when_the_lost_phone_is_out(clinic: Clinic) -> None:
    """AT-92: the device that the code made replaces, then comes the link; the first time is kept."""
    lost, mid, new = clinic.people["A.client"], clinic.sent["A.client held"], DeviceKeys.generate()
    with_code = await at_device(clinic, lost, code_keys(lost))
    link = adding(lost, clinic.now, new, code_keys(lost).sign)
    who = await at_device(clinic, await grow(clinic, with_code, link), new)
    thread = company_of(clinic)
    assert (await thread.commit("A.client", CommitReason.DEVICE_ADDED, keys=new)).status == 201
    await clinic.clock.turn_to(clinic.now + timedelta(hours=1))
    anew = seal(thread.talk, who, "sealed anew")
    sent = await instead.replace(clinic, who, thread.talk, mid, anew)
    at = milliseconds(clinic.now)
    revoking = linking.revoke_device(who.chain, code_keys(who).sign, lost.keys.device_id, at)
    await grow(clinic, who, revoking)
    elsewhere = clinic.sent["A.other_client held"].mid
    assert [await state_of(clinic, one) for one in (mid.mid, anew.mid, elsewhere)] == [
        "replaced", "held", "held",
    ]  # fmt: skip
    await clinic.clock.turn_to(MORNING)
    await clinic.make_rounds()
    found = await row(clinic, "SELECT state, counted_from FROM message WHERE mid = $1", anew.mid)
    assert (found["state"], found["counted_from"]) == ("placed", NIGHT)
    assert instead.promise_of(sent.receipt).counted_from == milliseconds(NIGHT)


async def test_a_revoked_device_is_out_at_once_also_where_it_waits(clinic: Clinic) -> None:
    lost = clinic.people["A.client"]
    who, other = await with_device(clinic, lost)
    there = await at_device(clinic, who, other)
    changes = await clinic.line.call(endpoints.read_changes, token=lost.token)
    wait = Ask("GET", endpoints.read_changes.path, f"after={changes.cursor}&wait=25")
    waiting = asyncio.ensure_future(clinic.line.ask(wait, lost.token))
    async with asyncio.timeout(5):
        await clinic.application.parts.hub.occupied.wait()
        at = milliseconds(clinic.now)
        await grow(clinic, there, linking.revoke_device(who.chain, other.sign, lost.keys.device_id, at))
        assert (await waiting).status == 401
    envelope = seal(clinic.talks["A.client"], lost, "from a thief").envelope
    path = endpoints.send_message.fill({"thread": clinic.talks["A.client"].thread})
    answer = await clinic.line.ask(Ask("POST", path, body=SendMessage(B64(envelope))), lost.token)
    assert (answer.status, answer.problem) == (401, "no-session")


async def test_a_closed_account_is_over_for_good(clinic: Clinic) -> None:
    who, talk = clinic.people["A.client"], clinic.talks["A.client"]
    mid = clinic.sent["A.client held"].mid
    closing = linking.close_chain(who.chain, who.keys.sign, milliseconds(clinic.now))
    who = await grow(clinic, who, closing)
    assert (await clinic.line.ask(Ask("GET", "/person"), who.token)).status == 401
    status = status_in(
        clinic, (await row(clinic, "SELECT status FROM message WHERE mid = $1", mid))["status"]
    )
    assert (status.reason, status.cause) == (StatusReason.USER_REMOVED, who.chain.head)
    found = await row(clinic, "SELECT roster_ends_at FROM thread WHERE thread_id = $1", talk.thread)
    assert found["roster_ends_at"] == clinic.now
    left = await row(
        clinic,
        "SELECT count(*) FILTER (WHERE revoked_at IS NULL) AS active, count(*) AS n FROM device"
        " WHERE account_id = $1",
        who.account,
    )
    assert (left["active"], left["n"]) == (0, 2)
    closed = await row(clinic, "SELECT closed_at, chain_head FROM account WHERE account_id = $1", who.account)
    assert (closed["closed_at"], closed["chain_head"]) == (clinic.now, who.chain.head)


async def test_a_revocation_is_recorded_no_earlier_than_what_is_placed(clinic: Clinic) -> None:
    """A-5: so that no item that stands before it could seem to come after it."""
    who, lost = await with_device(clinic, clinic.people["A.client"])
    ahead = clinic.now + timedelta(seconds=90)
    await clinic.operate.execute(
        "UPDATE thread SET last_placed_at = $1 WHERE thread_id = $2", ahead, clinic.talks["A.client"].thread
    )
    link = linking.revoke_device(who.chain, who.keys.sign, lost.device_id, milliseconds(clinic.now))
    answer = await upload(clinic, who, link)
    promise: Any = read_core(parse_receipt(unb64(answer.json()["link_promise"])).core)
    found = await row(clinic, "SELECT revoked_at FROM device WHERE device_id = $1", lost.device_id)
    recorded = await row(
        clinic, "SELECT recorded_at FROM chain_link WHERE account_id = $1 AND seq = 3", who.account
    )
    assert found["revoked_at"] == recorded["recorded_at"] == ahead
    assert promise.at == milliseconds(ahead)


@pytest.mark.parametrize("place", ["add_links", "note", "tell_feeds"])
async def test_a_revocation_that_breaks_off_has_not_begun(clinic: Clinic, place: str) -> None:
    """With items waiting: return, link, log and sessions are one transaction."""
    who, other = await with_device(clinic, clinic.people["A.client"])
    there = await at_device(clinic, who, other)
    await plant(clinic.operate, place, "PERFORM set_config", "PERFORM 1 / 0; PERFORM set_config")
    before = await fingerprint(clinic.operate, who.practice)
    at = milliseconds(clinic.now)
    link = linking.revoke_device(who.chain, other.sign, who.keys.device_id, at)
    assert (await upload(clinic, there, link)).status == 500
    assert await fingerprint(clinic.operate, who.practice) == before
    await plant(clinic.operate, place, "PERFORM 1 / 0; ", "")
    await grow(clinic, there, link)
    assert await state_of(clinic, clinic.sent["A.client held"].mid) == "returned"


async def test_a_revocation_and_a_send_at_once_leave_nothing_waiting(clinic: Clinic) -> None:
    """Whichever comes first: the item goes back, or it was never taken."""
    who, talk = clinic.people["A.other_client"], clinic.talks["A.other_client"]
    path = endpoints.send_message.fill({"thread": talk.thread})
    sends = [
        Ask("POST", path, body=SendMessage(B64(seal(talk, who, f"at the last moment {n}").envelope)))
        for n in range(5)
    ]
    at = milliseconds(clinic.now)
    link = linking.revoke_device(who.chain, code_keys(who).sign, who.keys.device_id, at)
    answers = await asyncio.gather(
        *(clinic.line.ask(send, who.token) for send in sends), upload(clinic, who, link)
    )
    assert answers[-1].status == 201
    assert {answer.status for answer in answers[:-1]} <= {200, 401, 409}
    found = await row(
        clinic,
        "SELECT count(*) FILTER (WHERE state = 'held') AS held, count(*) AS n FROM message"
        " WHERE account_id = $1",
        who.account,
    )
    taken = [answer for answer in answers[:-1] if answer.status == 200]
    assert (found["held"], found["n"]) == (0, 4 + len(taken))
