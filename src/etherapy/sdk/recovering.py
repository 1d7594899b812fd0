"""Back on a fresh device with nothing but the recovery code (tep.md §5.9; A-15.7).

The code-made device logs in, brings the new device into the chain, and opens what was sealed to it; the new
device begins an epoch in each thread. Interrupted, it is simply done again. The code is kept nowhere.
"""

from typing import TypeVar, overload

from etherapy.binary import B64, unb64
from etherapy.clock import Clock
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.protocol.problems import LoginFailed, StaleChain
from etherapy.protocol.threads import SyncQuery
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.committing import settle_epoch
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import AlreadyEnrolled, BadLink, DeviceFault, NoSuchPerson, NotInThread, Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.kept import Identity, ThreadState
from etherapy.sdk.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.sdk.transport import Transport
from etherapy.sdk.way_in import fetch_server
from etherapy.tep.chain import Chain
from etherapy.tep.linking import add_device
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed

Member = TypeVar("Member", bound=Connection)
_TRIES = 3


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
        profile.save()
        if isinstance(session, Session):
            await session.check_logs()
    except BaseException:
        await transport.close()
        raise
    return session


def practice_id(practice: bytes | str) -> bytes:
    """A practice's 16 bytes, from its text where that is given; BadLink."""
    try:
        found = unb64(practice) if isinstance(practice, str) else practice
    except ValueError:
        found = b""
    if len(found) != 16:
        raise BadLink("this is not the id of a practice", "copy it from a link, or ask your practice")
    return found


async def _begin(
    transport: Transport, practice: bytes, asleep: DeviceKeys, profile: Profile, clock: Clock | None
) -> None:
    """Log in as the code-made device and bring the new device into the chain, once."""
    _, links = await fetch_server(transport)
    kept = profile.kept
    if kept.identity is None or kept.identity.practice != practice or kept.pending is not None:
        kept.pending = None
        kept.identity = Identity(
            origin=transport.origin,
            practice=practice,
            keys=DeviceKeys.generate().stored(),
            server_links=links,
            chain=b"",
        )
    new = kept.identity.device_keys
    helper = _as_device(profile, transport, clock, asleep)
    try:
        me = await helper.whoami()
    except LoginFailed:
        raise NoSuchPerson("nobody in this practice has this recovery code") from None
    chain = bytes(me.chain)
    kept.identity.chain = chain
    profile.save()
    for left in reversed(range(_TRIES)):
        person = await helper.people.look(chain, await helper.now())
        _check_mine(person.chain, asleep)
        profile.save()
        if new.device_id in person.chain.devices:
            return
        at = milliseconds(helper.clock.now())
        link = add_device(person.chain, asleep.sign, new.sign, new.hpke.public, DeviceClass.CLI, at)
        try:
            await transport.call(endpoints.add_link, AddLink(B64(link)))
        except StaleChain:
            if not left:
                raise
    person = await helper.people.look(chain, await helper.now())
    if new.device_id not in person.chain.devices:
        raise Refuted(Finding(kind=Kind.CHAIN, words="the new device is not in the chain that was shown"))
    profile.save()


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
        desk.tell()
        session.profile.save_thread(desk.state)
        try:
            await settle_epoch(desk, age=0)
            await desk.follow_rules()
        except (NotInThread, DeviceFault, Malformed):
            continue  # shown as a finding, and where somebody writes: one thread keeps no other back
    session.profile.kept.cursor = after
    session.profile.save()
