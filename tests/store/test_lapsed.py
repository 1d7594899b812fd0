"""Whose time in a thread ran out takes a device out before the worker has marked the end (A-5, A-6)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.database import Database
from etherapy.store.devices import ChainStep, Devices, Grown
from etherapy.store.due import Due
from etherapy.store.membership import Membership
from etherapy.store.messages import Acceptance
from etherapy.store.people import NewLink
from tests.postgres_fixture import Store
from tests.store.furnish import Room, Who, furnish, leaf
from tests.store.test_locks import THREAD, holding
from tests.store.test_membership import cover

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
UNTIL = NIGHT + timedelta(hours=9)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


async def held_by(room: Room, who: Who, release_at: datetime) -> Acceptance:
    """A message of the cover's that waits."""
    roster = await Membership(room.database).roster(who, NIGHT, room.thread, 0)
    message = await room.attempt(NIGHT, who=who, release_at=release_at)
    message = replace(message, epoch=roster.epoch, commit_hash=roster.commit_hash)
    assert (await room.threads.accept(who, NIGHT, message)).outcome == "accepted"
    return message


async def revoke(room: Room, who: Who, now: datetime, *mids: bytes) -> Grown:
    link = NewLink(urandom(64), urandom(155), urandom(16), urandom(80))
    step = ChainStep(
        3, 1, urandom(32), link, now, leaf(), None, [who.device], mids, [urandom(187) for _ in mids]
    )
    return await Devices(room.database).grow(who, now, step)


async def test_what_fell_due_there_does_not_keep_a_device_in(room: Room) -> None:
    """AT-98: a stolen phone is out at once, whatever stands in a thread where its owner covered."""
    who = await cover(room, UNTIL)
    await held_by(room, who, UNTIL - MINUTE)
    assert (await revoke(room, who, UNTIL)).outcome == "moved"  # what is due is placed first
    assert (await revoke(room, who, UNTIL)).outcome == "added"
    assert (await room.facts(UNTIL)).last_n == 4


async def test_what_waits_there_goes_back_once(store: Store, room: Room) -> None:
    """The worker that marks the end and the link that takes the device out look at it one after the other."""
    who = await cover(room, UNTIL)
    message = await held_by(room, who, UNTIL + MINUTE)
    due = Due(room.database)
    async with holding(store, THREAD, room.thread) as turnstile:
        ending = await turnstile.queue(
            due.end_membership(
                room.practice, UNTIL, room.thread, who.account, [message.mid], [urandom(187)], leaf()
            )
        )
        revoking = await turnstile.queue(revoke(room, who, UNTIL, message.mid))
    assert set(await ending) == {room.client.account, room.therapist.account}
    assert (await revoking).outcome == "moved"
    assert (await revoke(room, who, UNTIL)).outcome == "added"


async def test_what_their_time_did_not_reach_is_not_placed_though_the_worker_comes_late(room: Room) -> None:
    """AT-97: whoever reads first would decide else whether somebody who is out is heard."""
    who, due, late = await cover(room, UNTIL), Due(room.database), UNTIL + 60 * MINUTE
    in_time = await held_by(room, who, UNTIL - MINUTE)
    message = await held_by(room, who, UNTIL + MINUTE)
    rows, _ = await room.threads.page(room.client, late, room.thread, 3, 100)
    assert [row.placed.item_hash for row in rows] == [in_time.item_hash]
    [row] = await due.lapsed(room.practice, late)
    assert row["mid"] == message.mid
    ended = await due.end_membership(
        room.practice, late, room.thread, who.account, [message.mid], [urandom(187)], leaf()
    )
    assert set(ended) == {room.client.account, room.therapist.account}
    [back] = await room.threads.waiting(who, late, room.thread)
    assert (back["mid"], back["state"]) == (message.mid, "returned")
