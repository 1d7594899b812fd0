"""Everything at once in one thread: nothing waits in a circle, nothing waits on of whoever is out (A-5)."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from dataclasses import replace as altered
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.connection import connect
from etherapy.store.database import Database
from etherapy.store.devices import ChainStep, Devices
from etherapy.store.due import Due
from etherapy.store.faults import Refused
from etherapy.store.healing import Healing
from etherapy.store.membership import Membership, SealedGrant
from etherapy.store.messages import Acceptance
from etherapy.store.people import NewLink
from etherapy.store.rosters import NewEpoch, Turnover
from tests.postgres_fixture import Store
from tests.store.furnish import Room, Who, furnish, leaf
from tests.store.test_gone_meanwhile import lost_message
from tests.store.test_locks import set_rules
from tests.store.test_membership import cover, head_of, sheet_for

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WAITS = NIGHT + 30 * SECOND


@dataclass
class Crowd:
    """A client, a therapist and somebody who covers, all busy; `at` goes on with every call."""

    room: Room
    cover: Who
    dice: random.Random
    at: datetime = NIGHT

    def __post_init__(self) -> None:
        self.membership = Membership(self.room.database)
        self.due = Due(self.room.database)
        self.sent: list[Acceptance] = []

    def now(self) -> datetime:
        self.at += SECOND / 4
        return self.at

    def people(self) -> list[Who]:
        return [self.room.client, self.room.therapist, self.cover]

    async def send(self) -> None:
        who, room = self.dice.choice(self.people()), self.room
        release_at = self.at + 10 * SECOND + SECOND * self.dice.randint(1, 20)
        for _ in range(8):
            now = self.now()
            roster = await self.membership.roster(who, now, room.thread, 0)
            one = await room.attempt(now, who=who, release_at=release_at)
            one = altered(one, epoch=roster.epoch, commit_hash=roster.commit_hash)
            said = (await room.threads.accept(who, now, one)).outcome
            if said == "accepted" and who is room.client:
                self.sent.append(one)
            if said not in ("moved", "stale_epoch"):
                break

    async def recall(self) -> None:
        if self.sent:
            await self.room.recall(self.now(), self.dice.choice(self.sent))

    async def put_instead(self) -> None:
        if self.sent:
            now, room = self.now(), self.room
            roster = await self.membership.roster(room.client, now, room.thread, 0)
            old = self.dice.choice(self.sent)
            room.commit_hash = roster.commit_hash
            new, row = await room.replace(now, old, release_at=now + 20 * SECOND)
            if row.outcome == "accepted":
                self.sent.append(new)

    async def commit(self) -> None:
        """Whoever is still there goes on; whoever is not is left out, with what they have waiting."""
        now, room, by = self.now(), self.room, self.dice.choice([self.room.therapist, self.cover])
        roster = await self.membership.roster(by, now, room.thread, 0)
        there = [one for one in self.people() if roster.people[one.account].present]
        held = await room.threads.held_of(by, now, [one.account for one in self.people()], None, room.thread)
        mids = [one.mid for one in held if one.account not in [each.account for each in there]]
        sheet = sheet_for(room, [one.account for one in there], r=(await room.facts(now, by)).rules_rev + 1)
        heads = [await head_of(room, one) for one in there]
        await self.membership.commit(
            by,
            now,
            room.thread,
            NewEpoch(
                epoch=roster.epoch + 1,
                suite=1,
                prev=roster.commit_hash,
                commit=urandom(300),
                commit_hash=urandom(32),
                heads=dict(zip([one.account for one in there], heads, strict=True)),
                seats=[one.device for one in there],
                turnover=Turnover(
                    present=[one.account for one in there],
                    mids=mids,
                    statuses=[urandom(187) for _ in mids],
                    sheet=sheet,
                    audit=leaf(),
                ),
            ),
        )

    async def grow(self) -> None:
        who, now = self.dice.choice(self.people()), self.now()
        held = await self.room.threads.held_of(who, now, [who.account], [who.device], None)
        gone = [who.device] if who is self.cover and self.dice.random() < 0.1 else []
        mids = [one.mid for one in held] if gone else []
        link = NewLink(urandom(64), urandom(155), urandom(16), urandom(80))
        known = await Devices(self.room.database).own_chain(who, now)
        step = ChainStep(
            3 if gone else 4, len(known.links), urandom(32), link, now, leaf(), None, gone, mids,
            [urandom(187) for _ in mids],
        )  # fmt: skip
        await Devices(self.room.database).grow(who, now, step)

    async def leave(self) -> None:
        who, now, room = self.cover, self.now(), self.room
        held = await room.threads.held_of(who, now, [who.account], None, room.thread)
        mids = [one.mid for one in held]
        await self.membership.leave(
            who, now, room.thread, urandom(32), urandom(200), mids, [urandom(187) for _ in mids], leaf()
        )

    async def work(self) -> None:
        now = self.now()
        rows = await self.due.lapsed(self.room.practice, now)
        mids = [row["mid"] for row in rows if row["mid"] is not None]
        if rows:
            who = rows[0]["account_id"]
            statuses = [urandom(187) for _ in mids]
            await self.due.end_membership(
                self.room.practice, now, self.room.thread, who, mids, statuses, leaf()
            )
        await self.due.release(self.room.practice, now)

    async def read(self) -> None:
        who = self.dice.choice(self.people())
        await self.room.threads.changes(who, self.now(), 0, 10)
        await self.room.threads.page(who, self.now(), self.room.thread, 0, 100)
        await self.membership.people(who, self.now(), self.room.thread)

    async def heal(self) -> None:
        await Healing(self.room.database).message(self.room.therapist, self.now(), lost_message(self.room))

    async def give(self) -> None:
        facts = await self.room.facts(self.now())
        sign_pk = facts.devices[self.room.client.device][1]
        grant = SealedGrant(
            self.room.client.device, sign_pk, self.room.therapist.device, urandom(32), urandom(300)
        )
        await self.membership.give_history(self.room.client, self.now(), self.room.thread, [grant])

    async def agree(self) -> None:
        await set_rules(self.room)


async def bold(deed: Callable[[], Awaitable[None]]) -> None:
    """A deed that may be refused; a circle of waiting or a defect is neither."""
    try:
        await deed()
    except Refused as refused:
        assert refused.code in ("ET404", "ET401"), refused


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_meets_whatever_nothing_waits_in_a_circle(
    store: Store, database: Database, seed: int
) -> None:
    room = await furnish(database, NIGHT - timedelta(hours=1))
    crowd = Crowd(room, await cover(room, WAITS), random.Random(seed))
    deeds = [
        *[crowd.send] * 6, *[crowd.commit] * 3, *[crowd.work] * 3, *[crowd.grow] * 2, *[crowd.read] * 2,
        crowd.recall, crowd.put_instead, crowd.heal, crowd.give, crowd.agree,
    ]  # fmt: skip
    for turn in range(12):
        ready = [*deeds, crowd.leave] if turn == 8 and seed == 1 else list(deeds)
        crowd.dice.shuffle(ready)
        await asyncio.gather(*(bold(deed) for deed in ready))
    connection = await connect(store.bootstrap_dsn, timeout=5)
    try:
        found = await connection.fetchrow(
            "SELECT count(*) FILTER (WHERE h.state = 'held' AND m.ended_at IS NOT NULL) AS waits_on,"
            " count(*) FILTER (WHERE h.state = 'placed' AND h.release_at >= m.until) AS after_the_end,"
            " count(*) FILTER (WHERE h.state = 'placed') AS placed,"
            " count(*) FILTER (WHERE h.state = 'returned' AND h.status IS NULL) AS unsigned"
            " FROM message h JOIN member m USING (practice_id, thread_id, account_id) WHERE thread_id = $1",
            room.thread,
        )
        assert found is not None
        assert (found["waits_on"], found["after_the_end"], found["unsigned"]) == (0, 0, 0)
        assert found["placed"] > 5
        rows = await connection.fetch("SELECT n FROM entry WHERE thread_id = $1 ORDER BY n", room.thread)
        assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))
    finally:
        await connection.close()
