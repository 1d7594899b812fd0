"""For every endpoint a request that its own people could make, with any id in it exchanged on demand."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from etherapy.binary import B64, Id16
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import door, endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.endpoint import Endpoint, Table, table
from etherapy.protocol.invitations import Invite
from etherapy.protocol.messages import AskPreview, Recall, SendMessage
from etherapy.protocol.people import AddLink, AskChallenge
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.server.main import TABLE
from etherapy.tep import epoch as tep
from etherapy.tep import linking
from etherapy.tep.chain import Chain
from etherapy.tep.envelope import Header, padded_size, sign_envelope
from etherapy.tep.links import DeviceClass
from etherapy.tep.recall import RecallMode, sign_recall
from etherapy.tep.recall import Recall as RecallCore
from tests.server.asking import Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.people import (
    Somebody,
    Talk,
    challenged,
    enrolment,
    invitation,
    joining,
    offer_staff_link,
    seal,
    somebody,
)

WHOLE_TABLE: Table = table({**TABLE, "live": door.live, "openapi": door.openapi})
"""Every route that the door serves."""


@dataclass(frozen=True, slots=True)
class Named:
    """The ids that a request names. `inner_thread` is the thread inside what is sealed or signed; None for
    `practice` and `lookup` is whatever is right."""

    thread: bytes
    inner_thread: bytes
    mid: bytes
    item_hash: bytes
    device: bytes
    commit_hash: bytes
    chain: bytes
    practice: bytes | None = None
    lookup: bytes | None = None
    home_practice: bytes | None = None
    new_device: DeviceKeys | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A request, and what else is to be noted once it was answered as it should be."""

    ask: Ask
    then: Callable[[], object] = lambda: None


Maker = Callable[[Clinic, Somebody, Named], Awaitable[Made]]
MAKERS: dict[str, Maker] = {}


async def make(clinic: Clinic, name: str, who: Somebody, named: Named | None = None) -> Made:
    """The request to endpoint `name` by `who`, naming what is theirs unless told otherwise."""
    endpoint, named = WHOLE_TABLE[name], named or own(clinic, who)
    if name in MAKERS:
        return await MAKERS[name](clinic, who, named)
    assert endpoint.takes is None, f"{name} needs a maker of its own"
    return Made(_ask(endpoint, named))


def talk_of(clinic: Clinic, who: Somebody) -> Talk:
    """The thread that somebody writes in; that of `A.client` for those who have none."""
    letter = who.name[0]
    if who.name in clinic.talks:
        return clinic.talks[who.name]
    return clinic.talks[f"{letter}.far_client" if who.name.endswith("other_therapist") else f"{letter}.client"]


def own(clinic: Clinic, who: Somebody) -> Named:
    """What is one's own: for those without a thread, the client's (they may not reach it)."""
    talk = talk_of(clinic, who)
    wrote = {talk.client: f"{talk.client} placed", talk.therapist: f"{talk.therapist} answered {talk.client}"}
    message = clinic.sent[wrote.get(who.name, f"{talk.client} placed")]
    return Named(
        talk.thread, talk.thread, message.mid, message.item_hash, who.keys.device_id, talk.commit.commit_hash, who.chain.chain_id
    )  # fmt: skip


def of_another(clinic: Clinic, client: str) -> Named:
    """What belongs to another client: their thread, their message that waits, their device, their chain."""
    talk, whose, letter = clinic.talks[client], clinic.people[client], client[0]
    message = clinic.sent[f"{client} held"]
    return Named(
        talk.thread, talk.thread, message.mid, message.item_hash, whose.keys.device_id, talk.commit.commit_hash, whose.chain.chain_id,
        whose.practice, clinic.offers[f"{letter}.other_therapist"].lookup, whose.practice, whose.keys,
    )  # fmt: skip


