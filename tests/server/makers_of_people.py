"""Requests about who is in a thread: consents, leaves, grants, invitations into it."""

import os
from typing import Any

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.membership import GiveHistory, LeaveThread
from etherapy.rules.calendar import milliseconds
from etherapy.tep.consent import Consent
from etherapy.tep.epoch import Role
from etherapy.tep.grant import SEALING_BYTES, Grant, pack_grant, pack_secrets
from etherapy.tep.leaving import Leave, sign_leave
from tests.server.clinic import Clinic
from tests.server.company import acceptance, company_of, signature
from tests.server.named import Made, Named, fill_in, maker, talk_of
from tests.server.people import Somebody, somebody


@maker
async def accept_membership(clinic: Clinic, who: Somebody, named: Named) -> Made:
    letter = who.name[0]
    offer = await company_of(clinic, f"{letter}.client").leave_invitation()
    body = acceptance(offer, somebody(f"{letter}.new_relative", who.practice, clinic.now))
    place: dict[str, Any] = {
        "practice": named.practice or who.practice,
        "lookup": named.lookup or offer.lookup,
    }
    return Made(fill_in(endpoints.accept_membership, named, body, **place))


@maker
async def sign_consent(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """A client signs what the therapist proposed: that a colleague comes in."""
    talk = talk_of(clinic, who)
    owner, letter = clinic.people[talk.therapist], who.name[0]
    colleague = (
        f"{letter}.therapist" if owner.name.endswith("other_therapist") else f"{letter}.other_therapist"
    )
    core = Consent(
        named.inner_thread,
        clinic.people[colleague].chain.chain_id,
        Role.CO_THERAPIST,
        False,
        milliseconds(clinic.now),
        0,
        os.urandom(16),
        talk.home,
    ).pack()
    if named.inner_thread == talk.thread and who.name == talk.client:
        await clinic.line.call(
            endpoints.sign_consent, signature(owner, core), token=owner.token, thread=talk.thread
        )
    return Made(fill_in(endpoints.sign_consent, named, signature(who, core)))


@maker
async def leave_thread(clinic: Clinic, who: Somebody, named: Named) -> Made:
    talk, at = talk_of(clinic, who), milliseconds(clinic.now)
    leave = Leave(named.inner_thread, who.chain.chain_id, who.keys.device_id, at, os.urandom(16), talk.home)
    return Made(fill_in(endpoints.leave_thread, named, LeaveThread(B64(sign_leave(leave, who.keys.sign)))))


@maker
async def give_history(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """Epoch 0 for the other one's device; what is sealed is nothing that the server could look into."""
    talk = talk_of(clinic, who)
    peer = clinic.people[talk.therapist if who.name == talk.client else talk.client]
    core = Grant(named.inner_thread, named.device, peer.keys.device_id, (0,), os.urandom(16)).pack()
    blob = os.urandom(SEALING_BYTES + len(pack_secrets({0: bytes(32)})))
    grant = pack_grant(core, blob, who.keys.sign)
    return Made(fill_in(endpoints.give_history, named, GiveHistory([B64(grant)])))
