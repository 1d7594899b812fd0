"""How the hot statements are carried out: by index, with few rows, and no dearer when there is more."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.postgres import Postgres
from etherapy.postgres.databases import create_database, drop_database
from etherapy.store.database import Database
from etherapy.store.due import Due
from etherapy.store.logs import AUDIT, Logs
from etherapy.store.membership import Membership
from etherapy.store.messages import Acceptance
from etherapy.store.migrate import migrate
from tests.postgres_fixture import store_named
from tests.store.crowd import fill, gather_statistics
from tests.store.explained import Explained, Work, explain_from_now_on
from tests.store.furnish import Room, furnish

NOW = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
FEW, MANY = 1_000, 100_000
NEVER_WHOLE = {"message", "entry", "thread", "log_leaf", "log_node", "member", "notice"}
"""Tables that grow with use and must not be read from one end to the other."""
WARM = 7
"""Calls before the one that is looked at: by then PostgreSQL keeps the plans it will go on using."""


@dataclass(slots=True)
class Crowd:
    """A practice with `count` messages, seen through a database that explains itself."""

    count: int
    database: Explained
    room: Room
    held: list[Acceptance] = field(default_factory=list)

    @property
    def last(self) -> int:
        """Last position of the room's thread when it was filled."""
        return self.count // 2 + 2


Ask = Callable[[Crowd], Awaitable[object]]


async def send_held(crowd: Crowd) -> None:
    message, row = await crowd.room.send(NOW, release_at=TOMORROW, reply_by=TOMORROW)
    assert row.outcome == "accepted"
    crowd.held.append(message)


async def send_at_once(crowd: Crowd) -> None:
    assert (await crowd.room.send(NOW, at_once=True, reply_by=TOMORROW))[1].outcome == "accepted"


async def answer(crowd: Crowd) -> None:
    room = crowd.room
    assert (await room.send(NOW, who=room.therapist, at_once=True))[1].outcome == "accepted"


async def repeat(crowd: Crowd) -> None:
    if not crowd.held:
        await send_held(crowd)
    assert (await crowd.room.threads.accept(crowd.room.client, NOW, crowd.held[-1])).outcome == "again"


async def take_back(crowd: Crowd) -> None:
    await send_held(crowd)
    assert (await crowd.room.recall(NOW, crowd.held.pop())).outcome == "recalled"


async def put_another_in_its_place(crowd: Crowd) -> None:
    await send_held(crowd)
    message, row = await crowd.room.replace(NOW, crowd.held.pop(), release_at=TOMORROW, reply_by=TOMORROW)
    assert row.outcome == "accepted"
    crowd.held.append(message)


async def give_back(crowd: Crowd) -> None:
    """As where a device is revoked from which nothing waits, among others from which much does."""
    room = crowd.room
    own, lost = [room.client.account], [urandom(16)]
    row = await crowd.database.call("return_held", room.practice, None, own, lost, [], [], NOW)
    assert row is not None and row[0]


async def release_one(crowd: Crowd) -> None:
    soon = NOW + timedelta(minutes=1)
    await crowd.room.send(NOW, release_at=soon, reply_by=TOMORROW)
    assert len((await Due(crowd.database).release(crowd.room.practice, soon))[0]) == 2


async def number_one_leaf(crowd: Crowd) -> None:
    logs, practice = Logs(crowd.database), crowd.room.practice
    await send_at_once(crowd)
    state = await logs.state(practice, AUDIT)
    leaves = await logs.unsequenced(practice, AUDIT, 3)
    assert state is not None and leaves
    size, node = state.size, urandom(32)
    wanted = [leaf for leaf, _ in leaves]
    assert await logs.sequence(practice, AUDIT, size, wanted, [(9, size, node)], node, b"note")
    assert await logs.nodes(practice, AUDIT, [(9, size)]) == {(9, size): node}


