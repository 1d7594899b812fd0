"""People with real keys who come in by the doors that everybody uses: links, invitations, signed logins."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from os import urandom

from etherapy.binary import B64, Id16
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import invitation_keys, new_link_secret, staff_keys
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.protocol import endpoints, invitations, messages, people
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.store.database import Database
from etherapy.tep import epoch as tep
from etherapy.tep import linking, payload
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.charter import Charter, charter_hash, sign_charter
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.invite import Invite, InviteAccept, parse_accept, parse_invite, sign_accept, sign_invite
from etherapy.tep.invite import staff_accept_bytes as staff_bytes
from etherapy.tep.links import DeviceClass
from etherapy.tep.login import challenge_bytes
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import home
from tests.server.asking import Line

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of a practice with one device and a recovery device; `token` is that of a live session."""

    name: str
    practice: bytes
    keys: DeviceKeys
    links: tuple[bytes, ...]
    account: bytes = b""
    token: str = ""
    recovery: DeviceKeys | None = None
    """What the recovery code stands for."""

    @property
    def chain(self) -> Chain:
        return verify_chain(self.links)

    @property
    def role(self) -> str:
        """`client`, `therapist`, `supervisor` or `administrator`, from a name such as `A.other_client`."""
        return self.name.rpartition(".")[2].rpartition("_")[2]


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation as a therapist made it, with the secret of its link."""

    therapist: str
    thread: bytes
    lookup: bytes
    key: SigningKey
    invite: bytes
    charter: bytes
    charter_sig: bytes


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message on its way: what was sealed, and what it is known by."""

    text: str
    envelope: bytes
    mid: bytes
    item_hash: bytes


@dataclass(frozen=True, slots=True)
class Talk:
    """A thread between `client` and `therapist` (their names), at its newest epoch."""

    practice: bytes
    thread: bytes
    therapist: str
    client: str
    lookup: bytes
    home: bytes
    charter_hash: bytes
    commit: tep.Commit
    secret: bytes


def somebody(name: str, practice: bytes, now: datetime) -> Somebody:
    """A person whom no server knows yet."""
    keys, recovery, at = DeviceKeys.generate(), DeviceKeys.generate(), milliseconds(now)
    first = linking.begin_chain(keys.sign, keys.hpke.public, DeviceClass.PHONE, urandom(16), at)
    second = linking.add_device(
        Chain.begin(first), keys.sign, recovery.sign, recovery.hpke.public, DeviceClass.RECOVERY, at
    )
    return Somebody(name, practice, keys, (first, second), recovery=recovery)


async def offer_staff_link(
    database: Database, practice: bytes, now: datetime, *roles: str
) -> tuple[bytes, SigningKey]:
    """What the operator's command does; the look-up id of the link and its key."""
    keys = staff_keys(new_link_secret())
    await database.call(
        "create_staff_link",
        practice,
        now,
        keys.lookup_id,
        keys.signing.public,
        list(roles),
        "Dr Vale",
        now + DAY,
        urandom(16),
        urandom(32),
        b"{}",
    )
    return keys.lookup_id, keys.signing


def enrolment(who: Somebody, key: SigningKey) -> people.Enrol:
    """The body by which somebody uses a staff link."""
    signature = key.sign(staff_bytes(who.chain.chain_id))
    return people.Enrol([B64(link) for link in who.links], B64(signature))


async def enrol(line: Line, database: Database, origin: str, who: Somebody, now: datetime) -> Somebody:
    """A member of staff with the role that the name ends in, logged in."""
    lookup, key = await offer_staff_link(database, who.practice, now, who.role)
    done = await line.call(endpoints.enrol_staff, enrolment(who, key), practice=who.practice, lookup=lookup)
    return await log_in(line, origin, replace(who, account=bytes(done.account)))


async def challenged(line: Line, origin: str, who: Somebody) -> people.Login:
    """A login that the server will take once."""
    asked = people.AskChallenge(Id16(who.practice), Id16(who.keys.device_id))
    found = await line.call(endpoints.ask_challenge, asked)
    signature = who.keys.sign.sign(challenge_bytes(origin, found.nonce, found.time))
    return people.Login(asked.practice, asked.device, found.nonce, found.time, B64(signature))


