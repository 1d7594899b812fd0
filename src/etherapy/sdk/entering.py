"""Getting in: staff by a one-use link, clients by an invitation, at any hour (A-10, A-15.4, A-15.6).

Both make a device chain with a recovery device. What is uploaded is kept first and repeated with the same
bytes, so that a broken connection costs neither the link nor the person.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from os import urandom
from typing import TypeVar, overload

import msgspec

from etherapy.binary import B64, dec_hook, enc_hook
from etherapy.clock import Clock, SystemClock
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import LinkKeys, invitation_keys, staff_keys
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.protocol.door import Unavailable
from etherapy.protocol.invitations import Invitation, Join, Joined
from etherapy.protocol.people import Enrol
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.protocol.problems import DeviceTaken, InvitationSpent, NoSuchLink, StaleChain
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import AlreadyEnrolled, DeviceFault, Refuted, WrongServer
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.invitation_check import Checked, check_invitation
from etherapy.sdk.kept import Identity, Pending, ThreadState
from etherapy.sdk.links import WayIn, read_link
from etherapy.sdk.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.spine import Pin
from etherapy.sdk.transport import Transport
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.charter import sign_charter
from etherapy.tep.epoch import CommitReason, Role, parse_commit
from etherapy.tep.invite import InviteAccept, parse_accept, sign_accept, staff_accept_bytes
from etherapy.tep.linking import add_device, begin_chain
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import ServerKeys, verify_server_chain

Member = TypeVar("Member", bound=Connection)
Answer = TypeVar("Answer")
_TRIES = 3


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


@overload
async def enrol(
    link: str, profile: Profile, *, clock: Clock | None = None, transport: Transport | None = None
) -> tuple[Session, str]: ...
@overload
async def enrol(
    link: str,
    profile: Profile,
    kind: type[Member],
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> tuple[Member, str]: ...
async def enrol(
    link: str,
    profile: Profile,
    kind: type[Connection] = Session,
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> tuple[Connection, str]:
    """Become a member of staff by the link that the operator gave; the session, and the recovery code.

    Show the code once and keep it nowhere. Repeat with the same link and profile after Unreachable.
    BadLink, WrongServer, AlreadyEnrolled, NoSuchLink.

        vale, code = await enrol(link, Profile.open(place), Therapist)
    """
    way = read_link(link, "staff")
    keys = staff_keys(way.secret)
    transport = transport or Transport(way.origin)
    return await _closing_on_error(transport, _enrol(way, keys, profile, kind, clock, transport))


async def _enrol(
    way: WayIn,
    keys: LinkKeys,
    profile: Profile,
    kind: type[Member],
    clock: Clock | None,
    transport: Transport,
) -> tuple[Member, str]:
    resumed = _resume(profile, keys.lookup_id)
    if not resumed:
        server, links = await fetch_server(transport)
        if server.server_id != way.pinned:
            raise WrongServer("the server is not the one that this link is for")
        person = new_person(_device_time(clock))
        signature = keys.signing.sign(staff_accept_bytes(person.chain.chain_id))
        body = Enrol([B64(one) for one in person.links], B64(signature))
        _begin(profile, way, keys, person, links, _encode(body))
    pending = profile.kept.pending
    assert pending is not None
    try:
        await transport.call(
            endpoints.enrol_staff,
            msgspec.json.decode(pending.body, type=Enrol, dec_hook=dec_hook),
            practice=way.practice,
            lookup=keys.lookup_id,
        )
    except (NoSuchLink, DeviceTaken):
        if not resumed:
            _give_up(profile)
            raise
    session = kind(profile, transport, clock)
    code = await _finish(session, pending)
    return session, code


async def join(
    link: str, profile: Profile, *, clock: Clock | None = None, transport: Transport | None = None
) -> tuple[Session, bytes, str]:
    """Become a client by an invitation, at any hour: the session, the thread, and the recovery code.

    Everything is verified before anything is sealed: the link pins invitation, therapist, server, charter and
    log. Show the code once and keep it nowhere. Repeat with the same link and profile after Unreachable.

        me, thread, code = await join(link, Profile.open(place))
        await me.send(thread, "Hello")
    """
    way = read_link(link, "client")
    keys = invitation_keys(way.secret)
    transport = transport or Transport(way.origin)
    return await _closing_on_error(transport, _join(way, keys, profile, clock, transport))


async def _join(
    way: WayIn, keys: LinkKeys, profile: Profile, clock: Clock | None, transport: Transport
) -> tuple[Session, bytes, str]:
    joined: Joined | None = None
    for left in reversed(range(_TRIES)):
        resumed = _resume(profile, keys.lookup_id)
        try:
            if not resumed:
                await _prepare_joining(way, keys, profile, clock, transport)
            joined = await _upload_joining(way, keys, profile, transport)
        except (Unavailable, Unexpected):
            raise  # it may have arrived: what was made is kept
        except (InvitationSpent, DeviceTaken):
            if not resumed:
                _give_up(profile)
                raise
        except StaleChain:
            _give_up(profile)
            if not left:
                raise
            continue
        except (Problem, DeviceFault):
            if not resumed:
                _give_up(profile)
            raise
        break
    return await _enter_thread(profile, clock, transport, joined)


async def _prepare_joining(
    way: WayIn, keys: LinkKeys, profile: Profile, clock: Clock | None, transport: Transport
) -> None:
    """Fetch and verify everything, then make chain, answer, signature and epoch 0, and keep them."""
    server, links = await fetch_server(transport)
    answer = await transport.call(endpoints.read_invitation, practice=way.practice, lookup=keys.lookup_id)
    person = new_person(_device_time(clock))
    _begin(profile, way, keys, person, links, b"")
    link = Connection(profile, transport, clock)
    checked = await check_invitation(link, way, keys, server, answer)
    body, state = _make_joining(person, keys, checked, answer, link)
    pending = profile.kept.pending
    assert pending is not None
    pending.body, pending.thread = _encode(body), state
    profile.save()


def _make_joining(
    person: NewPerson, keys: LinkKeys, checked: Checked, answer: Invitation, link: Connection
) -> tuple[Join, ThreadState]:
    terms, client = checked.invite.invite, person.chain
    accept = sign_accept(
        InviteAccept(checked.invite.invite_hash, client.chain_id, client.seq, client.head, urandom(16)),
        person.keys.sign,
        keys.signing,
    )
    commit, secret = new_epoch(
        [(checked.therapist, Role.THERAPIST), (client, Role.CLIENT)],
        person.keys,
        thread=terms.thread,
        epoch=0,
        reason=CommitReason.CREATE,
        charter_hash=terms.charter_hash,
        view=(0, thread_start(terms.thread, link.home)),
        home=link.home,
        consents=(checked.invite.invite_hash, parse_accept(accept).accept_hash),
    )
    state = ThreadState(
        thread=terms.thread,
        role=Role.CLIENT,
        owner=terms.therapist,
        owner_name=answer.therapist_name,
        secrets={parse_commit(commit).commit_hash: secret},
        invite=bytes(answer.invite),
        accept=accept,
    )
    body = Join(
        links=[B64(one) for one in person.links],
        accept=B64(accept),
        charter_signature=B64(sign_charter(answer.charter, person.keys.sign)),
        commit=B64(commit),
    )
    return body, state


async def _upload_joining(way: WayIn, keys: LinkKeys, profile: Profile, transport: Transport) -> Joined:
    pending = profile.kept.pending
    assert pending is not None
    body = msgspec.json.decode(pending.body, type=Join, dec_hook=dec_hook)
    return await transport.call(endpoints.join, body, practice=way.practice, lookup=keys.lookup_id)


async def _enter_thread(
    profile: Profile, clock: Clock | None, transport: Transport, joined: Joined | None
) -> tuple[Session, bytes, str]:
    """Log in, read the thread that was made, and hold it against what was answered."""
    pending = profile.kept.pending
    assert pending is not None
    assert pending.thread is not None
    thread = pending.thread.thread
    profile.save_thread(pending.thread)
    session = Session(profile, transport, clock)
    code = await _finish(session, pending)
    desk = session.desk(thread)
    if joined is not None:
        head = desk.log.spine.read_head(bytes(joined.head))
        desk.pin(Pin(head.n, head.t))
        desk.log.letters.rules[1] = bytes(joined.rules_hash)
    async with desk.lock:
        await desk.catch_up()
        if desk.halted is not None:
            raise Refuted(desk.halted)
        await desk.follow_rules()
    await session.check_logs()
    return session, thread, code


async def _finish(session: Connection, pending: Pending) -> str:
    """Log in, make sure that the person on the server is the one made here, and give out the code."""
    profile = session.profile
    me = await session.whoami()
    if bytes(me.chain) != session.chain:
        raise Refuted(Finding(kind=Kind.CHAIN, words="the server keeps another chain for this device"))
    profile.identity.account = bytes(me.account)
    await session.people.look(session.chain, await session.now())
    profile.kept.pending = None
    profile.save()
    return RecoveryCode(pending.code).text()


def _resume(profile: Profile, lookup: bytes) -> bool:
    """Whether this very way in was begun before, with bytes that may have arrived."""
    if profile.enrolled:
        raise AlreadyEnrolled("this profile belongs to somebody already")
    pending = profile.kept.pending
    return pending is not None and pending.lookup == lookup and bool(pending.body)


def _begin(
    profile: Profile, way: WayIn, keys: LinkKeys, person: NewPerson, server_links: list[bytes], body: bytes
) -> None:
    kept = profile.kept
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


def _give_up(profile: Profile) -> None:
    """Nothing of it was taken: the profile is empty again."""
    kept = profile.kept
    kept.identity, kept.pending = None, None
    kept.chains.clear()
    profile.save()


async def _closing_on_error(transport: Transport, work: Awaitable[Answer]) -> Answer:
    try:
        return await work
    except BaseException:
        await transport.close()
        raise


def _encode(body: msgspec.Struct) -> bytes:
    return msgspec.json.encode(body, enc_hook=enc_hook)


def _device_time(clock: Clock | None) -> int:
    return milliseconds((clock or SystemClock()).now())
