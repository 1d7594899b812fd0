"""Commands that meet in the middle: none waits for another in a circle, none overlooks the other."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any, TypeVar

import pytest

from etherapy.store.connection import Connection, connect
from etherapy.store.database import Database
from etherapy.store.devices import ChainStep, Devices
from etherapy.store.due import Due
from etherapy.store.people import Joining, NewLink, People
from etherapy.store.settings import MemberPart, NewSheet, RuleSets
from tests.postgres_fixture import Store
from tests.store.furnish import DAY, Room, Who, furnish, leaf, open_thread, person

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
Found = TypeVar("Found")


@pytest.fixture
async def room(database: Database) -> Room:
    found = await furnish(database, NIGHT - timedelta(hours=1))
    await Due(database).release(found.practice, NIGHT)  # nothing waits for the worker any more
    return found


class Turnstile:
    """Holds one row's lock; who comes meanwhile queues up behind it in the order of coming."""

    def __init__(self, watching: Connection) -> None:
        self._watching = watching

    async def queue(self, work: Coroutine[Any, Any, Found]) -> "asyncio.Task[Found]":
        """Start `work` and come back once it waits for a lock."""
        before = await self._waiting()
        task = asyncio.ensure_future(work)
        while await self._waiting() <= before:
            assert not task.done(), "it did not have to wait"
            await asyncio.sleep(0.01)
        return task

    async def _waiting(self) -> int:
        sql = (
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return int(await self._watching.fetchval(sql))


@asynccontextmanager
async def holding(store: Store, sql: str, *args: object) -> AsyncIterator[Turnstile]:
    """A turnstile on the rows that `sql` locks; it opens at the end of the block."""
    holder, watching = [await connect(store.bootstrap_dsn, timeout=5) for _ in range(2)]
    try:
        async with holder.transaction():
            await holder.execute(sql, *args)
            yield Turnstile(watching)
    finally:
        await holder.close()
        await watching.close()


THREAD = "SELECT FROM thread WHERE thread_id = $1 FOR UPDATE"
FEED = "SELECT FROM feed WHERE account_id = $1 FOR UPDATE"


async def invite(room: Room, thread: bytes) -> bytes:
    lookup = urandom(16)
    await People(room.database).create_invitation(
        room.therapist, NIGHT, lookup=lookup, thread=thread, invite=urandom(300), charter=urandom(200),
        charter_sig=urandom(64), chain_seq=0, expires_at=NIGHT + DAY, audit=leaf(),
    )  # fmt: skip
    return lookup


async def fall_due(room: Room) -> None:
    """A message that is due at NIGHT, in a practice that the worker has just claimed."""
    await room.send(NIGHT - timedelta(minutes=1), release_at=NIGHT)
    await Due(room.database).claim(NIGHT, limit=100_000)


async def join(room: Room, lookup: bytes) -> str:
    somebody, device = person()
    joining = Joining(
        accept=urandom(200), owner_seq=0, practice_rules_version=0, owner_rules_version=0, t0=urandom(32),
        suite=1, charter_hash=urandom(32), charter=urandom(330), commit=urandom(3000),
        commit_hash=urandom(32), seats=[device.device, room.therapist.device], sheet=urandom(150),
        rules_hash=urandom(32), shared=b"{}", part=b"{}", salts=[urandom(16)] * 2, audit=[leaf()],
    )  # fmt: skip
    return await People(room.database).join(room.practice, lookup, NIGHT, somebody, joining)


async def set_rules(room: Room) -> bool:
    """A new version of the therapist's rules, for the one thread that was there when it was made."""
    sheet = NewSheet(
        room.thread, 2, urandom(150), urandom(32), b"{}",
        [MemberPart(one, urandom(16), b"{}") for one in (room.client.account, room.therapist.account)],
    )  # fmt: skip
    return await RuleSets(room.database).set(
        room.therapist, NIGHT, (room.therapist.account, "therapist"), 0, b"[]", [sheet], [], [], [], [leaf()]
    )


async def add_link(room: Room, who: Who) -> str:
    link = NewLink(urandom(64), urandom(155), urandom(16), urandom(80))
    _, device = person()
    step = ChainStep(2, 1, urandom(32), link, NIGHT, leaf(), device)
    return (await Devices(room.database).grow(who, NIGHT, step)).outcome


async def test_taking_back_and_changing_rules_do_not_wait_for_each_other_in_a_circle(
    store: Store, room: Room
) -> None:
    message, _ = await room.send(NIGHT, release_at=MORNING)
    async with holding(store, THREAD, room.thread) as turnstile:
        recall = await turnstile.queue(room.recall(NIGHT, message))
        rules = await turnstile.queue(set_rules(room))
    assert (await recall).outcome == "recalled"
    assert await rules is True  # what was taken back need not be weighed


async def test_joining_and_the_worker_do_not_wait_for_each_other_in_a_circle(
    store: Store, database: Database, room: Room
) -> None:
    await fall_due(room)
    lookup = await invite(room, urandom(16))
    async with holding(store, FEED, room.therapist.account) as turnstile:
        release = await turnstile.queue(Due(database).release(room.practice, NIGHT))
        joining = await turnstile.queue(join(room, lookup))
    told, _ = await release
    assert (len(told), await joining) == (2, "joined")


@pytest.mark.parametrize("who", ["client", "therapist"])
async def test_a_new_device_and_the_worker_do_not_wait_for_each_other_in_a_circle(
    store: Store, database: Database, room: Room, who: str
) -> None:
    """The therapist's account is referred to by the notice that a release leaves."""
    await fall_due(room)
    async with holding(store, THREAD, room.thread) as turnstile:
        release = await turnstile.queue(Due(database).release(room.practice, NIGHT))
        adding = await turnstile.queue(add_link(room, getattr(room, who)))
    told, _ = await release
    assert (len(told), await adding) == (2, "added")


async def test_rules_that_change_while_somebody_joins_are_made_again_for_the_new_thread_too(
    store: Store, room: Room
) -> None:
    lookup = await invite(room, urandom(16))
    async with holding(store, FEED, room.therapist.account) as turnstile:
        joining = await turnstile.queue(join(room, lookup))
        rules = await turnstile.queue(set_rules(room))
    assert (await joining, await rules) == ("joined", False)


async def test_whoever_joins_while_the_rules_change_looks_at_them_again(store: Store, room: Room) -> None:
    lookup = await invite(room, urandom(16))
    async with holding(store, THREAD, room.thread) as turnstile:
        rules = await turnstile.queue(set_rules(room))
        joining = await turnstile.queue(join(room, lookup))
    assert (await rules, await joining) == (True, "moved")


async def test_one_mid_in_two_threads_at_the_same_moment_is_one_message(
    store: Store, database: Database, room: Room
) -> None:
    client, thread, commit_hash = await open_thread(database, room.practice, room.therapist, NIGHT)
    other = Room(database, room.practice, client, room.therapist, thread, commit_hash)
    mid = urandom(16)
    first = await room.attempt(NIGHT, who=room.therapist, at_once=True, mid=mid)
    second = await other.attempt(NIGHT, who=room.therapist, at_once=True, mid=mid)
    async with holding(store, FEED, room.therapist.account) as turnstile:
        taken = await turnstile.queue(room.threads.accept(room.therapist, NIGHT, first))
        refused = await turnstile.queue(room.threads.accept(room.therapist, NIGHT, second))
    assert (await taken).outcome == "accepted"
    answer = await refused
    assert (answer.outcome, answer.item_hash) == ("mid_taken", first.item_hash)
    assert (await other.facts(NIGHT)).last_n == 2
