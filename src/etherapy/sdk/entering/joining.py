"""Getting in by an invitation, at any hour and alone (tep_amendments.md A-10, A-15.4).

It opens a thread at once; or it leads to a consent, where there is a thread already and others have to agree.
"""

from os import urandom

import msgspec

from etherapy.binary import B64, dec_hook
from etherapy.clock import Clock
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import LinkKeys, invitation_keys
from etherapy.protocol import endpoints
from etherapy.protocol.door import Unavailable
from etherapy.protocol.invitations import Invitation, Join, Joined
from etherapy.protocol.membership import AcceptMembership
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.protocol.problems import DeviceTaken, InvitationSpent, StaleChain
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering.invitation_check import Checked, check_invitation
from etherapy.sdk.entering.way_in import (
    NewPerson,
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
from etherapy.sdk.faults import DeviceFault, Refuted
from etherapy.sdk.keeping.kept import ThreadState
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import WayIn, read_link
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Transport
from etherapy.sdk.verifying.spine import Pin
from etherapy.tep.charter import sign_charter
from etherapy.tep.epoch import CommitReason, Role, parse_commit
from etherapy.tep.invite import InviteAccept, parse_accept, sign_accept
from etherapy.tep.placing import thread_start

_TRIES = 3


async def join(
    link: str, profile: Profile, *, clock: Clock | None = None, transport: Transport | None = None
) -> tuple[Session, bytes, str]:
    """Come in by an invitation, at any hour: the session, the thread, and the recovery code.

    Everything is verified before anything is sealed: the link pins invitation, therapist, server, charter and
    log. Show the code once and keep it nowhere. Repeat with the same link and profile after Unreachable. Into
    a thread that others have already one comes when all of them agreed: it is there after some `sync`.

        me, thread, code = await join(link, Profile.open(place))
        await me.send(thread, "Hello")
    """
    way = read_link(link, "client")
    keys = invitation_keys(way.secret)
    transport = transport or Transport(way.origin)
    return await closing_on_error(transport, _join(way, keys, profile, clock, transport))


async def _join(
    way: WayIn, keys: LinkKeys, profile: Profile, clock: Clock | None, transport: Transport
) -> tuple[Session, bytes, str]:
    joined: Joined | None = None
    for left in reversed(range(_TRIES)):
        resumed = resumes(profile, keys.lookup_id)
        try:
            if not resumed:
                await _prepare_joining(way, keys, profile, clock, transport)
            joined = await _upload_joining(way, keys, profile, transport)
        except (Unavailable, Unexpected):
            raise  # it may have arrived: what was made is kept
        except (InvitationSpent, DeviceTaken):
            if not resumed:
                give_up(profile)
                raise
        except StaleChain:
            give_up(profile)
            if not left:
                raise
            continue
        except (Problem, DeviceFault):
            if not resumed:
                give_up(profile)
            raise
        break
    return await _enter_thread(profile, clock, transport, joined)


async def _prepare_joining(
    way: WayIn, keys: LinkKeys, profile: Profile, clock: Clock | None, transport: Transport
) -> None:
    """Fetch and verify everything, then make chain, answer, signature and epoch 0, and keep them."""
    server, links = await fetch_server(transport)
    answer = await transport.call(endpoints.read_invitation, practice=way.practice, lookup=keys.lookup_id)
    person = new_person(device_time(clock))
    begin_way(profile, way, keys, person, links, b"")
    link = Connection(profile, transport, clock)
    checked = await check_invitation(link, way, keys, server, answer)
    pending = profile.kept.pending
    assert pending is not None
    if answer.opens:
        body, pending.thread = _make_joining(person, keys, checked, answer, link)
        pending.body = encode_body(body)
    else:
        asking, pending.thread = _make_answer(person, keys, checked, answer)
        pending.body = encode_body(asking)
    profile.save()


def _sign_accept(person: NewPerson, keys: LinkKeys, checked: Checked) -> bytes:
    client = person.chain
    return sign_accept(
        InviteAccept(checked.invite.invite_hash, client.chain_id, client.seq, client.head, urandom(16)),
        person.keys.sign,
        keys.signing,
    )


def _make_answer(
    person: NewPerson, keys: LinkKeys, checked: Checked, answer: Invitation
) -> tuple[AcceptMembership, ThreadState]:
    """What somebody hands in who asks to come into a thread that is there."""
    terms = checked.invite.invite
    state = ThreadState(
        thread=terms.thread,
        role=terms.role,
        owner=terms.therapist,
        owner_name=answer.therapist_name,
        invitation=bytes(answer.invite),
    )
    body = AcceptMembership(
        links=[B64(one) for one in person.links],
        accept=B64(_sign_accept(person, keys, checked)),
        charter_signature=B64(sign_charter(answer.charter, person.keys.sign)),
    )
    return body, state


def _make_joining(
    person: NewPerson, keys: LinkKeys, checked: Checked, answer: Invitation, link: Connection
) -> tuple[Join, ThreadState]:
    terms, client = checked.invite.invite, person.chain
    accept = _sign_accept(person, keys, checked)
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


async def _upload_joining(
    way: WayIn, keys: LinkKeys, profile: Profile, transport: Transport
) -> Joined | None:
    """Hand in what was made; None for an answer that has still to be agreed to."""
    pending = profile.kept.pending
    assert pending is not None
    if pending.thread is not None and pending.thread.invitation:
        asking = msgspec.json.decode(pending.body, type=AcceptMembership, dec_hook=dec_hook)
        await transport.call(
            endpoints.accept_membership, asking, practice=way.practice, lookup=keys.lookup_id
        )
        return None
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
    code = await finish_way(session, pending)
    if pending.thread.invitation:
        return session, thread, code
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
