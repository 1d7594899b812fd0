"""Requests by which people get in: logins, links, invitations, devices."""

from dataclasses import replace
from typing import Any

from etherapy.binary import B64, Id16
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.invitations import Invite
from etherapy.protocol.people import AddLink, AskChallenge
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.chain import Chain
from etherapy.tep.links import DeviceClass, make_link
from tests.server.clinic import ORIGIN, Clinic
from tests.server.named import Made, Named, fill_in, maker, talk_of
from tests.server.people import (
    Somebody,
    challenged,
    enrolment,
    invitation,
    joining,
    offer_staff_link,
    somebody,
)


@maker
async def ask_challenge(clinic: Clinic, who: Somebody, named: Named) -> Made:
    body = AskChallenge(Id16(named.practice or who.practice), Id16(named.device))
    return Made(fill_in(endpoints.ask_challenge, named, body))


@maker
async def login(clinic: Clinic, who: Somebody, named: Named) -> Made:
    signer = replace(who, practice=named.practice or who.practice)
    body = await challenged(clinic.line, ORIGIN, signer)
    if named.device != who.keys.device_id:
        asked = AskChallenge(body.practice, Id16(named.device))
        found = await clinic.line.call(endpoints.ask_challenge, asked)
        body = type(body)(body.practice, asked.device, found.nonce, found.time, body.signature)
    return Made(fill_in(endpoints.login, named, body))


@maker
async def enrol_staff(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup, key = await offer_staff_link(clinic.database, who.practice, clinic.now, "therapist")
    body = enrolment(somebody("A.new_therapist", who.practice, clinic.now), key)
    place: dict[str, Any] = {"practice": named.practice or who.practice, "lookup": named.lookup or lookup}
    return Made(fill_in(endpoints.enrol_staff, named, body, **place))


@maker
async def invite(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """Signed by whoever asks; with another `chain` it is another's invitation that is passed on."""
    talk = talk_of(clinic, who)
    how = {"thread": named.inner_thread} if named.inner_thread != talk.thread else {}
    if named.home_practice:
        how["practice"] = named.home_practice
    offer = await clinic.prepare_offer(who.name, **how)
    body = invitation(offer)
    if named.chain != who.chain.chain_id:
        stranger = next((one for one in clinic.people.values() if one.chain.chain_id == named.chain), None)
        other = clinic.offers.get(stranger.name) if stranger else None
        offer = other or replace(offer, invite=offer.invite[:-1] + bytes([offer.invite[-1] ^ 1]))
        body = invitation(offer)
    return Made(fill_in(endpoints.invite, named, Invite(Id16(named.lookup or body.lookup), *_rest(body))))


def _rest(body: Invite) -> tuple[B64, B64, B64]:
    return body.invite, body.charter, body.charter_signature


@maker
async def read_invitation(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup = clinic.offers[f"{who.name[0]}.therapist"].lookup
    place: dict[str, Any] = {"practice": named.practice or who.practice, "lookup": named.lookup or lookup}
    return Made(fill_in(endpoints.read_invitation, named, **place))


@maker
async def join(clinic: Clinic, who: Somebody, named: Named) -> Made:
    offer = await clinic.leave_offer(f"{who.name[0]}.therapist")
    new = somebody("A.new_client", who.practice, clinic.now)
    body, _ = joining(offer, clinic.people[offer.therapist], new)
    place: dict[str, Any] = {
        "practice": named.practice or who.practice,
        "lookup": named.lookup or offer.lookup,
    }
    return Made(fill_in(endpoints.join, named, body, **place))


@maker
async def add_link(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """A new device, or (with a `chain` of somebody else) a link for that one's chain."""
    grown = await current_chain(clinic, who)
    keys = named.new_device or DeviceKeys.generate()
    chain, at = Chain.begin(grown[0]), milliseconds(clinic.now)
    for link in grown[1:]:
        chain = chain.add(link)
    if named.chain != who.chain.chain_id:
        whose = next((one for one in clinic.people.values() if one.chain.chain_id == named.chain), None)
        chain = (whose or somebody("nobody", who.practice, clinic.now)).chain
        core = linking.add_core(
            chain, chain.active()[0].device_id, keys.sign.public, keys.hpke.public, DeviceClass.DESKTOP, at
        )
        link = make_link(core, who.keys.sign, keys.sign)
    else:
        link = linking.add_device(chain, who.keys.sign, keys.sign, keys.hpke.public, DeviceClass.DESKTOP, at)
    grows = replace(who, links=(*grown, link))
    return Made(fill_in(endpoints.add_link, named, AddLink(B64(link))), lambda: clinic.settle(grows))


async def current_chain(clinic: Clinic, who: Somebody) -> tuple[bytes, ...]:
    """A person's links as the clinic knows them."""
    return clinic.people[who.name].links