def of_nobody() -> Named:
    """Ids that exist nowhere."""
    thread, practice = os.urandom(16), os.urandom(16)
    return Named(
        thread, thread, os.urandom(16), os.urandom(32), os.urandom(16), os.urandom(32), os.urandom(32), practice, os.urandom(16),
        practice, DeviceKeys.generate(),
    )  # fmt: skip


def _ask(endpoint: Endpoint[Any, Any], named: Named, body: Any = None, query: str = "", **path: object) -> Ask:
    known = {name: getattr(named, name, None) for name in endpoint.parameters}
    return Ask(endpoint.method, endpoint.fill({**known, **path}), query, body)


def _maker(maker: Maker) -> Maker:
    MAKERS[getattr(maker, "__name__", "")] = maker
    return maker


@_maker
async def ask_challenge(clinic: Clinic, who: Somebody, named: Named) -> Made:
    body = AskChallenge(Id16(named.practice or who.practice), Id16(named.device))
    return Made(_ask(endpoints.ask_challenge, named, body))


@_maker
async def login(clinic: Clinic, who: Somebody, named: Named) -> Made:
    signer = replace(who, practice=named.practice or who.practice)
    body = await challenged(clinic.line, ORIGIN, signer)
    if named.device != who.keys.device_id:
        asked = AskChallenge(body.practice, Id16(named.device))
        found = await clinic.line.call(endpoints.ask_challenge, asked)
        body = type(body)(body.practice, asked.device, found.nonce, found.time, body.signature)
    return Made(_ask(endpoints.login, named, body))


