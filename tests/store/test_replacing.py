"""Replacing a message that waits, in one transaction (tep_amendments.md A-4, mode 2), against PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from os import urandom

import pytest

from etherapy.store.connection import connect
from etherapy.store.database import Database
from etherapy.store.messages import Acceptance, SentRow
from tests.postgres_fixture import Store
from tests.store.furnish import Room, ended, furnish, open_thread

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MS = timedelta(milliseconds=1)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


async def placed(room: Room, now: datetime) -> list[bytes]:
    rows, _ = await room.threads.page(room.therapist, now, room.thread, 2, 100)
    return [row.placed.item_hash for row in rows]


async def read(room: Room, now: datetime, message: Acceptance) -> SentRow | None:
    return await room.threads.message(room.client, now, room.thread, message.mid)


async def waiting(room: Room, now: datetime) -> list[bytes]:
    return [row["mid"] for row in await room.threads.waiting(room.client, now, room.thread)]


async def revoke(store: Store, device: bytes) -> None:
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    await connection.execute("UPDATE device SET revoked_at = $1 WHERE device_id = $2", NIGHT, device)
    await connection.close()


async def test_a_replacement_takes_the_place_and_the_first_time(room: Room) -> None:
    """AT-89: what was counted from stays, and whoever waits beside it waits as before."""
    first, _ = await room.send(NIGHT, release_at=MORNING)
    second, before = await room.send(NIGHT + MINUTE, release_at=MORNING)
    new, row = await room.replace(NIGHT + 2 * MINUTE, first, release_at=MORNING)
    assert (row.outcome, row.state) == ("accepted", "held")
    old = await read(room, NIGHT + 2 * MINUTE, first)
    assert old is not None and old.state == "replaced" and old.status is not None
    assert await waiting(room, NIGHT + 2 * MINUTE) == [new.mid, second.mid]
    assert await read(room, NIGHT + 2 * MINUTE, second) == replace(before, outcome="known")
    assert await placed(room, MORNING - MS) == []
    assert await placed(room, MORNING) == [new.item_hash, second.item_hash]


async def test_of_the_old_message_only_hashes_stay(room: Room, store: Store) -> None:
    first, _ = await room.send(NIGHT, release_at=MORNING)
    recall = urandom(192)
    new, _ = await room.replace(NIGHT, first, recall, release_at=MORNING)
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    row = await connection.fetchrow(
        "SELECT envelope, header_hash, recall, replaced_by, ended_at FROM message WHERE mid = $1",
        first.mid,
    )
    days = await connection.fetchval("SELECT count(*) FROM day_record WHERE practice_id = $1", room.practice)
    await connection.close()
    assert row is not None
    assert (row["envelope"], row["header_hash"]) == (None, sha256(first.envelope[:152]).digest())
    assert (row["recall"], row["replaced_by"], row["ended_at"]) == (recall, new.mid, NIGHT)
    assert days == 1


async def test_the_same_replacement_again_gets_the_first_answer(room: Room) -> None:
    first, _ = await room.send(NIGHT, release_at=MORNING)
    recall = urandom(192)
    new, done = await room.replace(NIGHT, first, recall, release_at=MORNING)
    other = replace(new, promise=urandom(259), decision=b'{"code":"at_once"}')
    again = await room.threads.replace(room.client, NIGHT, ended(NIGHT, first, recall, None), other)
    assert (again.outcome, again.promise, again.decision) == ("again", done.promise, done.decision)
    late = await room.threads.replace(room.client, MORNING, ended(MORNING, first, recall, None), other)
    assert (late.outcome, late.state) == ("again", "placed")
    _, another = await room.replace(NIGHT, first, release_at=MORNING)
    assert another.outcome == "not_held"


@pytest.mark.parametrize("wrong", ["commit_hash", "version", "device", "class", "mid", "item_hash"])
async def test_a_refused_replacement_leaves_the_old_message_untouched(room: Room, wrong: str) -> None:
    """AT-88, AT-104: nothing is stored, and the mid stays free."""
    first, _ = await room.send(NIGHT, release_at=MORNING)
    other, _ = await room.send(NIGHT, release_at=MORNING)
    before = await read(room, NIGHT, first)
    attempt = await room.attempt(NIGHT, release_at=MORNING)
    changed = {
        "commit_hash": replace(attempt, commit_hash=urandom(32)),
        "version": replace(attempt, version=attempt.version - 1),
        "device": replace(attempt, device=urandom(16)),
        "class": replace(
            attempt, envelope=first.envelope[:3] + bytes([first.envelope[3] ^ 1]) + first.envelope[4:]
        ),
        "mid": replace(attempt, mid=other.mid),
        "item_hash": replace(attempt, mid=other.mid, item_hash=other.item_hash),
    }[wrong]
    done = ended(NIGHT, first, None, None)
    row = await room.threads.replace(room.client, NIGHT, done, changed)
    outcomes = {
        "commit_hash": "stale_epoch",
        "version": "moved",
        "device": "no_seat",
        "class": "other_class",
        "mid": "mid_taken",
        "item_hash": "mid_taken",
    }
    assert row.outcome == outcomes[wrong]
    assert await read(room, NIGHT, first) == before
    assert await waiting(room, NIGHT) == [first.mid, other.mid]
    if changed.mid == attempt.mid:
        assert await read(room, NIGHT, attempt) is None
    fine = await room.threads.replace(room.client, NIGHT, done, attempt)
    assert fine.outcome == "accepted"


async def test_a_message_of_another_thread_is_not_replaced_from_here(database: Database, room: Room) -> None:
    """AT-88"""
    first, _ = await room.send(NIGHT, release_at=MORNING)
    _, thread, commit_hash = await open_thread(database, room.practice, room.therapist, NIGHT)
    there = Room(database, room.practice, room.client, room.therapist, thread, commit_hash)
    other = await room.attempt(NIGHT, release_at=MORNING, thread=thread, version=1)
    row = await room.threads.replace(room.client, NIGHT, ended(NIGHT, first, None, None), other)
    assert row.outcome == "no_message"
    assert await waiting(room, NIGHT) == [first.mid]
    assert (await there.threads.page(room.therapist, MORNING, thread, 2, 10))[0] == []


async def test_what_is_placed_or_taken_back_is_not_replaced(room: Room) -> None:
    """AT-88"""
    late, _ = await room.send(NIGHT, release_at=MORNING)
    _, row = await room.replace(MORNING, late, at_once=True)
    assert row.outcome == "already_placed" and row.placed is not None
    evening = MORNING + timedelta(hours=12)
    back, _ = await room.send(evening, release_at=evening + timedelta(hours=12))
    await room.recall(evening, back)
    _, row = await room.replace(evening, back, at_once=True)
    assert row.outcome == "not_held"
    assert await placed(room, evening) == [late.item_hash]


async def test_a_replacement_that_is_placed_at_once_is_placed_in_the_same_command(room: Room) -> None:
    """S-8: the first acceptance time stays on record."""
    first, _ = await room.send(NIGHT, release_at=MORNING)
    new, row = await room.replace(NIGHT + MINUTE, first, at_once=True)
    assert (row.outcome, row.state) == ("accepted", "placed") and row.placed is not None
    assert set(row.told) == {room.client.account, room.therapist.account}
    assert await placed(room, NIGHT + MINUTE) == [new.item_hash]
    assert await placed(room, MORNING) == [new.item_hash]


async def test_replacement_and_release_racing_leave_exactly_one_outcome(room: Room) -> None:
    """AT-86, AT-88: never both, never none."""
    for number in range(10):
        at = MORNING + timedelta(hours=number)
        old, _ = await room.send(at - MINUTE, release_at=at)
        before = len(await placed(room, at - MS))
        new = replace(await room.attempt(at - MS, release_at=at), counted_from=old.accepted_at)
        row, _ = await asyncio.gather(
            room.threads.replace(room.client, at - MS, ended(at, old, None, None), new),
            room.threads.page(room.therapist, at, room.thread, 2, 100),
        )
        found = (await placed(room, at))[before:]
        if row.outcome == "accepted":
            assert found == [new.item_hash]
        else:
            assert row.outcome in ("already_placed", "moved") and found == [old.item_hash]


async def test_two_replacements_of_one_message_leave_one(room: Room) -> None:
    old, _ = await room.send(NIGHT, release_at=MORNING)
    news = [await room.attempt(NIGHT, release_at=MORNING) for _ in range(4)]
    rows = await asyncio.gather(
        *(room.threads.replace(room.client, NIGHT, ended(NIGHT, old, None, None), new) for new in news)
    )
    assert sorted(row.outcome for row in rows) == ["accepted", "not_held", "not_held", "not_held"]
    assert len(await waiting(room, NIGHT)) == 1


async def test_a_revoked_device_neither_takes_back_nor_replaces(room: Room, store: Store) -> None:
    """Its session is gone as well; this is what it had signed before and a sibling is to hand in."""
    message, _ = await room.send(NIGHT, release_at=MORNING)
    stranger = urandom(16)
    assert (await room.recall(NIGHT, message, device=stranger)).outcome == "revoked"
    assert (await room.replace(NIGHT, message, device=stranger, release_at=MORNING))[1].outcome == "revoked"
    assert await waiting(room, NIGHT) == [message.mid]


async def test_a_transaction_that_breaks_off_between_the_halves_leaves_the_old_message(
    room: Room, store: Store
) -> None:
    """AT-88: the new half is written first; a failure of the second half takes it back."""
    message, _ = await room.send(NIGHT, release_at=MORNING)
    done = ended(NIGHT, message, None, None)
    taken = replace(done, day=replace(done.day, record_id=urandom(16)))
    first = await room.attempt(NIGHT, release_at=MORNING)
    other, _ = await room.send(NIGHT, release_at=MORNING)
    await room.threads.recall(  # the id of its record is in use from now on
        room.client,
        NIGHT,
        room.thread,
        room.client.account,
        replace(ended(NIGHT, other, None, None), day=taken.day),
    )
    first = replace(first, version=(await room.facts(NIGHT)).version)
    with pytest.raises(Exception, match="replace_message"):
        await room.threads.replace(room.client, NIGHT, taken, first)
    assert await waiting(room, NIGHT) == [message.mid]
    assert await read(room, NIGHT, first) is None
    assert await placed(room, MORNING) == [message.item_hash]
