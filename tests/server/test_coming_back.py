"""Whoever comes later, or again, learns nothing of who came and went before (tep_amendments.md A-3, A-6)."""

from etherapy.protocol import endpoints
from etherapy.protocol.membership import ThreadPeople
from etherapy.tep.consent import consent_hash
from etherapy.tep.epoch import CommitReason, Role
from tests.server.clinic import Clinic
from tests.server.company import Company, couple

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"


async def go(thread: Company, name: str) -> None:
    """Somebody leaves, and the next epoch is without them."""
    _, leave = await thread.leave(name)
    done = await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=thread.without(name), names=[leave])
    assert done.status == 201, done


async def come(thread: Company, name: str, role: int) -> bytes:
    """Somebody comes without the history; the consent that brought them."""
    core = thread.consent(name, role)
    await thread.agree(core)
    roles = {**thread.roles, name: role}
    done = await thread.commit(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[consent_hash(core)])
    assert done.status == 201, done
    return core


async def people(thread: Company, by: str) -> ThreadPeople:
    found: ThreadPeople = await thread.call(by, endpoints.read_people)
    return found


async def test_a_leave_that_was_carried_out_is_shown_to_those_who_were_there(clinic: Clinic) -> None:
    """AT-98: whoever came after it would want to leave out somebody who is back by everybody's consent."""
    thread = await couple(clinic)
    await go(thread, PARTNER)
    back = await come(thread, PARTNER, Role.CLIENT)
    last = await come(thread, COLLEAGUE, Role.CO_THERAPIST)
    assert {name: len((await people(thread, name)).leaves) for name in thread.roles} == {
        THERAPIST: 1,
        CLIENT: 1,
        PARTNER: 0,
        COLLEAGUE: 0,
    }
    for late in (PARTNER, COLLEAGUE):
        assert {bytes(one.core) for one in (await people(thread, late)).consents} == {back, last}
    assert len((await people(thread, CLIENT)).consents) == 3
    assert (await thread.commit(COLLEAGUE)).status == 201


async def test_a_leave_that_waits_is_shown_to_everybody(clinic: Clinic) -> None:
    thread = await couple(clinic)
    await come(thread, COLLEAGUE, Role.CO_THERAPIST)
    _, name = await thread.leave(PARTNER)
    assert len((await people(thread, COLLEAGUE)).leaves) == 1
    out = thread.without(PARTNER)
    done = await thread.commit(COLLEAGUE, CommitReason.USER_REMOVED, roles=out, names=[name])
    assert done.status == 201, done
    assert len((await people(thread, COLLEAGUE)).leaves) == 1  # this one they saw carried out


async def test_who_came_and_went_before_is_nobody_to_whom_comes_later(clinic: Clinic) -> None:
    thread = await couple(clinic)
    gone = thread.person(PARTNER).chain.chain_id
    await go(thread, PARTNER)
    await come(thread, COLLEAGUE, Role.CO_THERAPIST)
    seen = await people(thread, COLLEAGUE)
    assert gone not in {one.chain for one in seen.members} | {one.chain for one in seen.admissions}
    assert len(seen.consents) == 1
    known = await people(thread, CLIENT)
    assert gone in {one.chain for one in known.members} & {one.chain for one in known.admissions}