@_maker
async def enrol_staff(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup, key = await offer_staff_link(clinic.database, who.practice, clinic.now, "therapist")
    body = enrolment(somebody("A.new_therapist", who.practice, clinic.now), key)
    place = {"practice": named.practice or who.practice, "lookup": named.lookup or lookup}
    return Made(_ask(endpoints.enrol_staff, named, body, **place))


@_maker
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
    return Made(_ask(endpoints.invite, named, Invite(Id16(named.lookup or body.lookup), *_rest(body))))


def _rest(body: Invite) -> tuple[B64, B64, B64]:
    return body.invite, body.charter, body.charter_signature


@_maker
async def read_invitation(clinic: Clinic, who: Somebody, named: Named) -> Made:
    lookup = clinic.offers[f"{who.name[0]}.therapist"].lookup
    place = {"practice": named.practice or who.practice, "lookup": named.lookup or lookup}
    return Made(_ask(endpoints.read_invitation, named, **place))


@_maker
async def join(clinic: Clinic, who: Somebody, named: Named) -> Made:
    offer = await clinic.leave_offer(f"{who.name[0]}.therapist")
    new = somebody("A.new_client", who.practice, clinic.now)
    body, _ = joining(offer, clinic.people[offer.therapist], new)
    place = {"practice": named.practice or who.practice, "lookup": named.lookup or offer.lookup}
    return Made(_ask(endpoints.join, named, body, **place))


@_maker
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
        core = linking.add_core(chain, chain.active()[0].device_id, keys.sign.public, keys.hpke.public, DeviceClass.DESKTOP, at)
        link = linking.make_link(core, who.keys.sign, keys.sign)
    else:
        link = linking.add_device(chain, who.keys.sign, keys.sign, keys.hpke.public, DeviceClass.DESKTOP, at)
    grows = replace(who, links=(*grown, link))
    return Made(_ask(endpoints.add_link, named, AddLink(B64(link))), lambda: clinic.settle(grows))


async def current_chain(clinic: Clinic, who: Somebody) -> tuple[bytes, ...]:
    """A person's links as the clinic knows them."""
    return clinic.people[who.name].links


@_maker
async def preview(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return Made(_ask(endpoints.preview, named, AskPreview()))


@_maker
async def send_message(clinic: Clinic, who: Somebody, named: Named) -> Made:
    talk = talk_of(clinic, who)
    if (named.inner_thread, named.commit_hash, named.device) == own_place(talk, who) and is_member(talk, who):
        envelope = seal(talk, who, "one more").envelope
    else:
        size = padded_size(40) + 16
        header = Header(
            named.inner_thread, talk.commit.core.epoch, named.device, os.urandom(16), os.urandom(24), os.urandom(32), named.commit_hash,
            1, False, 1, size,
        )  # fmt: skip
        envelope = sign_envelope(header, os.urandom(size), who.keys.sign)
    return Made(_ask(endpoints.send_message, named, SendMessage(B64(envelope))))


def own_place(talk: Talk, who: Somebody) -> tuple[bytes, bytes, bytes]:
    return talk.thread, talk.commit.commit_hash, who.keys.device_id


def is_member(talk: Talk, who: Somebody) -> bool:
    return who.name in (talk.client, talk.therapist)


@_maker
async def recall_message(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """Of a message of one's own that waits; a therapist has none, so an answer that is placed."""
    talk, mine = talk_of(clinic, who), own(clinic, who)
    named_message = (named.mid, named.item_hash)
    if named_message == (mine.mid, mine.item_hash) and who.name == talk.client:
        message = await clinic.say(who.name, "to be recalled", talk)
        named_message = (message.mid, message.item_hash)
    core = RecallCore(
        RecallMode.RECALL, named.inner_thread, named_message[0], named.device, named_message[1], bytes(32), milliseconds(clinic.now)
    )  # fmt: skip
    return Made(_ask(endpoints.recall_message, named, Recall(B64(sign_recall(core, who.keys.sign)))))


@_maker
async def commit_epoch(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """The next epoch for the same two people; with another `chain`, a stranger's sits in the client's place."""
    talk = talk_of(clinic, who)
    client, therapist = clinic.people[talk.client], clinic.people[talk.therapist]
    if named.chain != who.chain.chain_id:
        client = next((one for one in clinic.people.values() if one.chain.chain_id == named.chain), None) or somebody(
            "nobody", who.practice, clinic.now
        )
    whole, secret = new_epoch(
        [(therapist.chain, tep.Role.THERAPIST), (client.chain, tep.Role.CLIENT)],
        who.keys if who in (client, therapist) else therapist.keys,
        thread=named.inner_thread, epoch=talk.commit.core.epoch + 1, reason=tep.CommitReason.REQUEST, charter_hash=talk.charter_hash,
        view=(1, bytes(32)), home=talk.home, prev=named.commit_hash,
    )  # fmt: skip
    grows = replace(talk, commit=tep.parse_commit(whole), secret=secret)
    return Made(
        _ask(endpoints.commit_epoch, named, Commit(B64(whole))), lambda: clinic.talks.update({talk.client: grows})
    )


async def _set_rules(clinic: Clinic, who: Somebody, named: Named, reading: str, setting: str) -> Made:
    answer = await clinic.line.ask(_ask(WHOLE_TABLE[reading], named), who.token)
    said = answer.json() if answer.status == 200 else {"version": 0, "rules": []}
    return Made(_ask(WHOLE_TABLE[setting], named, SetRules(said["version"], said["rules"])))


@_maker
async def set_own_rules(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return await _set_rules(clinic, who, named, "read_own_rules", "set_own_rules")


@_maker
async def set_practice_rules(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return await _set_rules(clinic, who, named, "read_practice_rules", "set_practice_rules")


def _log_maker(name: str, query: str) -> None:
    async def maker(clinic: Clinic, who: Somebody, named: Named) -> Made:
        return Made(_ask(WHOLE_TABLE[name], named, None, query, log="keys"))

    MAKERS[name] = maker


for _name, _query in [
    ("read_checkpoint", ""), ("prove_inclusion", "index=0&size=1"), ("prove_consistency", "old=1&new=2"), ("read_leaves", ""),
]:  # fmt: skip
    _log_maker(_name, _query)