CALLS: dict[str, tuple[int, Ask]] = {
    "send, held": (10, send_held),
    "send, at once": (10, send_at_once),
    "answer": (200, answer),
    "repeat": (10, repeat),
    "take back": (200, take_back),
    "put another in its place": (200, put_another_in_its_place),
    "give back": (200, give_back),
    "look for what to give back": (
        200,
        lambda c: c.room.threads.held_of(c.room.client, NOW, [c.room.client.account], None, None),
    ),
    "release one": (10, release_one),
    "release none": (10, lambda c: Due(c.database).release(c.room.practice, NOW)),
    "claim what is due": (10, lambda c: Due(c.database).claim(NOW)),
    "number leaves": (200, number_one_leaf),
    "facts": (10, lambda c: c.room.facts(NOW)),
    "newest page": (60, lambda c: c.room.threads.page(c.room.therapist, NOW, c.room.thread, c.last - 50, 50)),
    "first page": (60, lambda c: c.room.threads.page(c.room.therapist, NOW, c.room.thread, 0, 50)),
    "page with nothing new": (
        10,
        lambda c: c.room.threads.page(c.room.therapist, NOW, c.room.thread, c.last + 10_000, 50),
    ),
    "changes": (60, lambda c: c.room.threads.changes(c.room.therapist, NOW, 0, 50)),
    "nothing changed": (10, lambda c: c.room.threads.changes(c.room.therapist, NOW, 10**9, 50)),
    "inbox": (60, lambda c: c.room.threads.inbox(c.room.therapist, NOW, 50)),
    "notices": (210, lambda c: c.room.threads.notices(c.room.therapist, NOW, NOW - timedelta(days=3650))),
    "what waits": (200, lambda c: c.room.threads.waiting(c.room.client, NOW, c.room.thread)),
    "all that waits": (200, lambda c: c.room.threads.all_waiting(c.room.client, NOW)),
    "what became of one": (
        10,
        lambda c: c.room.threads.message(c.room.client, NOW, c.room.thread, bytes(16)),
    ),
    "roster": (10, lambda c: Membership(c.database).roster(c.room.client, NOW, c.room.thread, 2)),
    "decisions": (
        60,
        lambda c: c.database.call_all(
            "read_decisions", c.room.practice, c.room.client.token_hash, ["client"], NOW, c.count // 2, 50
        ),
    ),
    "leaves": (60, lambda c: Logs(c.database).leaves(c.room.client, NOW, AUDIT, c.count // 2, 50)),
    "state of a log": (10, lambda c: Logs(c.database).state(c.room.practice, AUDIT)),
}
"""Each with the most rows that it may read from any table."""


@pytest.fixture(
    scope="module",
    params=["fresh", "gathered"],
    ids=["no statistics", "statistics"],
)
async def crowds(
    request: pytest.FixtureRequest, postgres: Postgres, worker_name: str
) -> AsyncIterator[tuple[Crowd, Crowd]]:
    """The same practice with few and with many messages.

    Once as a new database plans, which knows nothing of its tables, and once as an old one does.
    """
    statistics = request.param
    made = []
    for count in (FEW, MANY):
        name = f"plans_{worker_name}_{statistics}_{count}"
        await create_database(postgres, name)
        store = store_named(postgres, name)
        await migrate(store.operate_dsn)
        async with Database(store.serve_dsn, size=1) as plain:
            room = await furnish(plain, NOW - timedelta(days=2))
        await fill(store, room, NOW, count)
        if statistics == "gathered":
            await gather_statistics(store)
        await explain_from_now_on(postgres, store)
        database = Explained(store.serve_dsn)
        seen = Room(database, room.practice, room.client, room.therapist, room.thread, room.commit_hash)
        made.append(Crowd(count, database, seen))
    yield made[0], made[1]
    for crowd, count in zip(made, (FEW, MANY), strict=True):
        await crowd.database.close()
        await drop_database(postgres, f"plans_{worker_name}_{statistics}_{count}")


async def work_of(ask: Ask, crowd: Crowd) -> Work:
    """The work of one call, after some that were not looked at."""
    for _ in range(WARM):
        await ask(crowd)
    crowd.database.take()
    await ask(crowd)
    return crowd.database.take()


@pytest.mark.parametrize("name", CALLS)
async def test_each_hot_statement_finds_its_rows_by_index_and_costs_the_same_among_more(
    crowds: tuple[Crowd, Crowd], name: str
):
    most, ask = CALLS[name]
    few, many = [await work_of(ask, crowd) for crowd in crowds]
    assert few.buffers > 0 and many.steps
    whole = {step.relation for step in many.steps if step.kind == "Seq Scan"}
    assert whole & NEVER_WHOLE == set()
    assert many.rows <= most
    # A hundred times as much is one more level in each index that is climbed: never more pages than this.
    # What was a table of one page, and read whole, is climbed for each of the same rows instead.
    tiny = {step.relation for step in few.steps if step.kind == "Seq Scan"} - whole
    climbs = 3 * sum(step.rows for step in many.steps if step.relation in tiny)
    assert many.buffers <= 1.5 * few.buffers + 10 + climbs


async def test_a_table_that_is_read_whole_and_a_cost_that_grows_would_be_noticed(
    crowds: tuple[Crowd, Crowd],
):
    async def count_all(crowd: Crowd) -> None:
        async with crowd.database.connection() as connection:
            crowd.database.take()
            practice = crowd.room.practice.hex()
            await connection.execute(f"SELECT set_config('app.practice', '{practice}', false)")
            await connection.execute("SET enable_bitmapscan = off; SET enable_indexscan = off")
            await connection.fetch("SELECT * FROM message WHERE decision = 'none'")

    few, many = crowds
    await count_all(few)
    few.database.take()
    await count_all(many)
    work = many.database.take()
    assert [step.kind for step in work.scans("message")] == ["Seq Scan"]
    assert work.rows >= MANY
