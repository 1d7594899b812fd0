"""Links that no server takes, whoever sends them (tep.md §5.2, §10)."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from os import urandom
from typing import Any

import pytest

from etherapy.binary import B64
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.links import DeviceClass, Op, device_id, make_link, newcomer_bytes, signer_bytes
from etherapy.tep.signed import pack_signed
from tests.server.asking import Ask
from tests.server.chains import adding, at_device, code_keys, grow, refused, upload, with_device
from tests.server.clinic import Clinic
from tests.server.people import Somebody, enrolment, offer_staff_link, somebody


def identity_point() -> bytes:
    return b"\x01" + bytes(31)


def forged(who: Somebody, now: datetime, sign_pk: bytes, own_signature: bytes) -> bytes:
    """A link that brings in a device under a public key that nobody holds the secret of."""
    core = linking.add_core(
        who.chain,
        who.keys.device_id,
        sign_pk,
        DeviceKeys.generate().hpke.public,
        DeviceClass.DESKTOP,
        milliseconds(now),
    ).pack()
    return pack_signed(core, [who.keys.sign.sign(signer_bytes(core)), own_signature])


def replace_links(who: Somebody, key: SigningKey, *links: bytes) -> Any:
    found = enrolment(who, key)
    return type(found)([B64(link) for link in links], found.signature)


def plus_order(signature: bytes) -> bytes:
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    return signature[:32] + scalar.to_bytes(32, "little")


async def test_two_links_at_once_are_one_link_and_a_refusal(clinic: Clinic) -> None:
    """AT-16: of two links in one place the server keeps the first and takes no second."""
    who = clinic.people["A.client"]
    links = [adding(who, clinic.now, DeviceKeys.generate()) for _ in range(2)]
    answers = await asyncio.gather(*(upload(clinic, who, link) for link in links))
    assert sorted((answer.status, answer.problem) for answer in answers) == [(201, ""), (409, "stale-chain")]
    late = links[[answer.status for answer in answers].index(409)]
    assert await refused(clinic, who, late) == (409, "stale-chain")


@pytest.mark.parametrize("place", ["enrolment", "a new device", "an active device"])
async def test_a_key_of_small_order_signs_nothing(clinic: Clinic, place: str) -> None:
    """AT-06: with the identity point as public key, R = identity and S = 0 would fit every message."""
    who, weak, fits = clinic.people["A.client"], identity_point(), identity_point() + bytes(32)
    if place == "a new device":
        assert await refused(clinic, who, forged(who, clinic.now, weak, fits)) == (422, "signature")
    elif place == "an active device":
        core = linking.add_core(
            who.chain, device_id(weak), weak, DeviceKeys.generate().hpke.public, 2, 0
        ).pack()
        assert await refused(clinic, who, pack_signed(core, [fits, fits])) == (422, "signer")
    else:
        whole = somebody("A.new_therapist", who.practice, clinic.now)
        core = replace(
            linking.next_core(whole.chain, device_id(weak), Op.GENESIS, 0),
            chain_id=bytes(32), prev=bytes(32), seq=0, sign_pk=weak,
            hpke_pk=DeviceKeys.generate().hpke.public, device_class=1, random=urandom(16), opt_out=True,
        ).pack()  # fmt: skip
        lookup, key = await offer_staff_link(clinic.database, who.practice, clinic.now, "therapist")
        body = replace_links(whole, key, pack_signed(core, [fits, fits]))
        path = endpoints.enrol_staff.fill({"practice": who.practice, "lookup": lookup})
        answer = await clinic.line.ask(Ask("POST", path, body=body))
        assert (answer.status, answer.json()["what"]) == (422, "signature")


async def test_keys_and_signatures_have_one_encoding(clinic: Clinic) -> None:
    """AT-07: a public key that is not reduced, and S + L, are refused."""
    who, new = clinic.people["A.client"], DeviceKeys.generate()
    not_reduced = (2**255 - 19 + 1).to_bytes(32, "little")  # the identity again, by another name
    assert await refused(clinic, who, forged(who, clinic.now, not_reduced, not_reduced + bytes(32))) == (
        422,
        "signature",
    )
    core = linking.add_core(who.chain, who.keys.device_id, new.sign.public, new.hpke.public, 2, 0).pack()
    signed, own = who.keys.sign.sign(signer_bytes(core)), new.sign.sign(newcomer_bytes(core))
    for signatures in ([plus_order(signed), own], [signed, plus_order(own)]):
        assert await refused(clinic, who, pack_signed(core, signatures)) == (422, "signature")
    assert (await upload(clinic, who, pack_signed(core, [signed, own]))).status == 201


async def test_a_revoked_device_signs_nothing_whatever_time_it_writes(clinic: Clinic) -> None:
    """AT-12."""
    who, lost = await with_device(clinic, clinic.people["A.client"])
    at = milliseconds(clinic.now)
    who = await grow(clinic, who, linking.revoke_device(who.chain, who.keys.sign, lost.device_id, at))
    for when in (clinic.now, clinic.now - timedelta(days=30)):
        link = adding(who, when, DeviceKeys.generate(), lost.sign)
        assert await refused(clinic, who, link) == (422, "signer")


async def test_a_device_that_did_not_agree_is_not_added(clinic: Clinic) -> None:
    """AT-13."""
    who, new = clinic.people["A.client"], DeviceKeys.generate()
    core = linking.add_core(who.chain, who.keys.device_id, new.sign.public, new.hpke.public, 2, 0).pack()
    signed = who.keys.sign.sign(signer_bytes(core))
    assert await refused(clinic, who, pack_signed(core, [signed])) == (400, "signature")
    assert await refused(clinic, who, pack_signed(core, [signed, signed])) == (422, "signature")


async def test_a_web_device_may_rotate_and_end_itself_and_nothing_else(clinic: Clinic) -> None:
    """AT-14."""
    who, web = await with_device(clinic, clinic.people["A.client"], DeviceClass.WEB)
    at, chain = milliseconds(clinic.now), who.chain
    for link in (
        adding(who, clinic.now, DeviceKeys.generate(), web.sign),
        linking.revoke_device(chain, web.sign, who.keys.device_id, at),
        linking.announce_recovery(chain, web.sign, code_keys(who).device_id, at),
        linking.close_chain(chain, web.sign, at),
    ):
        assert await refused(clinic, who, link) == (422, "class")
    who = await grow(clinic, who, linking.rotate_key(chain, web.sign, DeviceKeys.generate().hpke.public, at))
    there = await at_device(clinic, who, web)
    gone = linking.revoke_device(who.chain, web.sign, web.device_id, at)
    assert (await upload(clinic, there, gone)).status == 201
    assert (await upload(clinic, there, gone)).status == 401


async def test_a_person_without_a_recovery_device_must_have_said_so(clinic: Clinic) -> None:
    """AT-20."""
    new = somebody("A.new_therapist", clinic.practices["A"], clinic.now)
    lookup, key = await offer_staff_link(clinic.database, new.practice, clinic.now, "therapist")
    path = endpoints.enrol_staff.fill({"practice": new.practice, "lookup": lookup})
    alone = await clinic.line.ask(Ask("POST", path, body=replace_links(new, key, new.links[0])))
    assert (alone.status, alone.json()["what"]) == (422, "recovery")
    keys = new.keys
    first = linking.begin_chain(keys.sign, keys.hpke.public, 1, urandom(16), 0, opt_out=True)
    opted = replace(new, links=(first,))
    body = enrolment(opted, key)
    assert (await clinic.line.ask(Ask("POST", path, body=body))).status == 201


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: b"\xff\xff\xff" + key[3:],
        lambda key: key[:1184] + bytes(32),
        lambda key: key[:1184] + b"\x01" + bytes(31),
    ],
)
async def test_a_key_that_nothing_could_be_sealed_to_comes_in_nowhere(
    clinic: Clinic, spoil: Callable[[bytes], bytes]
) -> None:
    """AT-96: coefficients of 4095; X25519 points of small order."""
    who, new = clinic.people["A.client"], DeviceKeys.generate()
    bad, good = spoil(new.hpke.public), new.hpke.public
    for link in (
        adding(who, clinic.now, new),
        linking.rotate_key(who.chain, who.keys.sign, good, milliseconds(clinic.now)),
    ):
        assert await refused(clinic, who, link.replace(good, bad)) == (400, "hpke_pk")


async def test_there_is_no_ninth_device(clinic: Clinic) -> None:
    """AT-96."""
    who = clinic.people["A.client"]
    for _ in range(6):
        who, _ = await with_device(clinic, who)
    assert len(who.chain.active()) == 8
    assert await refused(clinic, who, adding(who, clinic.now, DeviceKeys.generate())) == (422, "limit")


async def test_the_keys_of_another_signer_do_not_pass_for_ones_own(clinic: Clinic) -> None:
    """A link of another person's chain, however well signed, is none of the caller's."""
    who, other = clinic.people["A.client"], clinic.people["A.other_client"]
    for link in (
        adding(other, clinic.now, DeviceKeys.generate()),
        other.links[1],
        make_link(linking.next_core(other.chain, other.keys.device_id, Op.CLOSE, 0), other.keys.sign),
    ):
        assert await refused(clinic, who, link) == (422, "chain")
