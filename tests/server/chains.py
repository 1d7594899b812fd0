"""Chains that grow by uploads, as the apps of a person make the links."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from etherapy.binary import B64
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.tep import linking
from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.matrix import fingerprint
from tests.server.people import Somebody, log_in


def code_keys(who: Somebody) -> DeviceKeys:
    assert who.recovery is not None
    return who.recovery


def adding(
    who: Somebody, now: datetime, new: DeviceKeys, signer: SigningKey | None = None, kind: int = 2
) -> bytes:
    by = signer or who.keys.sign
    return linking.add_device(who.chain, by, new.sign, new.hpke.public, kind, milliseconds(now))


async def upload(clinic: Clinic, who: Somebody, link: bytes) -> Answer:
    body = AddLink(B64(link))
    return await clinic.line.ask(Ask("POST", endpoints.add_link.path, body=body), who.token)


async def grow(clinic: Clinic, who: Somebody, link: bytes) -> Somebody:
    """The link counts; the same person with a longer chain."""
    answer = await upload(clinic, who, link)
    assert answer.status == 201, answer
    return clinic.settle(replace(who, links=(*who.links, link)))


async def refused(clinic: Clinic, who: Somebody, link: bytes) -> tuple[int, str]:
    """Status and what is wrong; nothing of the practice has changed."""
    before = await fingerprint(clinic.operate, who.practice)
    answer = await upload(clinic, who, link)
    assert await fingerprint(clinic.operate, who.practice) == before
    return answer.status, answer.json().get("what", answer.problem)


async def with_device(clinic: Clinic, who: Somebody, kind: int = 2) -> tuple[Somebody, DeviceKeys]:
    """The person with one more device."""
    new = DeviceKeys.generate()
    return await grow(clinic, who, adding(who, clinic.now, new, kind=kind)), new


async def at_device(clinic: Clinic, who: Somebody, keys: DeviceKeys) -> Somebody:
    """The same person, logged in on another of their devices."""
    return await log_in(clinic.line, ORIGIN, replace(who, keys=keys))


async def row(clinic: Clinic, sql: str, *args: object) -> Any:
    return await clinic.operate.fetchrow(sql, *args)
