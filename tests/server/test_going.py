"""Who goes out of a thread, by their own word, the owner's or the clock's (tep.md §5.4, A-5, A-6)."""

from dataclasses import replace
from datetime import timedelta

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.receipts import parse_receipt
from etherapy.tep.statements import State, Status, StatusReason
from tests.server.asking import Ask
from tests.server.clinic import MORNING, ORIGIN, Clinic
from tests.server.company import Company, ask, changes, company_of, couple, link_device, send
from tests.server.matrix import plant
from tests.server.people import log_in, seal

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"


async def states(clinic: Clinic, mid: bytes) -> tuple[str, bytes | None]:
    """Where a message stands, and the Status that says so."""
    row = await clinic.operate.fetchrow("SELECT state, status FROM message WHERE mid = $1", mid)
    assert row is not None
    return row["state"], row["status"]


def said_by(status: bytes | None) -> Status:
    """What a Status receipt says."""
    return Status.unpack(parse_receipt(status or b"").core)


async def test_a_partner_leaves_out_nobody_and_the_owner_anybody(clinic: Clinic) -> None:
    """AT-76"""
    thread = await couple(clinic)
    for by, gone in ((PARTNER, CLIENT), (CLIENT, PARTNER), (CLIENT, THERAPIST)):
        answer = await thread.commit(by, CommitReason.USER_REMOVED, roles=thread.without(gone))
        assert (answer.status, answer.problem) == (422, "unverified"), (by, gone)
    out = thread.without(PARTNER)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201


async def test_what_waits_of_somebody_who_is_left_out_goes_back_to_them_alone(clinic: Clinic) -> None:
    """AT-91"""
    thread = await couple(clinic)
    mine = await clinic.say(PARTNER, "held", thread.talk)
    theirs = clinic.sent[f"{CLIENT} held"]
    out = thread.without(PARTNER)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201
    state, status = await states(clinic, mine.mid)
    assert state == "returned"
    said = said_by(status)
    assert (said.state, said.reason) == (State.RETURNED, StatusReason.USER_REMOVED)
    assert (said.mid, said.cause) == (mine.mid, thread.talk.commit.commit_hash)
    assert await states(clinic, theirs.mid) == ("held", None)
    await clinic.clock.turn_to(MORNING)
    await clinic.make_rounds()
    assert (await states(clinic, theirs.mid))[0] == "placed"
    assert (await states(clinic, mine.mid))[0] == "returned"


async def test_somebody_leaves_and_the_next_epoch_shuts_them_out(clinic: Clinic) -> None:
    thread = await couple(clinic)
    waiting = await clinic.say(PARTNER, "held", thread.talk)
    answer, name = await thread.leave(PARTNER)
    assert answer.status == 204
    assert (await states(clinic, waiting.mid))[0] == "returned"
    assert (await ask(thread, PARTNER, endpoints.read_page)).status == 404
    sealed = seal(thread.talk, thread.person(CLIENT), "to somebody who has gone")
    refused = await send(thread, CLIENT, sealed.envelope)
    assert (refused.status, refused.problem) == (409, "stale-epoch")
    assert (await thread.commit(PARTNER)).status == 404
    assert (await thread.commit(CLIENT)).status == 422
    out = thread.without(PARTNER)
    assert (await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=out)).status == 422
    done = await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=out, names=[name])
    assert done.status == 201, done
    sealed = seal(thread.talk, thread.person(CLIENT), "among ourselves")
    assert (await send(thread, CLIENT, sealed.envelope)).status == 200
    people = await thread.call(CLIENT, endpoints.read_people)
    assert len(people.leaves) == 1 and sum(one.ended_at is not None for one in people.members) == 1


async def test_the_same_leave_again_changes_nothing_and_the_owner_cannot_leave(clinic: Clinic) -> None:
    thread = await couple(clinic)
    whole = thread.leave_of(PARTNER)
    assert (await thread.leave(PARTNER, whole))[0].status == 204
    again, _ = await thread.leave(PARTNER, whole)
    assert (again.status, dict(again.headers)["Etherapy-Repeated"]) == (204, "true")
    assert (await thread.leave(PARTNER))[0].status == 404
    assert (await thread.leave(THERAPIST))[0].status == 422
    assert (await thread.leave(CLIENT, whole))[0].status == 422