async def log_in(line: Line, origin: str, who: Somebody) -> Somebody:
    """The same person with a new session."""
    session = await line.call(endpoints.login, await challenged(line, origin, who))
    return replace(who, token=session.token)


def make_offer(
    therapist: Somebody,
    server_id: bytes,
    now: datetime,
    log: tuple[int, bytes],
    thread: bytes | None = None,
    practice: bytes | None = None,
) -> Offer:
    """A signed invitation to a new thread. `log` is size and root of the keys log as the therapist saw it."""
    link, thread, chain = invitation_keys(new_link_secret()), thread or urandom(16), therapist.chain
    practice = practice or therapist.practice
    terms = Charter(
        home(server_id, practice),
        thread,
        1,
        bytes(32),
        chain.chain_id,
        3650,
        35,
        {1: 1, 2: 1},
        sha256(b"agreement").digest(),
        urandom(16),
    ).pack()
    invite = Invite(
        server_id=server_id,
        practice=practice,
        thread=thread,
        therapist=chain.chain_id,
        therapist_seq=chain.seq,
        therapist_head=chain.head,
        keys_size=log[0],
        keys_root=log[1],
        role=tep.Role.CLIENT,
        charter_hash=charter_hash(terms),
        invite_pk=link.signing.public,
        expires_at=milliseconds(now + DAY),
        nonce=urandom(16),
    )
    whole = sign_invite(invite, therapist.keys.sign)
    return Offer(
        therapist.name,
        thread,
        link.lookup_id,
        link.signing,
        whole,
        terms,
        sign_charter(terms, therapist.keys.sign),
    )


def invitation(offer: Offer) -> invitations.Invite:
    """The body by which a therapist leaves an invitation."""
    return invitations.Invite(
        Id16(offer.lookup), B64(offer.invite), B64(offer.charter), B64(offer.charter_sig)
    )


def joining(offer: Offer, therapist: Somebody, client: Somebody) -> tuple[invitations.Join, Talk]:
    """The body by which a client joins, and the thread that there will be."""
    invite, chain = parse_invite(offer.invite), client.chain
    answer = InviteAccept(invite.invite_hash, chain.chain_id, chain.seq, chain.head, urandom(16))
    accept = sign_accept(answer, client.keys.sign, offer.key)
    place = home(invite.invite.server_id, invite.invite.practice)
    commit, secret = new_epoch(
        [(therapist.chain, tep.Role.THERAPIST), (chain, tep.Role.CLIENT)],
        client.keys,
        thread=offer.thread,
        epoch=0,
        reason=tep.CommitReason.CREATE,
        charter_hash=invite.invite.charter_hash,
        view=(0, thread_start(offer.thread, place)),
        home=place,
        consents=(invite.invite_hash, parse_accept(accept).accept_hash),
    )
    body = invitations.Join(
        [B64(link) for link in client.links],
        B64(accept),
        B64(sign_charter(offer.charter, client.keys.sign)),
        B64(commit),
    )
    talk = Talk(
        client.practice,
        offer.thread,
        therapist.name,
        client.name,
        offer.lookup,
        place,
        invite.invite.charter_hash,
        tep.parse_commit(commit),
        secret,
    )
    return body, talk


def seal(talk: Talk, by: Somebody, text: str, *, urgent: bool = False, service_class: int = 1) -> Sealed:
    """A message as a device makes it."""
    view = payload.View(0, bytes(32), 1, bytes(32))
    said = payload.Payload(payload.Kind.TEXT, text, 0, view)
    envelope = seal_message(
        said,
        secret=talk.secret,
        commit=talk.commit,
        key=by.keys.sign,
        urgent=urgent,
        service_class=service_class,
    )
    found = parse_envelope(envelope)
    return Sealed(text, envelope, found.header.mid, found.item_hash)


async def send(line: Line, talk: Talk, by: Somebody, message: Sealed) -> messages.Sent:
    """A message sent and taken."""
    body = messages.SendMessage(B64(message.envelope))
    return await line.call(endpoints.send_message, body, token=by.token, thread=talk.thread)
