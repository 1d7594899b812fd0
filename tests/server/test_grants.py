"""History grants: from a device of the newest epoch to another, sealed (tep.md §5.9, §6.7)."""

from dataclasses import replace
from datetime import timedelta
from os import urandom

from etherapy.binary import B64
from etherapy.crypto.grants import make_grant, open_grant
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.membership import GiveHistory
from etherapy.store.membership import MOST_GRANTED
from etherapy.tep.chain import Device
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.grant import parse_grant
from tests.server.asking import Answer
from tests.server.clinic import ORIGIN, Clinic
from tests.server.company import Company, ask, changes, company_of, couple, link_device
from tests.server.people import Somebody, log_in

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"
TABLET = "A.tablet_client"


def device_of(who: Somebody, keys: DeviceKeys | None = None) -> Device:
    return who.chain.devices[(keys or who.keys).device_id]


async def give(thread: Company, by: str, to: Device, keys: DeviceKeys | None = None) -> Answer:
    """Epoch 0 from somebody's device to another one."""
    grant = make_grant(thread.talk.thread, keys or thread.person(by).keys, to, {0: b"s" * 32})
    return await ask(thread, by, endpoints.give_history, GiveHistory([B64(grant)]))


async def with_tablet(clinic: Clinic) -> Company:
    """A thread whose client has linked a tablet, which is not in an epoch yet."""
    thread = company_of(clinic)
    _, tablet = await link_device(clinic, CLIENT)
    clinic.settle(await log_in(clinic.line, ORIGIN, replace(tablet, name=TABLET)))
    return thread


async def test_a_grant_comes_after_the_commit_and_to_its_device_alone(clinic: Clinic) -> None:
    """AT-75: a device that the newest roster does not name gets none."""
    thread = await with_tablet(clinic)
    tablet = clinic.people[TABLET]
    early = await give(thread, CLIENT, device_of(tablet))
    assert (early.status, early.json()["what"]) == (422, "receiver")
    assert (await thread.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    told = {name: (await changes(thread, name)).cursor for name in (CLIENT, THERAPIST)}
    assert (await give(thread, CLIENT, device_of(tablet))).status == 204
    found = await thread.call(TABLET, endpoints.read_grants)
    assert [open_grant(parse_grant(one), tablet.keys) for one in found.grants] == [{0: b"s" * 32}]
    for name in (CLIENT, THERAPIST):
        assert not (await thread.call(name, endpoints.read_grants)).grants
    assert len((await changes(thread, CLIENT, told[CLIENT])).threads) == 1
    assert not (await changes(thread, THERAPIST, told[THERAPIST])).threads


async def test_the_same_grant_twice_is_one_and_no_log_knows_of_it(clinic: Clinic) -> None:
    thread = company_of(clinic)
    leaves = await clinic.operate.fetchval("SELECT count(*) FROM log_leaf")
    grant = make_grant(
        thread.talk.thread,
        thread.person(CLIENT).keys,
        device_of(thread.person(THERAPIST)),
        {0: b"s" * 32},
    )
    for _ in range(2):
        answer = await ask(thread, CLIENT, endpoints.give_history, GiveHistory([B64(grant)]))
        assert answer.status == 204
    assert (await thread.call(THERAPIST, endpoints.read_grants)).grants == [grant]
    assert await clinic.operate.fetchval("SELECT count(*) FROM log_leaf") == leaves


async def test_a_giver_is_an_active_device_of_the_newest_epoch_and_of_the_caller(clinic: Clinic) -> None:
    """AT-75"""
    thread = await with_tablet(clinic)
    therapist = device_of(thread.person(THERAPIST))
    unseated = await give(thread, TABLET, therapist)
    assert (unseated.status, unseated.problem) == (409, "no-seat")
    stolen = await give(thread, CLIENT, therapist, keys=thread.person("A.other_client").keys)
    assert (stolen.status, stolen.json()["what"]) == (422, "giver")
    outsider = await give(thread, "A.other_client", therapist)
    assert outsider.status == 404


async def test_who_came_without_history_is_granted_none_by_others(clinic: Clinic) -> None:
    """AT-55: nobody opens the past of a thread to a colleague whom the clients let in without it."""
    thread = company_of(clinic)
    assert (await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST)).status == 201
    colleague = device_of(thread.person(COLLEAGUE))
    for by in (CLIENT, THERAPIST):
        answer = await give(thread, by, colleague)
        assert (answer.status, answer.json()["what"]) == (422, "history")
    assert not (await thread.call(COLLEAGUE, endpoints.read_grants)).grants


