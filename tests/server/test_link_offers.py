"""An offer is for one device in one place of one chain, and worth nothing without both signatures."""

from dataclasses import replace
from datetime import timedelta
from os import urandom
from typing import Any

import msgspec

from etherapy.binary import B64, dec_hook
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import LinkProgress, OfferLink
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.links import DeviceClass, Op, newcomer_bytes, signer_bytes
from etherapy.tep.signed import pack_signed
from tests.server import newcomers
from tests.server.chains import adding, at_device, code_keys, grow, with_device
from tests.server.clinic import Clinic
from tests.server.matrix import fingerprint
from tests.server.newcomers import Newcomer, ask_for, finish, progress
from tests.server.people import Somebody


async def test_an_offer_whose_link_came_too_late_is_made_anew(clinic: Clinic) -> None:
    """AT-16: the place in the chain was taken meanwhile; the new device is told to wait for another offer."""
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    grown, _ = await with_device(clinic, who)
    assert (await progress(clinic, who, new)).state == "waiting"
    assert (await finish(clinic, who, new, link)).problem == "stale-chain"
    stale = new.offer(who, clinic.now)
    assert (
        await ask_for(clinic, endpoints.offer_link, who, stale, lookup=new.lookup)
    ).problem == "stale-chain"
    fresh = new.offer(grown, clinic.now)
    await clinic.line.call(endpoints.offer_link, fresh, token=who.token, lookup=new.lookup)
    await newcomers.complete(clinic, grown, new, new.agree(fresh.core, fresh.signature))


async def test_a_recovery_device_may_not_ask_and_a_web_device_may_not_agree(clinic: Clinic) -> None:
    """AT-14."""
    who, web = await with_device(clinic, clinic.people["A.client"], DeviceClass.WEB)
    recovery = Newcomer(DeviceClass.RECOVERY)
    assert (await clinic.line.ask(recovery.ask(who.practice))).status == 422
    new, there = await newcomers.wait(clinic, who), await at_device(clinic, who, web)
    for asker, signer in ((there, web.sign), (there, who.keys.sign), (who, web.sign)):
        offer = new.offer(asker, clinic.now, signer)
        answer = await ask_for(clinic, endpoints.offer_link, asker, offer, lookup=new.lookup)
        assert (answer.status, answer.json()["what"]) == (422, "class")
    assert (await progress(clinic, who, new)).state == "waiting"


async def test_an_offer_is_for_these_keys_in_this_place_by_this_person(clinic: Clinic) -> None:
    who, other = clinic.people["A.client"], clinic.people["A.other_client"]
    new, another = await newcomers.wait(clinic, who), Newcomer()
    good = new.offer(who, clinic.now)
    core = linking.next_core(who.chain, who.keys.device_id, Op.CLOSE, 0).pack()
    offers = {
        "keys": another.offer(who, clinic.now),
        "chain": new.offer(other, clinic.now),
        "op": OfferLink(B64(core), B64(who.keys.sign.sign(signer_bytes(core)))),
        "signature": OfferLink(good.core, B64(bytes(64)), good.confirmation),
        "signer": new.offer(who, clinic.now, SigningKey(urandom(32))),
        "prev": _after(new, who, clinic),
    }
    for what, offer in offers.items():
        answer = await ask_for(clinic, endpoints.offer_link, who, offer, lookup=new.lookup)
        assert (answer.status, answer.json()["what"]) == (422, what)
    assert (await progress(clinic, who, new)).state == "waiting"


def _after(new: Newcomer, who: Somebody, clinic: Clinic) -> OfferLink:
    """An offer for the place after the next."""
    ahead = replace(who, links=(*who.links, adding(who, clinic.now, DeviceKeys.generate())))
    return new.offer(ahead, clinic.now)


async def test_only_what_was_offered_can_be_completed(clinic: Clinic) -> None:
    """AT-13: and only with the new device's own signature."""
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    offer = new.offer(who, clinic.now + timedelta(seconds=1))  # the same person, another core
    own = new.keys.sign.sign(newcomer_bytes(offer.core))
    before = await fingerprint(clinic.operate, who.practice)
    found = (await progress(clinic, who, new)).offer
    assert found is not None
    for wrong, what in (
        (new.agree(offer.core, offer.signature), "offer"),
        (pack_signed(found.core, [bytes(64), own]), "offer"),
        (pack_signed(found.core, [found.signature, own]), "signature"),
        (pack_signed(found.core, [found.signature, found.signature]), "signature"),
    ):
        answer = await finish(clinic, who, new, wrong)
        assert (answer.status, answer.json()["what"]) == (422, what)
    assert await fingerprint(clinic.operate, who.practice) == before
    assert (await finish(clinic, who, new, link)).status == 201


async def test_an_offer_by_a_device_that_was_revoked_since_is_worth_nothing(clinic: Clinic) -> None:
    """AT-12."""
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    at = milliseconds(clinic.now)
    await grow(clinic, who, linking.revoke_device(who.chain, code_keys(who).sign, who.keys.device_id, at))
    assert (await finish(clinic, who, new, link)).problem == "stale-chain"
    assert (await progress(clinic, who, new)).state == "waiting"


async def test_progress_shows_what_the_new_device_needs_and_no_more(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new, _ = await newcomers.offered(clinic, who)
    place: dict[str, Any] = {"practice": who.practice, "lookup": new.lookup}
    answer = await ask_for(clinic, endpoints.read_link_progress, None, **place)
    shown = msgspec.json.decode(answer.body, type=LinkProgress, dec_hook=dec_hook)
    assert shown.offer is not None
    chain: Chain = verify_chain([bytes(one.link) for one in shown.offer.chain])
    assert (chain.head, bytes(shown.offer.account)) == (who.chain.head, who.account)
    assert set(answer.json()["offer"]) == {"account", "chain", "core", "signature", "confirmation"}
