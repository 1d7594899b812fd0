"""A device is taken out while something is sent, released or linked: one order or the other."""

from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.connection import connect
from etherapy.store.database import Database
from etherapy.store.devices import ChainStep, Devices, Grown
from etherapy.store.due import Due
from etherapy.store.passphrases import Passphrases
from etherapy.store.people import NewLink
from tests.postgres_fixture import Store
from tests.store.furnish import Room, furnish, leaf
from tests.store.test_locks import THREAD, holding

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def room(database: Database) -> Room:
    found = await furnish(database, NIGHT - HOUR)
    await Due(database).release(found.practice, NIGHT)  # nothing waits for the worker any more
    return found


async def revoke(
    room: Room, *mids: bytes, now: datetime = NIGHT, recorded_at: datetime | None = None
) -> Grown:
    """The client's device is taken out; these of its messages are given back."""
    link = NewLink(urandom(64), urandom(155), urandom(16), urandom(80))
    step = ChainStep(
        3, 1, urandom(32), link, recorded_at or now, leaf(), None, [room.client.device], mids,
        [urandom(187) for _ in mids],
    )  # fmt: skip
    return await Devices(room.database).grow(room.client, now, step)


async def ask(room: Room, now: datetime = NIGHT) -> bytes:
    lookup, keys = urandom(16), (urandom(32), urandom(1216))
    outcome, until = await Devices(room.database).ask(room.practice, now, lookup, keys, 2, now + HOUR, 1000)
    assert (outcome, until) == ("asked", now + HOUR)
    return lookup


async def test_what_was_taken_while_a_revocation_waited_is_looked_at_again(store: Store, room: Room) -> None:
    message = await room.attempt(NIGHT, release_at=MORNING)
    async with holding(store, THREAD, room.thread) as turnstile:
        sending = await turnstile.queue(room.threads.accept(room.client, NIGHT, message))
        revoking = await turnstile.queue(revoke(room))
    assert (await sending).outcome == "accepted"
    assert (await revoking).outcome == "moved"
    again = await revoke(room, message.mid)
    assert (again.outcome, list(again.threads)) == ("added", [room.thread])
    assert set(again.told) == {room.client.account, room.therapist.account}


async def test_what_is_sent_while_a_revocation_is_under_way_is_not_taken(store: Store, room: Room) -> None:
    message = await room.attempt(NIGHT, release_at=MORNING)
    async with holding(store, THREAD, room.thread) as turnstile:
        revoking = await turnstile.queue(revoke(room))
        sending = await turnstile.queue(room.threads.accept(room.client, NIGHT, message))
    assert (await revoking).outcome == "added"
    assert (await sending).outcome == "no_seat"


async def test_what_is_due_is_placed_before_the_device_is_out(room: Room) -> None:
    """It was in time; only what still had to wait goes back."""
    due, _ = await room.send(NIGHT, release_at=NIGHT + HOUR)
    later, _ = await room.send(NIGHT, release_at=MORNING)
    now = NIGHT + HOUR
    assert (await revoke(room, due.mid, later.mid, now=now)).outcome == "moved"
    assert (await room.facts(now, room.therapist)).last_n == 3
    assert (await revoke(room, later.mid, now=now)).outcome == "added"
    told, _ = await Due(room.database).release(room.practice, MORNING)
    assert not told


async def test_a_release_and_a_revocation_do_not_wait_for_each_other_in_a_circle(
    store: Store, room: Room
) -> None:
    message, _ = await room.send(NIGHT - timedelta(minutes=1), release_at=NIGHT)
    async with holding(store, THREAD, room.thread) as turnstile:
        release = await turnstile.queue(Due(room.database).release(room.practice, NIGHT))
        revoking = await turnstile.queue(revoke(room, message.mid))
    told, _ = await release
    assert (len(told), (await revoking).outcome) == (2, "moved")
    assert (await revoke(room)).outcome == "added"


async def test_other_items_than_those_signed_for_stop_a_revocation(room: Room) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    before = await room.facts(NIGHT)
    for mids in ([], [urandom(16)], [message.mid, urandom(16)]):
        assert (await revoke(room, *mids)).outcome == "moved"
    assert await room.facts(NIGHT) == before


async def test_a_link_is_not_recorded_before_what_is_placed(room: Room) -> None:
    await room.send(NIGHT + HOUR, at_once=True)
    assert (await revoke(room)).outcome == "moved"
    assert (await revoke(room, recorded_at=NIGHT + HOUR)).outcome == "added"


async def test_two_devices_by_one_passphrase_at_once_are_one(store: Store, room: Room) -> None:
    """AT-24: at most one waits for an account."""
    passphrases, verifier = Passphrases(room.database), "$argon2id$x"
    said = await passphrases.set(room.client, NIGHT, "robin", urandom(16), verifier, leaf())
    assert said == "set"
    lookups = [await ask(room) for _ in range(2)]

    async def open_for(lookup: bytes) -> str:
        found = await passphrases.open_pending(
            room.practice, NIGHT, lookup, room.client.account, verifier, urandom(32)
        )
        return found[0]

    held = "SELECT FROM passphrase WHERE account_id = $1 FOR UPDATE"
    async with holding(store, held, room.client.account) as turnstile:
        both = [await turnstile.queue(open_for(lookup)) for lookup in lookups]
    assert [await one for one in both] == ["opened", "waiting"]
    assert await open_for(lookups[0]) == "opened"


async def test_a_passphrase_that_was_changed_while_it_was_checked_opens_nothing(room: Room) -> None:
    passphrases, lookup = Passphrases(room.database), await ask(room)
    for verifier in ("$argon2id$old", "$argon2id$new"):
        await passphrases.set(room.client, NIGHT, "robin", urandom(16), verifier, leaf())
    late = await passphrases.open_pending(
        room.practice, NIGHT, lookup, room.client.account, "$argon2id$old", urandom(32)
    )
    assert late == ("none", None)


async def test_requests_whose_time_is_over_go_with_the_next_ones(store: Store, room: Room) -> None:
    for _ in range(3):
        await ask(room, NIGHT - 2 * HOUR)
    lookup = await ask(room)
    connection = await connect(store.bootstrap_dsn, timeout=5)
    try:
        sql = "SELECT lookup_id FROM device_request WHERE practice_id = $1"
        assert [bytes(row["lookup_id"]) for row in await connection.fetch(sql, room.practice)] == [lookup]
    finally:
        await connection.close()
