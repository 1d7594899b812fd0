"""Back on a fresh device with nothing but the recovery code (tep.md §5.9; A-15.7).

The code-made device logs in, brings the new device into the chain, and opens what was sealed to it; the new
device begins an epoch in each thread. Interrupted, it is simply done again. The code is kept nowhere.
"""

from typing import TypeVar, overload

from etherapy.binary import B64
from etherapy.clock import Clock
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import DeviceRevoked, DeviceTaken, LoginFailed, StaleChain
from etherapy.protocol.threads import SyncQuery
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.connection import Connection
from etherapy.sdk.devices.own_chain import judge, look_at_self
from etherapy.sdk.entering.way_in import fetch_server, start_over
from etherapy.sdk.faults import (
    AlreadyEnrolled,
    DeviceFault,
    NoSuchPerson,
    NotYourCode,
    Refuted,
)
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import ThreadState
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import practice_id
from etherapy.sdk.login import DeviceLogin
from etherapy.sdk.session import Session
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.granting import take_grant
from etherapy.sdk.transport import Transport
from etherapy.tep.chain import Chain
from etherapy.tep.linking import add_device
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed

Member = TypeVar("Member", bound=Connection)
_TRIES = 4


@overload
async def recover(
    origin: str,
    practice: bytes | str,
    code: str,
    profile: Profile,
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> Session: ...
@overload
async def recover(
    origin: str,
    practice: bytes | str,
    code: str,
    profile: Profile,
    kind: type[Member],
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> Member: ...
async def recover(
    origin: str,
    practice: bytes | str,
    code: str,
    profile: Profile,
    kind: type[Connection] = Session,
    *,
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> Connection:
    """One's whole history on a fresh device. `practice` is its id, as bytes or base64url text.

    BadCode for a typing mistake, before anything is sent. NoSuchPerson, AlreadyEnrolled, WrongServer,
    Refuted. Repeat it with the same profile after Unreachable.

        me = await recover("https://therapy.example", practice, "ABCD-…", Profile.open(place))
    """
    asleep = RecoveryCode.parse(code).keys()
    if profile.enrolled:
        raise AlreadyEnrolled("this profile belongs to somebody already")
    transport = transport or Transport(origin.rstrip("/"))
    try:
        place = practice_id(practice)
        await _begin(transport, place, asleep, profile, clock)
        session = kind(profile, transport, clock)
        if isinstance(session, Session):
            await _open_history(session, asleep)
        profile.identity.account = bytes((await session.whoami()).account)
        profile.kept.known_seq = (await look_at_self(session)).chain.seq
        profile.save()
        if isinstance(session, Session):
            await session.check_logs()
    except BaseException:
        await transport.close()
        raise
    return session


async def _begin(
    transport: Transport, practice: bytes, asleep: DeviceKeys, profile: Profile, clock: Clock | None
) -> None:
    """Log in as the code-made device and bring the new device into the chain, once.

    Keys from an attempt that was somebody else's, or that are out or taken, are thrown away: nothing was ever
    sealed to them that this person could read.
    """
    _, links = await fetch_server(transport)
    kept = profile.kept
    unfinished = kept.pending is not None or kept.linking is not None
    if kept.identity is None or kept.identity.practice != practice or unfinished:
        start_over(profile, transport, practice, links)
    chain = await _whose(_as_device(profile, transport, clock, asleep))
    if profile.identity.chain not in (b"", chain):
        start_over(profile, transport, practice, links)
    profile.identity.chain = chain
    profile.save()
    for left in reversed(range(_TRIES)):
        try:
            if await _is_in(_as_device(profile, transport, clock, asleep), asleep):
                return
        except StaleChain:
            if not left:
                raise
        except DeviceTaken:
            if not left:
                raise
            start_over(profile, transport, practice, links)
            profile.identity.chain = chain
    raise Refuted(Finding(kind=Kind.CHAIN, words="the new device is not in the chain that was shown"))


async def _is_in(helper: Connection, asleep: DeviceKeys) -> bool:
    """Whether the new device is in the chain as the server shows it; it is brought in where it is not."""
    new, chain = helper.profile.identity.device_keys, helper.profile.identity.chain
    person = await helper.people.look(chain, await helper.now())
    _check_mine(person.chain, asleep)
    helper.profile.save()
    known = person.chain.devices.get(new.device_id)
    if known is not None:
        if not known.active:
            raise DeviceTaken()  # it was one of theirs once
        return True
    at = milliseconds(helper.clock.now())
    link = add_device(person.chain, asleep.sign, new.sign, new.hpke.public, DeviceClass.CLI, at)
    judge(person.chain, link, await helper.now())
    await helper.transport.call(endpoints.add_link, AddLink(B64(link)))
    return False


async def _whose(helper: Connection) -> bytes:
    """The chain that the code belongs to."""
    try:
        return bytes((await helper.whoami()).chain)
    except DeviceRevoked:
        raise NotYourCode("this recovery code was replaced by a newer one") from None
    except LoginFailed:
        raise NoSuchPerson("nobody in this practice has this recovery code") from None


def _as_device(profile: Profile, transport: Transport, clock: Clock | None, keys: DeviceKeys) -> Connection:
    """The same person and place, speaking as another device of theirs."""
    return Connection(profile, transport, clock, keys=keys)


def _check_mine(chain: Chain, asleep: DeviceKeys) -> None:
    """The code-made device signed its own entry into this chain, which nobody else could."""
    device = chain.devices.get(asleep.device_id)
    if device is None or not device.active or device.hpke_pk != asleep.hpke.public:
        raise Refuted(Finding(kind=Kind.CHAIN, words="the chain that was shown is not that of this code"))


async def _open_history(session: Session, asleep: DeviceKeys) -> None:
    """Read every thread with the code's keys, and take a seat in it with the device's own."""
    after, threads = 0, dict[bytes, int]()
    while True:
        changes = await session.transport.call(endpoints.read_changes, query=SyncQuery(after))
        if not changes.threads:
            break
        threads |= {bytes(one.thread): one.role for one in changes.threads}
        after = changes.cursor
    for thread, role in threads.items():
        state = session.profile.thread(thread) or ThreadState(thread=thread)
        state.role = role
        desk = ThreadDesk(session, state, helpers=(asleep,))
        await desk.catch_up()
        if desk.log.epochs.closed:
            await _take_grants(desk, asleep)
        desk.tell()
        session.profile.save_thread(desk.state)
        try:
            await settle_epoch(desk, age=0)
            await desk.follow_rules()
        except (DeviceFault, Problem, Malformed):
            continue  # shown as a finding, and where somebody writes: one thread keeps no other back
    session.profile.kept.cursor = after
    session.profile.save()


async def _take_grants(desk: ThreadDesk, asleep: DeviceKeys) -> None:
    """Open the epochs from before this code was made: its predecessor's owner gave them to it."""
    session = desk.link
    session.transport.tokens = DeviceLogin(session.transport, session.practice, asleep)
    try:
        answer = await session.transport.call(endpoints.read_grants, thread=desk.thread)
    finally:
        session.transport.tokens = session.login
    for one in answer.grants:
        session.note(take_grant(desk, bytes(one), asleep))
    await desk.read_anew()
