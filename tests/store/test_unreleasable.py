"""One thread that cannot be released keeps nobody else waiting (guarantees.md G6)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from etherapy.store.connection import connect
from etherapy.store.database import Database
from etherapy.store.due import Due
from etherapy.store.membership import Membership
from tests.postgres_fixture import Store
from tests.store.furnish import Room, furnish, leaf, open_thread
from tests.store.test_membership import cover

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


async def test_a_thread_that_cannot_be_released_delays_no_other_and_is_released_when_mended(
    store: Store, database: Database
) -> None:
    room = await furnish(database, NIGHT - timedelta(hours=1))
    client, thread, commit_hash = await open_thread(database, room.practice, room.therapist, NIGHT)
    other = Room(database, room.practice, client, room.therapist, thread, commit_hash)
    for one in (room, other):
        await one.send(NIGHT, release_at=MORNING)
    connection = await connect(store.bootstrap_dsn, timeout=5)
    await connection.execute(  # something stands already where the message is to be placed
        "INSERT INTO entry SELECT practice_id, thread_id, 3, item_type, reason, generation, placed_at,"
        " item_hash, promise_hash, t FROM entry WHERE thread_id = $1 AND n = 2",
        room.thread,
    )
    assert [turn["thread_id"] for turn in await other.threads.inbox(room.therapist, MORNING, 50)] == [thread]
    told, next_at = await Due(database).release(room.practice, MORNING)
    assert told == [] and next_at > MORNING
    await connection.execute("DELETE FROM entry WHERE thread_id = $1 AND n = 3", room.thread)
    await connection.close()
    assert len(await other.threads.inbox(room.therapist, MORNING, 50)) == 2


async def test_a_membership_that_cannot_be_ended_keeps_nothing_else_waiting(
    store: Store, database: Database
) -> None:
    room = await furnish(database, NIGHT - timedelta(hours=1))
    who = await cover(room, MORNING)
    roster = await Membership(database).roster(room.client, NIGHT, room.thread, 0)
    held = await room.attempt(NIGHT, release_at=MORNING)
    held = replace(held, epoch=roster.epoch, commit_hash=roster.commit_hash)
    assert (await room.threads.accept(room.client, NIGHT, held)).outcome == "accepted"
    connection = await connect(store.bootstrap_dsn, timeout=5)
    await connection.execute(
        "INSERT INTO entry SELECT practice_id, thread_id, 4, item_type, reason, generation, placed_at,"
        " item_hash, promise_hash, t FROM entry WHERE thread_id = $1 AND n = 2",
        room.thread,
    )
    due = Due(database)

    async def end() -> set[bytes]:
        return set(await due.end_membership(room.practice, MORNING, room.thread, who.account, [], [], leaf()))

    assert await end() == set()
    await connection.execute("DELETE FROM entry WHERE thread_id = $1 AND n = 4", room.thread)
    await connection.close()
    assert await end() == {room.client.account, room.therapist.account}
