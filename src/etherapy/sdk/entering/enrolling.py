"""Getting in as a member of staff, by a one-use link (tep_amendments.md A-15.6)."""

from typing import TypeVar, overload

import msgspec

from etherapy.binary import B64, dec_hook
from etherapy.clock import Clock
from etherapy.crypto.invitation import LinkKeys, staff_keys
from etherapy.protocol import endpoints
from etherapy.protocol.people import Enrol
from etherapy.protocol.problems import DeviceTaken, NoSuchLink
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering.joining import join
from etherapy.sdk.entering.way_in import (
    begin_way,
    closing_on_error,
    device_time,
    encode_body,
    fetch_server,
    finish_way,
    give_up,
    new_person,
    resumes,
)
from etherapy.sdk.faults import WrongServer
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import WayIn, read_link
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Transport
from etherapy.tep.invite import staff_accept_bytes

__all__ = ["enrol", "join"]

Member = TypeVar("Member", bound=Connection)


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
    return await closing_on_error(transport, _enrol(way, keys, profile, kind, clock, transport))


async def _enrol(
    way: WayIn,
    keys: LinkKeys,
    profile: Profile,
    kind: type[Member],
    clock: Clock | None,
    transport: Transport,
) -> tuple[Member, str]:
    resumed = resumes(profile, keys.lookup_id)
    if not resumed:
        server, links = await fetch_server(transport)
        if server.server_id != way.pinned:
            raise WrongServer("the server is not the one that this link is for")
        person = new_person(device_time(clock))
        signature = keys.signing.sign(staff_accept_bytes(person.chain.chain_id))
        body = Enrol([B64(one) for one in person.links], B64(signature))
        begin_way(profile, way, keys, person, links, encode_body(body))
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
            give_up(profile)
            raise
    session = kind(profile, transport, clock)
    code = await finish_way(session, pending)
    return session, code
