"""Whoever is out of a thread gets nothing of it, on any path, from that minute on (G11; A-5, A-6)."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from etherapy.binary import Hash32
from etherapy.protocol import endpoints
from etherapy.tep.epoch import CommitReason, Role
from tests.server.asking import Ask
from tests.server.asks import WHOLE_TABLE, make, own
from tests.server.clinic import ORIGIN, Clinic
from tests.server.company import Company, changes, company_of, link_device
from tests.server.expectations import ROWS
from tests.server.matrix import fingerprint
from tests.server.people import log_in

CLIENT, THERAPIST, COLLEAGUE, TABLET = "A.client", "A.therapist", "A.other_therapist", "A.tablet_client"

OWN_WORDS = frozenset({"read_waiting"})
"""What somebody sent and got back is theirs for thirty days, wherever they are (A-4)."""


async def left(thread: Company) -> str:
    assert (await thread.leave(CLIENT))[0].status == 204
    return CLIENT


async def left_out(thread: Company) -> str:
    out = thread.without(CLIENT)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201
    return CLIENT


async def cover_over(thread: Company) -> str:
    until = thread.clinic.now + timedelta(hours=1)
    done = await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST, until=until)
    assert done.status == 201, done
    await thread.clinic.clock.turn_to(until)
    return COLLEAGUE


async def device_left_out(thread: Company) -> str:
    _, tablet = await link_device(thread.clinic, CLIENT)
    assert (await thread.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    thread.clinic.settle(await log_in(thread.clinic.line, ORIGIN, replace(tablet, name=TABLET)))
    chain = thread.person(CLIENT).chain
    kept = {chain.chain_id: {one.device_id for one in chain.active()} - {tablet.keys.device_id}}
    assert (await thread.commit(CLIENT, CommitReason.NARROWING, kept=kept)).status == 201
    return TABLET


WAYS_OUT: list[Callable[[Company], Awaitable[str]]] = [left, left_out, cover_over, device_left_out]


@pytest.mark.parametrize("way_out", WAYS_OUT)
async def test_nothing_of_a_thread_is_told_to_whoever_is_out_of_it(
    clinic: Clinic, way_out: Callable[[Company], Awaitable[str]]
) -> None:
    """AT-98: every route with a thread in its path that is open to their role at all."""
    thread = company_of(clinic)
    name = await way_out(thread)
    who = thread.person(name)
    mine = replace(
        own(clinic, who),
        thread=thread.talk.thread,
        inner_thread=thread.talk.thread,
        commit_hash=os.urandom(32),
        mid=os.urandom(16),
        item_hash=os.urandom(32),
    )
    before = await fingerprint(clinic.operate, who.practice)
    asked = [
        one
        for one in sorted(ROWS)
        if "thread" in WHOLE_TABLE[one].parameters and ROWS[one].good[who.role] != 403
    ]
    assert len(asked) > 15
    for each in asked:
        made = await make(clinic, each, who, mine)
        answer = await clinic.line.ask(made.ask, who.token)
        if each in OWN_WORDS and answer.status == 200:
            assert all(one["state"] == "returned" for one in answer.json()["messages"])
        else:
            assert answer.status == 404, (each, answer)
    after = await fingerprint(clinic.operate, who.practice)
    assert {one for one in before if before[one] != after[one]} <= {
        "consent",
        "consent_signature",
        "feed",
        "member",
    }


@pytest.mark.parametrize("way_out", WAYS_OUT)
async def test_no_sync_and_no_chain_tells_that_a_thread_goes_on(
    clinic: Clinic, way_out: Callable[[Company], Awaitable[str]]
) -> None:
    thread = company_of(clinic)
    name = await way_out(thread)
    if name == TABLET:
        await clinic.say(THERAPIST, "onward", thread.talk)
    await clinic.make_rounds()
    listed = [one.thread for one in (await changes(thread, name)).threads]
    assert thread.talk.thread not in listed
    if name == CLIENT:
        path = endpoints.read_chain.fill({"chain": Hash32(thread.owner.chain.chain_id)})
        assert (await clinic.line.ask(Ask("GET", path), thread.person(name).token)).status == 404
    if name == COLLEAGUE:
        inbox = await clinic.line.call(endpoints.read_inbox, token=thread.person(name).token)
        assert thread.talk.thread not in [one.thread for one in inbox.turns]
