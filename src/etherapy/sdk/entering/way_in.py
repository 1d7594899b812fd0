"""What all ways in share: new keys and links, kept before they are uploaded, and how it ends (D-33).

What is uploaded is kept first and repeated with the same bytes, so that a broken connection costs neither the
link nor the person.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from os import urandom
from typing import TypeVar

import msgspec

from etherapy.binary import enc_hook
from etherapy.clock import Clock, SystemClock
from etherapy.crypto.invitation import LinkKeys
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import AlreadyEnrolled, Refuted, WrongServer
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import Identity, Pending
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import WayIn
from etherapy.sdk.transport import Transport
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.linking import add_device, begin_chain
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed
from etherapy.tep.serverkeys import ServerKeys, verify_server_chain

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A fresh chain: the first device, the recovery device, and the code behind it."""

    keys: DeviceKeys
    code: RecoveryCode
    links: tuple[bytes, bytes]

    @property
    def chain(self) -> Chain:
        """The chain of both links."""
        return verify_chain(self.links)


def new_person(at: int, device_class: DeviceClass = DeviceClass.CLI) -> NewPerson:
    """Keys, code and links of somebody new; `at` is this device's time in ms."""
    keys, code = DeviceKeys.generate(), RecoveryCode.generate()
    link0 = begin_chain(keys.sign, keys.hpke.public, device_class, urandom(16), at)
    asleep = code.keys()
    link1 = add_device(
        Chain.begin(link0), keys.sign, asleep.sign, asleep.hpke.public, DeviceClass.RECOVERY, at
    )
    return NewPerson(keys, code, (link0, link1))


async def fetch_server(transport: Transport) -> tuple[ServerKeys, list[bytes]]:
    """The server's key chain, verified in itself; whether it is the right one is the caller's to say."""
    links = [bytes(link) for link in (await transport.call(endpoints.read_server_keys)).links]
    try:
        return verify_server_chain(links), links
    except Malformed as bad:
        raise WrongServer(f"the server's keys do not hold: {bad}") from None


async def finish_way(session: Connection, pending: Pending) -> str:
    """Log in, make sure that the person on the server is the one made here, and give out the code."""
    profile = session.profile
    me = await session.whoami()
    if bytes(me.chain) != session.chain:
        raise Refuted(Finding(kind=Kind.CHAIN, words="the server keeps another chain for this device"))
    profile.identity.account = bytes(me.account)
    person = await session.people.look(session.chain, await session.now())
    profile.kept.pending, profile.kept.known_seq = None, person.chain.seq
    profile.save()
    return RecoveryCode(pending.code).text()


def resumes(profile: Profile, lookup: bytes) -> bool:
    """Whether this very way in was begun before, with bytes that may have arrived."""
    if profile.enrolled:
        raise AlreadyEnrolled("this profile belongs to somebody already")
    pending = profile.kept.pending
    return pending is not None and pending.lookup == lookup and bool(pending.body)


def begin_way(
    profile: Profile, way: WayIn, keys: LinkKeys, person: NewPerson, server_links: list[bytes], body: bytes
) -> None:
    """Keep what was made; without a `body` it cannot have been uploaded yet."""
    kept = profile.kept
    kept.linking, kept.ended = None, ""
    kept.identity = Identity(
        origin=way.origin,
        practice=way.practice,
        keys=person.keys.stored(),
        server_links=server_links,
        chain=person.chain.chain_id,
    )
    kept.chains.clear()
    kept.pending = Pending(lookup=keys.lookup_id, code=person.code.secret, body=body)
    profile.save()


def start_over(profile: Profile, transport: Transport, practice: bytes, links: list[bytes]) -> None:
    """An empty profile with fresh keys for a new device of somebody who is there already."""
    profile.wipe("")
    profile.kept.identity = Identity(
        origin=transport.origin,
        practice=practice,
        keys=DeviceKeys.generate().stored(),
        server_links=links,
        chain=b"",
    )
    profile.save()


def give_up(profile: Profile) -> None:
    """Nothing of it was taken: the profile is empty again."""
    kept = profile.kept
    kept.identity, kept.pending = None, None
    kept.chains.clear()
    profile.save()


async def closing_on_error(transport: Transport, work: Awaitable[Answer]) -> Answer:
    """The answer of `work`; the connections are closed when there is none."""
    try:
        return await work
    except BaseException:
        await transport.close()
        raise


def encode_body(body: msgspec.Struct) -> bytes:
    """A body as it is kept until it has arrived."""
    return msgspec.json.encode(body, enc_hook=enc_hook)


def device_time(clock: Clock | None) -> int:
    """Milliseconds since 1970 by this device\'s own clock."""
    return milliseconds((clock or SystemClock()).now())
