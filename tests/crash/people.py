"""People with real keys who get in over real HTTP, as their devices do, and can then write and read."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from os import urandom
from typing import Self

from etherapy.binary import B64, Id16
from etherapy.crypto.epochs import new_epoch, open_epoch
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.protocol.invitations import Invite as InviteBody
from etherapy.protocol.invitations import Join
from etherapy.protocol.people import Enrol
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.transport import Transport
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.charter import Charter, agreement_hash, charter_hash, sign_charter
from etherapy.tep.epoch import Commit, CommitReason, Role, parse_commit
from etherapy.tep.invite import (
    Invite,
    InviteAccept,
    parse_accept,
    parse_invite,
    sign_accept,
    sign_invite,
    staff_accept_bytes,
)
from etherapy.tep.links import DeviceClass
from etherapy.tep.payload import Kind, Payload, View
from etherapy.tep.placing import thread_start
from etherapy.tep.shape import ZEROS_32
from tests.crash.place import Place, Tokens


@dataclass(slots=True)
class Person:
    """Somebody with one device and a recovery code. `door` tries once: repeating is what the tests do."""

    place: Place
    keys: DeviceKeys
    links: list[bytes]
    door: Transport = field(init=False)
    tokens: Tokens = field(init=False)
    account: bytes = b""

    def __post_init__(self) -> None:
        self.door = Transport(self.place.origin, attempts=1, time_out=20.0)
        self.tokens = Tokens(self.door, self.place.practice, self.keys)
        self.door.tokens = self.tokens

    @classmethod
    def begin(cls, place: Place) -> Self:
        """New keys, and the first two links of a chain."""
        keys, recovery = DeviceKeys.generate(), RecoveryCode.generate().keys()
        at = milliseconds(place.now())
        genesis = linking.begin_chain(keys.sign, keys.hpke.public, DeviceClass.PHONE, urandom(16), at)
        second = linking.add_device(
            Chain.begin(genesis), keys.sign, recovery.sign, recovery.hpke.public, DeviceClass.RECOVERY, at
        )
        return cls(place, keys, [genesis, second])

    @property
    def chain(self) -> Chain:
        return verify_chain(self.links)

    async def close(self) -> None:
        await self.door.close()


@dataclass(slots=True)
class Thread:
    """A thread as both of its people know it."""

    thread: bytes
    client: Person
    therapist: Person
    commit: Commit
    secret: bytes
    rules_hash: bytes
    t0: bytes

    def seal(
        self,
        writer: Person,
        text: str,
        *,
        mid: bytes,
        at: datetime,
        urgent: bool = False,
        n: int = 0,
        t: bytes = b"",
    ) -> bytes:
        """An envelope of `writer`'s, whose view is (n, T_n) of what that person has seen."""
        view = View(n, t or self.t0, 1, self.rules_hash)
        payload = Payload(Kind.TEXT, text, milliseconds(at), view)
        return seal_message(
            payload, secret=self.secret, commit=self.commit, key=writer.keys.sign, mid=mid, urgent=urgent
        )


async def enrol(place: Place, lookup: bytes, enrolment: SigningKey) -> Person:
    """Somebody of the staff, by the keys of a staff link."""
    person = Person.begin(place)
    signature = enrolment.sign(staff_accept_bytes(person.chain.chain_id))
    enrolled = await person.door.call(
        endpoints.enrol_staff,
        Enrol([B64(link) for link in person.links], B64(signature)),
        practice=place.practice,
        lookup=lookup,
    )
    person.account = bytes(enrolled.account)
    return person


async def open_thread(therapist: Person) -> Thread:
    """A client whom the therapist invites, and who joins at once."""
    place, thread = therapist.place, urandom(16)
    link = invitation_keys(new_link_secret())
    owner = therapist.chain
    charter = Charter(
        place.home, thread, 1, ZEROS_32, owner.chain_id, 3650, 30, {}, agreement_hash("ours"), urandom(16)
    ).pack()
    log = await therapist.door.call(endpoints.read_checkpoint, log="keys")
    expires = milliseconds(place.now() + timedelta(days=1))
    invite = sign_invite(
        Invite(
            place.server.server_id, place.practice, thread, owner.chain_id, owner.seq, owner.head, log.size,
            bytes(log.root), Role.CLIENT, charter_hash(charter), link.signing.public, expires, urandom(16),
        ),
        therapist.keys.sign,
    )  # fmt: skip
    signed = B64(sign_charter(charter, therapist.keys.sign))
    await therapist.door.call(
        endpoints.invite, InviteBody(Id16(link.lookup_id), B64(invite), B64(charter), signed)
    )
    return await _join(therapist, thread, link.lookup_id, link.signing, invite, charter)


async def _join(
    therapist: Person, thread: bytes, lookup: bytes, link: SigningKey, invite: bytes, charter: bytes
) -> Thread:
    place, client = therapist.place, Person.begin(therapist.place)
    chain, invitation = client.chain, parse_invite(invite)
    accept = sign_accept(
        InviteAccept(invitation.invite_hash, chain.chain_id, chain.seq, chain.head, urandom(16)),
        client.keys.sign,
        link,
    )
    t0 = thread_start(thread, place.home)
    commit, secret = new_epoch(
        [(therapist.chain, Role.THERAPIST), (chain, Role.CLIENT)],
        client.keys,
        thread=thread,
        epoch=0,
        reason=CommitReason.CREATE,
        charter_hash=charter_hash(charter),
        view=(0, t0),
        home=place.home,
        consents=(invitation.invite_hash, parse_accept(accept).accept_hash),
    )
    joined = await client.door.call(
        endpoints.join,
        Join(
            [B64(each) for each in client.links],
            B64(accept),
            B64(sign_charter(charter, client.keys.sign)),
            B64(commit),
        ),
        practice=place.practice,
        lookup=lookup,
    )
    client.account = bytes(joined.account)
    known = parse_commit(commit)
    assert open_epoch(known, therapist.keys) == secret
    return Thread(thread, client, therapist, known, secret, bytes(joined.rules_hash), t0)