async def test_whoever_left_may_be_let_in_again_and_reads_from_there(clinic: Clinic) -> None:
    thread = await couple(clinic)
    _, name = await thread.leave(PARTNER)
    out = thread.without(PARTNER)
    await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=out, names=[name])
    assert (await thread.bring_in(CLIENT, PARTNER, Role.CLIENT)).status == 201
    page = await thread.call(PARTNER, endpoints.read_page)
    assert [item.item is None for item in page.items] == [False]
    assert (await thread.commit(CLIENT)).status == 201


async def test_a_cover_ends_by_itself_and_is_left_out_by_anybody(clinic: Clinic, thread: Company) -> None:
    """AT-97"""
    until = clinic.now + timedelta(hours=8)
    done = await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST, until=until)
    assert done.status == 201, done
    await clinic.clock.turn_to(until)
    assert (await thread.commit(CLIENT)).status == 422
    sealed = seal(thread.talk, thread.person(CLIENT), "into the old roster")
    refused = await send(thread, CLIENT, sealed.envelope)
    assert (refused.status, refused.problem) == (409, "stale-epoch")
    alone = {CLIENT: Role.CLIENT}
    assert (await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=alone)).status == 422
    out = thread.without(COLLEAGUE)
    assert (await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=out)).status == 201
    assert (
        await send(thread, CLIENT, seal(thread.talk, thread.person(CLIENT), "now").envelope)
    ).status == 200


async def test_the_worker_marks_what_ran_out_gives_back_and_tells_the_others(
    clinic: Clinic, thread: Company
) -> None:
    until = clinic.now + timedelta(hours=8)
    await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST, until=until)
    waiting = await clinic.say(COLLEAGUE, "something", thread.talk)
    await clinic.execute(
        "UPDATE message SET state = 'held', n = NULL, placed_at = NULL, release_at = NULL"
        f" WHERE mid = '{waiting.mid.hex()}'"
    )
    cursor = (await changes(thread, CLIENT)).cursor
    await clinic.make_rounds()
    assert not (await changes(thread, CLIENT, cursor)).threads
    await clinic.clock.turn_to(until)
    await clinic.make_rounds()
    assert len((await changes(thread, CLIENT, cursor)).threads) == 1
    state, status = await states(clinic, waiting.mid)
    assert state == "returned"
    assert said_by(status).cause == thread.talk.commit.core.consents[0]
    ended = await clinic.operate.fetchval("SELECT ended_at FROM member WHERE until IS NOT NULL")
    assert ended == until


async def test_a_thread_whose_owner_has_gone_can_be_read_and_nothing_more(clinic: Clinic) -> None:
    """What the client had waiting goes back: nobody is left to answer it."""
    thread = await couple(clinic)
    owner = thread.owner
    waiting = seal(thread.talk, thread.person(CLIENT), "until tomorrow")
    assert (await send(thread, CLIENT, waiting.envelope)).status == 200
    link = linking.close_chain(owner.chain, owner.keys.sign, milliseconds(clinic.now))
    body = Ask("POST", endpoints.add_link.path, body=AddLink(B64(link)))
    assert (await clinic.line.ask(body, owner.token)).status == 201
    clinic.settle(replace(owner, links=(*owner.links, link)))
    out = thread.without(THERAPIST)
    assert (await thread.commit(CLIENT, CommitReason.USER_REMOVED, roles=out)).status == 201
    refused = await send(thread, CLIENT, seal(thread.talk, thread.person(CLIENT), "hello?").envelope)
    assert (refused.status, refused.problem) == (409, "thread-closed")
    assert (await ask(thread, CLIENT, endpoints.read_page)).status == 200
    state, status = await states(clinic, waiting.mid)
    assert (state, said_by(status).reason) == ("returned", StatusReason.THREAD_CLOSED)


