"""The functions that take, hold, release and place messages, against PostgreSQL."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.rules.calendar import milliseconds
from etherapy.store.database import Database, Refused
from etherapy.store.due import Due
from etherapy.tep.placing import Entry, thread_next
from tests.store.furnish import Room, enrol, furnish, open_thread

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
MS = timedelta(milliseconds=1)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


async def placed(room: Room, now: datetime, who: object = None) -> list[int]:
    rows, _ = await room.threads.page(who or room.therapist, now, room.thread, 2, 100)  # type: ignore[arg-type]
    return [row.placed.n for row in rows]


async def test_a_held_message_is_nowhere_to_be_seen_before_its_release(room: Room) -> None:
    before = await room.threads.page(room.therapist, NIGHT, room.thread, 0, 100)
    _, row = await room.send(NIGHT, release_at=MORNING)
    assert (row.outcome, row.state, row.placed) == ("accepted", "held", None)
    last = MORNING - MS
    assert await room.threads.page(room.therapist, last, room.thread, 0, 100) == before
    assert await room.threads.inbox(room.therapist, last, 50) == []
    assert await room.threads.notices(room.therapist, last, NIGHT - timedelta(days=1)) == []
    assert (await room.threads.changes(room.therapist, last, 1, 100))[1] == []
    assert await room.threads.waiting(room.therapist, last, room.thread) == []


async def test_reading_at_the_promised_instant_releases_it_without_any_worker(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING, reply_by=MORNING + timedelta(days=1))
    rows, end = await room.threads.page(room.therapist, MORNING, room.thread, 2, 100)
    assert [(row.placed.n, row.item, row.promise) for row in rows] == [(3, message.envelope, message.promise)]
    assert rows[0].placed.placed_at == MORNING and end.n == 3
    [turn] = await room.threads.inbox(room.therapist, MORNING, 50)
    assert (turn["thread_id"], turn["open_count"]) == (room.thread, 1)
    notices = await room.threads.notices(room.therapist, MORNING, NIGHT)
    assert [(n["window_at"], n["urgent"]) for n in notices] == [(MORNING, False)]


async def test_every_t_follows_from_the_one_before_and_its_entry(room: Room) -> None:
    for minute in range(3):
        await room.send(NIGHT + timedelta(minutes=minute), at_once=True)
    await room.send(NIGHT + timedelta(minutes=5), release_at=MORNING)
    rows, end = await room.threads.page(room.client, MORNING, room.thread, 0, 100)
    for before, after in itertools.pairwise(rows):
        p = after.placed
        entry = Entry(
            after.item_type,
            p.reason,
            p.generation,
            p.n,
            milliseconds(p.placed_at),
            p.item_hash,
            p.promise_hash,
        )
        assert thread_next(before.placed.t, entry) == p.t
    assert end.t == rows[-1].placed.t and end.n == 6


async def test_the_same_bytes_again_get_the_first_answer_and_other_bytes_are_refused(room: Room) -> None:
    """AT-38."""
    message, first = await room.send(NIGHT, release_at=MORNING)
    again = await room.threads.accept(
        room.client,
        NIGHT,
        await room.attempt(NIGHT, mid=message.mid, item_hash=message.item_hash, at_once=True),
    )
    assert (again.outcome, again.promise, again.decision, again.state) == (
        "again",
        first.promise,
        first.decision,
        "held",
    )
    other = await room.threads.accept(
        room.client, NIGHT, await room.attempt(NIGHT, mid=message.mid, at_once=True)
    )
    assert (other.outcome, other.item_hash) == ("mid_taken", message.item_hash)
    year = NIGHT + timedelta(days=300)
    late = await room.threads.accept(
        room.client, year, await room.attempt(year, mid=message.mid, item_hash=message.item_hash)
    )
    assert (late.outcome, late.promise, late.state) == ("again", first.promise, "placed")


async def test_twenty_equal_requests_at_once_yield_one_message(room: Room) -> None:
    message = await room.attempt(NIGHT, at_once=True)
    rows = await asyncio.gather(*(room.threads.accept(room.client, NIGHT, message) for _ in range(20)))
    assert sorted(row.outcome for row in rows) == ["accepted"] + ["again"] * 19
    assert {row.promise for row in rows} == {message.promise}
    assert await placed(room, NIGHT) == [3]


async def test_an_acceptance_on_an_old_version_stores_nothing(room: Room) -> None:
    old = await room.attempt(NIGHT, at_once=True)
    await room.send(NIGHT, at_once=True)
    assert (await room.threads.accept(room.client, NIGHT, old)).outcome == "moved"
    assert await placed(room, NIGHT) == [3]
    assert await room.threads.message(room.client, NIGHT, room.thread, old.mid) is None


async def test_concurrent_senders_get_positions_without_a_gap(room: Room) -> None:
    async def send_until_taken(who: object) -> None:
        while True:
            _, row = await room.send(NIGHT, who=who, at_once=True)
            if row.outcome == "accepted":
                return

    await asyncio.gather(*(send_until_taken(who) for who in [room.client, room.therapist] * 6))
    assert await placed(room, NIGHT) == list(range(3, 15))


async def test_what_is_due_together_is_placed_in_the_order_of_acceptance(room: Room) -> None:
    sent = [(await room.send(NIGHT + timedelta(minutes=m), release_at=MORNING))[0] for m in range(4)]
    rows, _ = await room.threads.page(room.therapist, MORNING, room.thread, 2, 100)
    assert [row.placed.item_hash for row in rows] == [message.item_hash for message in sent]
    assert {row.placed.reason for row in rows} == {2}


async def test_an_urgent_message_is_placed_alone_and_what_waits_stays_hidden(room: Room) -> None:
    """AT-85: the later placing of those that waited keeps their own order and times."""
    held = [(await room.send(NIGHT + timedelta(minutes=m), release_at=MORNING))[0] for m in range(3)]
    urgent, row = await room.send(NIGHT + timedelta(minutes=5), at_once=True, urgent=True)
    assert row.placed is not None and (row.placed.n, row.placed.reason) == (3, 6)
    assert await placed(room, MORNING - MS) == [3]
    rows, _ = await room.threads.page(room.therapist, MORNING, room.thread, 2, 100)
    assert [r.placed.item_hash for r in rows] == [urgent.item_hash, *(m.item_hash for m in held)]


async def test_recall_wins_before_the_release_and_never_after_it(room: Room) -> None:
    """AT-86, AT-87: what was recalled is never placed, what was placed is never recalled."""
    early, _ = await room.send(NIGHT, release_at=MORNING)
    late, _ = await room.send(NIGHT, release_at=MORNING)
    recall = urandom(192)
    row = await room.recall(MORNING - MS, early, recall)
    assert (row.outcome, row.state) == ("recalled", "recalled")
    assert (await room.recall(MORNING, early, recall)).outcome == "again"
    assert (await room.recall(MORNING - MS, early)).outcome == "not_held"
    refused = await room.recall(MORNING, late)
    assert refused.outcome == "already_placed" and refused.placed is not None
    assert await placed(room, MORNING) == [3]


async def test_recall_and_release_racing_leave_exactly_one_outcome(room: Room) -> None:
    """AT-86"""
    for number in range(10):
        at = MORNING + timedelta(hours=number)
        message, _ = await room.send(at - timedelta(minutes=1), release_at=at)
        answers = await asyncio.gather(
            room.recall(at - MS, message), room.threads.page(room.therapist, at, room.thread, 2, 100)
        )
        outcome = answers[0].outcome
        visible = message.item_hash in {
            row.placed.item_hash
            for row in (await room.threads.page(room.therapist, at, room.thread, 2, 100))[0]
        }
        assert (outcome, visible) in {("recalled", False), ("already_placed", True)}


async def test_what_is_held_or_taken_back_leaves_no_trace_in_what_is_promised_later(room: Room) -> None:
    before = await room.facts(NIGHT)
    first, _ = await room.send(NIGHT, release_at=MORNING, reply_by=MORNING + timedelta(hours=4))
    assert (await room.facts(NIGHT)).turn_reply_by is None
    await room.recall(NIGHT, first)
    after = await room.facts(NIGHT)
    assert (after.turn_reply_by, after.last_n) == (before.turn_reply_by, before.last_n)
    stored = await room.threads.message(room.client, NIGHT, room.thread, first.mid)
    assert stored is not None and stored.state == "recalled"


async def test_an_answer_ends_the_turn_but_not_what_still_waits(room: Room) -> None:
    await room.send(NIGHT, at_once=True, reply_by=MORNING)
    await room.send(NIGHT, release_at=MORNING, reply_by=MORNING + timedelta(hours=8))
    await room.send(NIGHT, who=room.therapist, at_once=True)
    assert await room.threads.inbox(room.therapist, NIGHT, 50) == []
    assert (await room.facts(NIGHT)).turn_reply_by is None
    [turn] = await room.threads.inbox(room.therapist, MORNING, 50)
    assert (turn["open_count"], turn["reply_by"]) == (1, MORNING + timedelta(hours=8))
    assert (await room.facts(MORNING)).turn_reply_by == MORNING + timedelta(hours=8)


async def test_one_notice_for_each_opening_however_many_messages_and_threads(
    database: Database, room: Room
) -> None:
    for minute in range(3):
        await room.send(NIGHT + timedelta(minutes=minute), release_at=MORNING)
    client, thread, commit_hash = await open_thread(database, room.practice, room.therapist, NIGHT)
    other = Room(database, room.practice, client, room.therapist, thread, commit_hash)
    await other.send(NIGHT, release_at=MORNING)
    await Due(database).release(room.practice, MORNING)
    assert len(await room.threads.notices(room.therapist, MORNING, NIGHT)) == 1


async def test_a_cursor_over_many_threads_meets_each_change_once_while_others_write(
    database: Database, room: Room
) -> None:
    rooms = [room]
    for _ in range(5):
        client, thread, commit_hash = await open_thread(database, room.practice, room.therapist, NIGHT)
        rooms.append(Room(database, room.practice, client, room.therapist, thread, commit_hash))
    seen: dict[bytes, int] = {}
    cursor = 0
    stop = asyncio.Event()

    async def follow() -> None:
        nonlocal cursor
        while True:
            ended = stop.is_set()
            _, found, _ = await room.threads.changes(room.therapist, MORNING, cursor, 2)
            for change in found:
                assert change.last_n > seen.get(change.thread, 0) and change.cursor > cursor
                seen[change.thread], cursor = change.last_n, change.cursor
            if ended and not found:
                return

    async def write(one: Room) -> None:
        for _ in range(8):
            await one.send(MORNING, at_once=True)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(one) for one in rooms))
    stop.set()
    await following
    assert seen == {one.thread: 10 for one in rooms}


async def test_a_stranger_gets_the_answer_of_a_thread_that_does_not_exist(
    database: Database, room: Room
) -> None:
    stranger = await enrol(database, room.practice, NIGHT, "therapist")
    for thread in (room.thread, urandom(16)):
        with pytest.raises(Refused) as refused:
            await room.threads.page(stranger, NIGHT, thread, 0, 10)
        assert (refused.value.code, refused.value.detail) == ("ET404", "no_such_thread")
        with pytest.raises(Refused) as refused:
            await room.threads.facts(stranger, NIGHT, thread)
        assert (refused.value.code, refused.value.detail) == ("ET404", "no_such_thread")
        message = await room.attempt(NIGHT, at_once=True, version=1, thread=thread)
        assert (await room.threads.accept(stranger, NIGHT, message)).outcome == "no_thread"


async def test_a_message_under_an_old_epoch_is_answered_with_the_newest_commit(room: Room) -> None:
    message = await room.attempt(NIGHT, at_once=True)
    room.commit_hash = urandom(32)
    stale = await room.threads.accept(room.client, NIGHT, await room.attempt(NIGHT, at_once=True))
    assert stale.outcome == "stale_epoch" and len(stale.newest) == 3000
    assert (await room.threads.accept(room.client, NIGHT, message)).outcome == "accepted"
