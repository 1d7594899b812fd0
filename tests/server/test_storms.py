"""Many devices see one change at once (tep_amendments.md A-5, storms and liveness)."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from etherapy.binary import B64
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.people import AddLink
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.links import DeviceClass
from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.company import Company, acceptance, company_of
from tests.server.furnishing import Furnished
from tests.server.people import Somebody, log_in, seal, somebody

CLIENT, THERAPIST = "A.client", "A.therapist"


def with_devices(who: Somebody, now: int, count: int) -> tuple[Somebody, list[DeviceKeys]]:
    """The same person with `count` devices beside the recovery device."""
    chain, links, all_keys = who.chain, list(who.links), [who.keys]
    for _ in range(count - 1):
        keys = DeviceKeys.generate()
        link = linking.add_device(chain, who.keys.sign, keys.sign, keys.hpke.public, DeviceClass.DESKTOP, now)
        chain = chain.add(link)
        links.append(link)
        all_keys.append(keys)
    return replace(who, links=tuple(links)), all_keys


async def crowd(clinic: Clinic) -> tuple[Company, list[Somebody]]:
    """Eight people with fifty devices in one thread, and each device logged in."""
    thread, now = company_of(clinic), milliseconds(clinic.now)
    devices: list[tuple[Somebody, DeviceKeys]] = []
    names = []
    roles = dict(thread.roles)
    for number in range(6):
        offer = await thread.leave_invitation(Role.FAMILY)
        relative = somebody(f"A.relative{number}_client", thread.owner.practice, clinic.now)
        who, keys = with_devices(relative, now, 7)
        done = await clinic.line.call(
            endpoints.accept_membership, acceptance(offer, who), practice=who.practice, lookup=offer.lookup
        )
        who = clinic.settle(replace(who, account=bytes(done.account)))
        devices += [(who, one) for one in keys]
        names.append(await thread.agree(thread.consent(who.name, Role.FAMILY)))
        roles[who.name] = Role.FAMILY
    for name in (CLIENT, THERAPIST):
        who, keys = with_devices(clinic.people[name], now, 4)
        for link in who.links[len(clinic.people[name].links) :]:
            assert (await grow(clinic, who, link)).status == 201
        clinic.settle(who)
        devices += [(who, one) for one in keys]
    answer = await thread.commit(THERAPIST, CommitReason.USER_ADDED, roles=roles, names=names)
    assert answer.status == 201, answer
    return thread, [await log_in(clinic.line, ORIGIN, replace(who, keys=keys)) for who, keys in devices]


async def test_of_fifty_devices_that_see_one_revocation_one_makes_the_epoch(
    furnished: Furnished, tmp_path: Path
) -> None:
    """AT-95: the others are told the winner at once, which settles it for them, and all can send."""
    async with furnished.open(tmp_path) as clinic:
        thread, devices = await crowd(clinic)
        assert len(devices) == 50
        client = clinic.people[CLIENT]
        lost = next(
            one.keys.device_id for one in devices if one.name == CLIENT and one.keys is not client.keys
        )
        link = linking.revoke_device(client.chain, client.keys.sign, lost, milliseconds(clinic.now))
        assert (await grow(clinic, client, link)).status == 201
        clinic.settle(replace(client, links=(*client.links, link)))
        left = [one for one in devices if one.keys.device_id != lost]
        made = [await thread.make(one.name, CommitReason.DEVICE_REVOKED, keys=one.keys) for one in left]
        answers = await asyncio.gather(
            *(
                say(thread, one, endpoints.commit_epoch, Commit(B64(whole)))
                for one, (whole, _) in zip(left, made, strict=True)
            )
        )
        assert Counter(answer.status for answer in answers) == {201: 1, 409: 48}
        winner = next(n for n, answer in enumerate(answers) if answer.status == 201)
        told = {B64.read(answer.json()["newest"]) for answer in answers if answer.status == 409}
        assert told == {made[winner][0]}
        thread.settle(*made[winner])
        letters = [SendMessage(B64(seal(thread.talk, one, "we go on", urgent=True).envelope)) for one in left]
        sent = await asyncio.gather(
            *(
                say(thread, one, endpoints.send_message, letter)
                for one, letter in zip(left, letters, strict=True)
            )
        )
        assert Counter(answer.status for answer in sent) == {200: 49}


async def say(thread: Company, by: Somebody, endpoint: Any, body: Any) -> Answer:
    """What this very device is answered."""
    return await thread.clinic.line.ask(thread.ask(endpoint, body), by.token)


async def grow(clinic: Clinic, who: Somebody, link: bytes) -> Answer:
    return await clinic.line.ask(Ask("POST", endpoints.add_link.path, body=AddLink(B64(link))), who.token)
