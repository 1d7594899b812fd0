"""What goes back to its sender, of removed people and devices, for thirty days (A-4), against PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from os import urandom

import pytest

from etherapy.store.connection import connect
from etherapy.store.database import Database
from etherapy.store.due import Due
from etherapy.store.messages import Acceptance
from tests.postgres_fixture import Store
from tests.store.furnish import Room, furnish

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
MONTH = timedelta(days=30)
MS = timedelta(milliseconds=1)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


async def give_back(
    room: Room, now: datetime, messages: Sequence[Acceptance], devices: list[bytes] | None = None
) -> bool:
    """As a command does that removes the client or some of its devices."""
    row = await room.database.call(
        "return_held",
        room.practice,
        room.thread,
        [room.client.account],
        devices,
        [message.mid for message in messages],
        [urandom(187) for _ in messages],
        now,
    )
    assert row is not None
    return bool(row[0])


async def states(room: Room, now: datetime) -> list[tuple[bytes, str, bool]]:
    rows = await room.threads.waiting(room.client, now, room.thread)
    return [(row["mid"], row["state"], row["status"] is not None) for row in rows]


async def test_the_sender_alone_sees_what_came_back_with_its_status(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    assert await give_back(room, NIGHT, [message])
    assert await states(room, NIGHT) == [(message.mid, "returned", True)]
    assert await room.threads.waiting(room.therapist, NIGHT, room.thread) == []
    rows, _ = await room.threads.page(room.therapist, MORNING, room.thread, 2, 100)
    assert rows == []
    found = await room.threads.message(room.client, MORNING, room.thread, message.mid)
    assert found is not None and (found.state, found.placed) == ("returned", None)


async def test_exactly_what_was_signed_for_goes_back_or_nothing(room: Room) -> None:
    first, _ = await room.send(NIGHT, release_at=MORNING)
    second, _ = await room.send(NIGHT, release_at=MORNING)
    assert not await give_back(room, NIGHT, [first])
    assert not await give_back(room, NIGHT, [])
    assert [state for _, state, _ in await states(room, NIGHT)] == ["held", "held"]
    assert await give_back(room, NIGHT, [second, first])
    assert [state for _, state, _ in await states(room, NIGHT)] == ["returned", "returned"]
    assert await give_back(room, NIGHT, [])


async def test_what_is_due_is_placed_and_not_given_back(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    assert not await give_back(room, MORNING, [message])
    held = await room.threads.held_of(room.client, MORNING, [room.client.account], None, None)
    assert held == []
    assert await give_back(room, MORNING, [])


async def test_only_what_the_named_devices_sent_goes_back(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    assert await give_back(room, NIGHT, [], devices=[urandom(16)])
    assert not await give_back(room, NIGHT, [message], devices=[urandom(16)])
    assert await give_back(room, NIGHT, [message], devices=[room.client.device])


async def test_the_server_finds_what_waits_of_an_account_a_device_a_thread(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    me = [room.client.account]
    [item] = await room.threads.held_of(room.client, NIGHT, me, None, None)
    assert (item.account, item.mid, item.thread) == (room.client.account, message.mid, room.thread)
    assert (item.device, item.item_hash, item.generation) == (message.device, message.item_hash, 1)
    assert await room.threads.held_of(room.client, NIGHT, me, [room.client.device], room.thread) == [item]
    assert await room.threads.held_of(room.client, NIGHT, me, [urandom(16)], None) == []
    assert await room.threads.held_of(room.client, NIGHT, me, None, urandom(16)) == []
    assert await room.threads.held_of(room.client, NIGHT, [room.therapist.account], None, None) == []


async def test_a_returned_message_can_be_replaced_for_thirty_days(room: Room) -> None:
    """AT-92: the text arrives late, with its old counted_from."""
    early, _ = await room.send(NIGHT, release_at=MORNING)
    late, _ = await room.send(NIGHT, release_at=MORNING)
    await give_back(room, NIGHT, [early, late])
    last = NIGHT + MONTH - MS
    new, row = await room.replace(last, early, at_once=True)
    assert (row.outcome, row.state, new.counted_from) == ("accepted", "placed", NIGHT)
    _, over = await room.replace(NIGHT + MONTH, late, at_once=True)
    assert over.outcome == "not_held"
    assert await states(room, NIGHT + MONTH) == []


async def test_after_thirty_days_the_worker_deletes_the_ciphertext(room: Room, store: Store) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    await give_back(room, NIGHT, [message])
    due = Due(room.database)
    await due.release(room.practice, NIGHT + MONTH - MS)
    assert len(await states(room, NIGHT)) == 1
    await due.release(room.practice, NIGHT + MONTH)
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    row = await connection.fetchrow(
        "SELECT state, envelope, header_hash, item_hash FROM message WHERE mid = $1", message.mid
    )
    await connection.close()
    assert row is not None
    assert (row["state"], row["envelope"]) == ("returned", None)
    assert (row["header_hash"], row["item_hash"]) == (
        sha256(message.envelope[:152]).digest(),
        message.item_hash,
    )


async def test_a_return_is_in_the_record_of_the_day_and_in_no_leaf_of_its_own(
    room: Room, store: Store
) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    count = "SELECT count(*) FROM log_leaf WHERE practice_id = $1"
    before = await connection.fetchval(count, room.practice)
    await give_back(room, NIGHT, [message])
    assert await connection.fetchval(count, room.practice) == before
    record = await connection.fetchval("SELECT record FROM day_record WHERE practice_id = $1", room.practice)
    await connection.close()
    assert b'"act": "message.returned"' in record and message.mid.hex().encode() not in record


async def test_all_that_waits_is_counted_by_thread_and_device(room: Room) -> None:
    first, _ = await room.send(NIGHT, release_at=MORNING)
    await give_back(room, NIGHT, [first])
    await room.send(NIGHT, release_at=MORNING)
    await room.send(NIGHT, release_at=MORNING)
    [place] = await room.threads.all_waiting(room.client, NIGHT)
    assert tuple(place) == (room.thread, room.client.device, 2, 1)
    assert await room.threads.all_waiting(room.therapist, NIGHT) == []
    [place] = await room.threads.all_waiting(room.client, MORNING)
    assert tuple(place) == (room.thread, room.client.device, 0, 1)
    assert await room.threads.all_waiting(room.client, NIGHT + MONTH) == []


async def test_whoever_left_the_thread_still_gets_what_came_back_and_nothing_else(
    room: Room, store: Store
) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    await give_back(room, NIGHT, [message])
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    await connection.execute(
        "UPDATE member SET ended_at = $1 WHERE account_id = $2", NIGHT, room.client.account
    )
    await connection.close()
    assert await states(room, NIGHT) == [(message.mid, "returned", True)]
    assert len(await room.threads.all_waiting(room.client, NIGHT)) == 1
    assert await room.threads.message(room.client, NIGHT, room.thread, message.mid) is None
    attempt = await room.attempt(NIGHT, release_at=MORNING, version=3)
    assert (await room.threads.accept(room.client, NIGHT, attempt)).outcome == "no_thread"


async def test_an_epoch_that_still_seals_to_somebody_who_left_takes_nothing_more(
    room: Room, store: Store
) -> None:
    """AT-97: a message into the old roster gets the newest commit and 409, from the very instant on."""
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    await connection.execute(
        "UPDATE thread SET roster_ends_at = $1 WHERE thread_id = $2", MORNING, room.thread
    )
    await connection.close()
    _, before = await room.send(MORNING - MS, at_once=True)
    assert before.outcome == "accepted"
    _, after = await room.send(MORNING, at_once=True)
    assert after.outcome == "stale_epoch" and len(after.newest) == 3000