async def test_who_came_with_history_is_granted_what_is_given(clinic: Clinic) -> None:
    """AT-55: only the epochs that a member's own device put into a grant."""
    thread = await couple(clinic)
    partner = thread.person(PARTNER)
    assert (await give(thread, THERAPIST, device_of(partner))).status == 204
    grants = (await thread.call(PARTNER, endpoints.read_grants)).grants
    assert [open_grant(parse_grant(one), partner.keys) for one in grants] == [{0: b"s" * 32}]


async def test_a_grant_is_refused_for_what_is_wrong_with_it(clinic: Clinic) -> None:
    thread = company_of(clinic)
    who, to = thread.person(CLIENT), device_of(thread.person(THERAPIST))
    good = make_grant(thread.talk.thread, who.keys, to, {0: b"s" * 32})
    bad = {
        "another thread": make_grant(urandom(16), who.keys, to, {0: b"s" * 32}),
        "an epoch that there is not": make_grant(thread.talk.thread, who.keys, to, {1: b"s" * 32}),
        "another signature": good[:-1] + bytes([good[-1] ^ 1]),
    }
    for name, grant in bad.items():
        answer = await ask(thread, CLIENT, endpoints.give_history, GiveHistory([B64(grant)]))
        assert (answer.status, answer.problem) == (422, "unverified"), name
    for data in (good[:-1], good + b"\0", b""):
        answer = await ask(thread, CLIENT, endpoints.give_history, GiveHistory([B64(data)]))
        assert (answer.status, answer.problem) == (400, "bad-format")
    for many in ([], [B64(good)] * 17):
        answer = await ask(thread, CLIENT, endpoints.give_history, GiveHistory(many))
        assert answer.status == 422
    assert await clinic.operate.fetchval("SELECT count(*) FROM history_grant") == 0


async def test_nobody_uses_up_the_room_that_others_have_to_give(clinic: Clinic) -> None:
    """What a device is given it reads at once: so much from each person, and no more."""
    thread = await couple(clinic)
    to, secrets = device_of(thread.person(THERAPIST)), {0: b"s" * 32}

    async def flood(by: str, count: int) -> list[int]:
        keys, found = thread.person(by).keys, []
        for _ in range(count):
            grants = [B64(make_grant(thread.talk.thread, keys, to, secrets)) for _ in range(16)]
            found.append((await ask(thread, by, endpoints.give_history, GiveHistory(grants))).status)
        return found

    size = len(make_grant(thread.talk.thread, thread.person(CLIENT).keys, to, secrets))
    calls = MOST_GRANTED // (16 * size)
    assert await flood(CLIENT, calls + 1) == [204] * calls + [422]
    assert await flood(PARTNER, 1) == [204]
    assert len((await thread.call(THERAPIST, endpoints.read_grants)).grants) == 16 * (calls + 1)


async def test_who_came_again_without_history_is_not_shown_what_was_granted_before(clinic: Clinic) -> None:
    """AT-55"""
    thread = await couple(clinic)
    assert (await give(thread, THERAPIST, device_of(thread.person(PARTNER)))).status == 204
    out = thread.without(PARTNER)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201
    assert (await ask(thread, PARTNER, endpoints.read_grants)).status == 404
    await clinic.clock.turn_to(clinic.now + timedelta(minutes=1))
    assert (await thread.bring_in(CLIENT, PARTNER, Role.CLIENT)).status == 201
    assert not (await thread.call(PARTNER, endpoints.read_grants)).grants
