"""Small promises of the commands: whom they tell, what a repetition says, which refusal comes first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.database import Database
from etherapy.store.settings import MemberPart, NewSheet, RuleSets
from tests.store.furnish import Room, furnish, leaf

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - HOUR)


async def test_a_recall_that_comes_too_late_tells_whoever_waits_that_there_is_something(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    row = await room.recall(MORNING, message)
    assert row.outcome == "already_placed"
    assert set(row.told) == {room.client.account, room.therapist.account}


async def test_a_repetition_at_the_promised_instant_finds_the_message_placed(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    again = await room.threads.accept(room.client, MORNING, message)
    assert (again.outcome, again.state, again.promise) == ("again", "placed", message.promise)
    assert again.placed is not None and again.placed.placed_at == MORNING
    assert set(again.told) == {room.client.account, room.therapist.account}


async def test_a_device_without_a_seat_is_told_so_whatever_epoch_it_names(room: Room) -> None:
    seated = await room.attempt(NIGHT, at_once=True)
    for commit_hash in (room.commit_hash, urandom(32)):
        stranger = replace(seated, device=urandom(16), commit_hash=commit_hash)
        assert (await room.threads.accept(room.client, NIGHT, stranger)).outcome == "no_seat"


async def test_rules_are_not_changed_over_a_message_that_was_held_since_and_not_weighed(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING, reply_by=MORNING + 9 * HOUR)
    sheet = NewSheet(
        room.thread, 2, urandom(150), urandom(32), b"{}",
        [MemberPart(one, urandom(16), b"{}") for one in (room.client.account, room.therapist.account)],
    )  # fmt: skip
    rules, key = RuleSets(room.database), (room.therapist.account, "therapist")

    async def set_rules(*seen: bytes) -> bool:
        return await rules.set(room.therapist, NIGHT, key, 0, b"[]", [sheet], [], seen, [], [leaf()])

    assert not await set_rules()
    await room.send(NIGHT, who=room.therapist, at_once=True)  # threads may go on
    assert await set_rules(message.promise_hash)
    assert not await set_rules(message.mid)  # version 0 was followed
