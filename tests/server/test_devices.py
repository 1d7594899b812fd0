"""A chain grows by every kind of link, and everything that must follow does at once (tep.md §5.2, A-5)."""

import asyncio
from datetime import timedelta

from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from tests.server.chains import adding, at_device, code_keys, grow, refused, row, upload, with_device
from tests.server.clinic import ORIGIN, Clinic
from tests.server.matrix import fingerprint
from tests.server.people import log_in

HOUR = timedelta(hours=1)


async def test_a_new_device_counts_and_everybody_who_shares_a_thread_is_told(clinic: Clinic) -> None:
    who, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    before = await clinic.line.call(endpoints.read_changes, token=therapist.token)
    who, keys = await with_device(clinic, who)
    query = f"after={before.cursor}"
    news = await clinic.line.call(endpoints.read_changes, query=query, token=therapist.token)
    assert [bytes(one.thread) for one in news.threads] == [clinic.talks["A.client"].thread]
    shown = await clinic.line.call(endpoints.read_chain, token=therapist.token, chain=who.chain.chain_id)
    assert [bytes(one.link) for one in shown.links] == list(who.links)
    assert (await at_device(clinic, who, keys)).token


async def test_the_same_link_again_gets_the_same_promise(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    link = adding(who, clinic.now, DeviceKeys.generate())
    first = await upload(clinic, who, link)
    await clinic.clock.turn_to(clinic.now + HOUR)
    before = await fingerprint(clinic.operate, who.practice)
    again = await upload(clinic, who, link)
    assert (again.status, again.json()) == (201, first.json())
    assert dict(again.headers)["Etherapy-Repeated"] == "true"
    assert await fingerprint(clinic.operate, who.practice) == before


async def test_the_same_link_twice_at_once_is_one_link(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    link = adding(who, clinic.now, DeviceKeys.generate())
    answers = await asyncio.gather(*(upload(clinic, who, link) for _ in range(4)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}
    found = await row(clinic, "SELECT count(*) AS n FROM chain_link WHERE account_id = $1", who.account)
    assert found["n"] == 3


async def test_a_recovery_device_is_replaced_after_three_days_and_not_before(clinic: Clinic) -> None:
    """AT-15."""
    who, old, new = clinic.people["A.client"], code_keys(clinic.people["A.client"]), DeviceKeys.generate()
    at = milliseconds(clinic.now)
    straight = linking.revoke_device(who.chain, who.keys.sign, old.device_id, at)
    assert await refused(clinic, who, straight) == (422, "class")
    who = await grow(clinic, who, linking.announce_recovery(who.chain, who.keys.sign, old.device_id, at))

    def completing() -> bytes:
        announced = who.chain.announced[0].link_hash
        when = milliseconds(clinic.now) + 400 * 3600 * 1000  # what a device says of the time counts nothing
        return linking.complete_recovery(who.chain, who.keys.sign, announced, new.sign, new.hpke.public, when)

    await clinic.clock.turn_to(clinic.now + 71 * HOUR)
    who = await log_in(clinic.line, ORIGIN, who)
    assert await refused(clinic, who, completing()) == (422, "delay")
    await clinic.clock.turn_to(clinic.now + HOUR)
    who = await grow(clinic, who, completing())
    classes = await clinic.operate.fetch(
        "SELECT device_id, revoked_at FROM device WHERE account_id = $1 AND class = 4", who.account
    )
    assert {one["device_id"]: one["revoked_at"] for one in classes} == {
        old.device_id: clinic.now,
        new.device_id: None,
    }


async def test_an_announced_replacement_ends_with_the_device_that_announced_it(clinic: Clinic) -> None:
    """AT-15: the old recovery device cancels it by revoking the announcer."""
    who, thief = await with_device(clinic, clinic.people["A.client"])
    at, old = milliseconds(clinic.now), code_keys(who)
    who = await grow(clinic, who, linking.announce_recovery(who.chain, thief.sign, old.device_id, at))
    announced = who.chain.announced[0].link_hash
    who = await grow(clinic, who, linking.revoke_device(who.chain, old.sign, thief.device_id, at))
    await clinic.clock.turn_to(clinic.now + 80 * HOUR)
    who, new = await log_in(clinic.line, ORIGIN, who), DeviceKeys.generate()
    link = linking.complete_recovery(who.chain, who.keys.sign, announced, new.sign, new.hpke.public, at)
    assert await refused(clinic, who, link) == (422, "target")


async def test_a_rotated_key_is_the_one_that_rosters_name(clinic: Clinic) -> None:
    who, fresh = clinic.people["A.client"], DeviceKeys.generate()
    at = milliseconds(clinic.now)
    who = await grow(clinic, who, linking.rotate_key(who.chain, who.keys.sign, fresh.hpke.public, at))
    found = await row(clinic, "SELECT hpke_hash FROM device WHERE device_id = $1", who.keys.device_id)
    assert found["hpke_hash"] == who.chain.devices[who.keys.device_id].hpke_hash
    assert (await clinic.line.call(endpoints.read_person, token=who.token)).chain_seq == 2


async def test_each_link_leaves_a_keys_leaf_and_an_audit_record(clinic: Clinic) -> None:
    sql = (
        "SELECT count(*) FILTER (WHERE log = 1) AS keys, count(*) FILTER (WHERE log = 2) AS audit"
        " FROM log_leaf"
    )
    before = await row(clinic, sql)
    who, lost = await with_device(clinic, clinic.people["A.client"])
    await grow(
        clinic, who, linking.revoke_device(who.chain, who.keys.sign, lost.device_id, milliseconds(clinic.now))
    )
    after = await row(clinic, sql)
    assert (after["keys"] - before["keys"], after["audit"] - before["audit"]) == (2, 2)
