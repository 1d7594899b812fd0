"""Requests about new devices and passphrases."""

from dataclasses import replace
from os import urandom
from typing import Any

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import AskSalt, CompleteLink, PassphraseLogin, SetPassphrase
from tests.server import newcomers
from tests.server.clinic import Clinic
from tests.server.named import Made, Named, fill_in, maker
from tests.server.newcomers import Newcomer
from tests.server.people import Somebody


def _practice(who: Somebody, named: Named) -> dict[str, Any]:
    return {"practice": named.practice or who.practice}


@maker
async def ask_link(clinic: Clinic, who: Somebody, named: Named) -> Made:
    body = Newcomer().asking()
    if named.lookup:
        body = type(body)(Id16(named.lookup), body.sign_pk, body.hpke_pk, body.device_class)
    return Made(fill_in(endpoints.ask_link, named, body, **_practice(who, named)))


@maker
async def read_link_progress(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup = named.lookup or (await newcomers.wait(clinic, who)).lookup
    place = _practice(who, named)
    return Made(fill_in(endpoints.read_link_progress, named, lookup=lookup, **place))


@maker
async def complete_link(clinic: Clinic, who: Somebody, named: Named) -> Made:
    new, link = await newcomers.offered(clinic, who)
    place = {**_practice(who, named), "lookup": named.lookup or new.lookup}
    grows = replace(who, links=(*who.links, link))
    body = CompleteLink(B64(link))
    return Made(fill_in(endpoints.complete_link, named, body, **place), lambda: clinic.settle(grows))


@maker
async def read_link_request(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup = named.lookup or (await newcomers.wait(clinic, who)).lookup
    return Made(fill_in(endpoints.read_link_request, named, lookup=lookup))


@maker
async def offer_link(clinic: Clinic, who: Somebody, named: Named) -> Made:
    new = await newcomers.wait(clinic, who)
    body = new.offer(who, clinic.now)
    return Made(fill_in(endpoints.offer_link, named, body, lookup=named.lookup or new.lookup))


@maker
async def refuse_link(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup = named.lookup or (await newcomers.wait(clinic, who)).lookup
    return Made(fill_in(endpoints.refuse_link, named, lookup=lookup))


@maker
async def set_passphrase(clinic: Clinic, who: Somebody, named: Named) -> Made:
    body = SetPassphrase(who.name, Id16(urandom(16)), Hash32(urandom(32)))
    return Made(fill_in(endpoints.set_passphrase, named, body))


@maker
async def ask_salt(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return Made(fill_in(endpoints.ask_salt, named, AskSalt(who.name), **_practice(who, named)))


@maker
async def passphrase_login(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """With a passphrase set just now, which ends what waited by the one before."""
    known = await newcomers.set_passphrase(clinic, who)
    lookup = named.lookup or (await newcomers.wait(clinic, who)).lookup
    body = PassphraseLogin(known.name, known.auth, Id16(lookup))
    return Made(fill_in(endpoints.passphrase_login, named, body, **_practice(who, named)))