async def test_a_narrowing_leaves_a_device_out_until_its_chain_moves_on(clinic: Clinic) -> None:
    """AT-76: only its own people and the owner may, and it gets nothing meanwhile."""
    thread = company_of(clinic)
    linked, tablet = await link_device(clinic, CLIENT)
    assert linked.status == 201
    assert (await thread.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    clinic.settle(await log_in(clinic.line, ORIGIN, replace(tablet, name="A.tablet_client")))
    waiting = await clinic.say("A.tablet_client", "held", thread.talk)
    chain = thread.person(CLIENT).chain
    without = {chain.chain_id: {one.device_id for one in chain.active()} - {tablet.keys.device_id}}
    await clinic.clock.turn_to(clinic.now + timedelta(minutes=1))
    cursor = (await changes(thread, "A.tablet_client")).cursor
    assert (await thread.commit(CLIENT, CommitReason.REQUEST, kept=without)).status == 422
    narrowed = await thread.commit(CLIENT, CommitReason.NARROWING, kept=without)
    assert narrowed.status == 201, narrowed
    state, status = await states(clinic, waiting.mid)
    assert state == "returned"
    assert said_by(status).reason == StatusReason.DEVICE_REMOVED
    assert (await thread.commit(THERAPIST)).status == 201
    assert (await ask(thread, "A.tablet_client", endpoints.read_page)).status == 404
    assert not (await changes(thread, "A.tablet_client", cursor)).threads
    assert (await link_device(clinic, CLIENT))[0].status == 201
    assert (await thread.commit(THERAPIST, CommitReason.DEVICE_ADDED)).status == 201
    assert (await ask(thread, "A.tablet_client", endpoints.read_page)).status == 200


async def test_one_client_cannot_leave_out_a_device_of_the_other(clinic: Clinic) -> None:
    """AT-76"""
    thread = await couple(clinic)
    _, tablet = await link_device(clinic, CLIENT)
    assert (await thread.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    chain = thread.person(CLIENT).chain
    without = {chain.chain_id: {one.device_id for one in chain.active()} - {tablet.keys.device_id}}
    refused = await thread.commit(PARTNER, CommitReason.NARROWING, kept=without)
    assert (refused.status, refused.problem) == (422, "unverified")
    assert (await thread.commit(THERAPIST, CommitReason.NARROWING, kept=without)).status == 201


async def test_what_is_due_is_placed_though_no_membership_can_be_ended(
    clinic: Clinic, thread: Company
) -> None:
    """G6: the worker's three tasks in a practice do not wait for each other."""
    await plant(clinic.operate, "read_lapsed", "RETURN QUERY", "PERFORM 1 / 0; RETURN QUERY")
    await clinic.clock.turn_to(MORNING)
    await clinic.make_rounds()
    assert (await states(clinic, clinic.sent[f"{CLIENT} held"].mid))[0] == "placed"


async def test_a_device_that_is_left_out_is_told_alike_whatever_the_server_remembers(clinic: Clinic) -> None:
    """AT-76: sending is refused as for no thread at all, right after somebody else's message as well."""
    thread = company_of(clinic)
    _, tablet = await link_device(clinic, CLIENT)
    assert (await thread.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    tablet = clinic.settle(await log_in(clinic.line, ORIGIN, replace(tablet, name="A.tablet_client")))
    chain = thread.person(CLIENT).chain
    without = {chain.chain_id: {one.device_id for one in chain.active()} - {tablet.keys.device_id}}
    by_tablet = seal(thread.talk, tablet, "sealed before")
    await clinic.clock.turn_to(clinic.now + timedelta(minutes=1))
    assert (await thread.commit(CLIENT, CommitReason.NARROWING, kept=without)).status == 201
    by_phone = seal(thread.talk, thread.person(CLIENT), "sealed by the phone")
    for _ in range(2):
        for sealed in (by_tablet, by_phone):
            answer = await send(thread, "A.tablet_client", sealed.envelope)
            assert (answer.status, answer.problem) == (404, "no-such-thread")
        known = seal(thread.talk, thread.person(CLIENT), "from the phone")
        assert (await send(thread, CLIENT, known.envelope)).status == 200
