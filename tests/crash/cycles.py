"""Kill, start again, look: the crash test as a whole (guarantees.md 3.3)."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random

from etherapy.crypto.messages import open_message
from etherapy.rules.calendar import milliseconds
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.inspection import inspect_store
from etherapy.store.database import StoreFault, StoreUnavailable
from tests.crash.house import House, free_address
from tests.crash.journal import BrokenPage, Journal, Walk, items_of
from tests.crash.load import Reader, Stage, Writer, latest_release, read_on
from tests.crash.people import Person, Thread, open_thread
from tests.crash.place import Place
from tests.crash.plan import KINDS, RULES, Outcome, Plan
from tests.crash.verdict import judge

_PATIENCE = 60.0
_AWAY = (StoreUnavailable, StoreFault, CannotOperate, OSError)
"""What turning the clock can meet while the database is killed."""


async def run(plan: Plan) -> Outcome:
    """Run the crash test in a temporary directory; leaves nothing behind."""
    place = Path(tempfile.mkdtemp(prefix="etherapy-crash-"))
    place.chmod(0o711)
    house = House(place / "data", free_address(), free_address(), {"LIMITS": "false"})
    begun = time.monotonic()
    try:
        async with asyncio.timeout(120 + 20 * plan.cycles):
            outcome = await _Run(plan, house).whole()
        outcome.seconds = time.monotonic() - begun
        return outcome
    finally:
        await asyncio.to_thread(house.end)
        shutil.rmtree(place, ignore_errors=True)


class _Run:
    def __init__(self, plan: Plan, house: House) -> None:
        self.plan = plan
        self.house = house
        self.dice = Random(plan.seed)
        self.stage = Stage(house, Journal(), Random(plan.seed + 1))
        self.outcome = Outcome(plan.seed)
        self.people: list[Person] = []
        self.writers: list[Writer] = []
        self.readers: list[Reader] = []
        self.threads: list[Thread] = []
        self.coming: list[str] = []

    async def whole(self) -> Outcome:
        self.house.start()
        await self.house.ready()
        await self._furnish()
        try:
            async with self._load():
                while self.outcome.cycles < self.plan.cycles and not self.stage.journal.violations:
                    await self._cycle()
            if not self.stage.journal.violations:
                await self._settle()
        finally:
            for person in self.people:
                await person.close()
        if status := await self.house.stop():
            self.stage.journal.accuse(f"the server ended with status {status}")
        return self._told()

    async def _furnish(self) -> None:
        place = await self.house.furnish("Harbour", RULES)
        therapist = await self.house.therapist(place)
        self.people.append(therapist)
        walks = {}
        for number in range(self.plan.threads):
            thread = await open_thread(therapist)
            walk = walks[thread.thread] = _walk(place, thread)
            own = _walk(place, thread)
            self.threads.append(thread)
            self.people.append(thread.client)
            self.writers += [
                Writer(f"client {number}", self.stage, thread, thread.client, own),
                Writer(f"therapist in {number}", self.stage, thread, therapist, walk),
            ]
            self.readers.append(Reader(f"client {number}", self.stage, thread.client, {thread.thread: own}))
        self.readers.append(Reader("therapist", self.stage, therapist, walks))

    @asynccontextmanager
    async def _load(self) -> AsyncIterator[None]:
        """Everybody at work, and the clock turning; when it ends, all that was begun has been answered."""
        stop = asyncio.Event()
        self.stage.up.set()
        async with asyncio.TaskGroup() as group:
            for writer in self.writers:
                group.create_task(writer.run(stop))
            for reader in self.readers:
                group.create_task(reader.run(stop))
            group.create_task(self._turn(stop))
            try:
                yield
            finally:
                stop.set()

    async def _turn(self, stop: asyncio.Event) -> None:
        """Turn the clock by some minutes with every few acknowledgements."""
        journal, dice = self.stage.journal, Random(self.plan.seed + 2)
        while not stop.is_set():
            with suppress(TimeoutError):
                await journal.reached(journal.acknowledged + dice.randint(5, 25), 1.0)
            with suppress(*_AWAY):
                await self.house.turn(timedelta(minutes=dice.randint(1, 12), seconds=dice.randint(0, 59)))

    async def _cycle(self) -> None:
        journal, dice = self.stage.journal, self.dice
        await journal.reached(journal.acknowledged + dice.randint(*self.plan.acks), _PATIENCE)
        await asyncio.sleep(dice.random() * 0.01)  # anywhere within a request
        kind = self._next_kind()
        self.stage.up.clear()
        begun = time.monotonic()
        self._kill(kind)
        await self.house.ready()
        self.outcome.longest_recovery = max(self.outcome.longest_recovery, time.monotonic() - begun)
        self.stage.up.set()
        self.outcome.kills[kind] += 1
        self.outcome.cycles += 1
        await asyncio.gather(*(writer.repeat_newest() for writer in self.writers))

    def _next_kind(self) -> str:
        """Each kind once in every four cycles, in any order."""
        if not self.coming:
            self.coming = self.dice.sample(KINDS, len(KINDS))
        return self.coming.pop()

    def _kill(self, kind: str) -> None:
        house = self.house
        steps = {
            "server": [house.kill],
            "postgres": [house.kill_postgres],
            "both": [house.kill, house.kill_postgres],
            "backend": [lambda: house.kill_backend(self.dice.choice)],
        }[kind]
        self.dice.shuffle(steps)
        for step in steps:
            step()
        if house.kill in steps:
            house.start()

    async def _settle(self) -> None:
        """Let everything fall due, read everything again from the beginning, and judge."""
        due = latest_release(self.stage.journal) - milliseconds(self.house.latest())
        await self.house.turn(timedelta(milliseconds=max(due, 0) + 60_000))
        try:
            await self._catch_up(self.readers[-1])
            for reader in self.readers:
                await reader.drain()
            await self._compare()
        except BrokenPage as broken:
            self.stage.journal.accuse(str(broken))
        async with self.house.site().connection() as connection:
            self.stage.journal.violations += (await inspect_store(connection)).wrong

    async def _catch_up(self, reader: Reader) -> None:
        """Until the server has noticed how late it is: what fell due last is then there to be read."""
        held = {one.item_hash for one in self.stage.journal.written.values() if not one.recalled}
        async with asyncio.timeout(_PATIENCE):
            while held - {one.entry.item_hash for walk in reader.walks.values() for one in walk.seen}:
                await reader.follow(wait=1)

    async def _compare(self) -> None:
        """A fresh walk of each thread by each of its people is what the followers saw on their way."""
        threads = {thread.thread: thread for thread in self.threads}
        for reader in self.readers:
            for followed in reader.walks.values():
                thread = threads[followed.thread]
                fresh = _walk(reader.person.place, thread)
                await read_on(self.stage, reader.person, fresh, size=100)
                if followed.seen != fresh.seen:
                    self.stage.journal.accuse(f"{reader.name} saw another thread on the way than in the end")
                self._open_all(thread, fresh)

    def _open_all(self, thread: Thread, walk: Walk) -> None:
        texts = {one.mid: one.text for one in self.stage.journal.written.values()}
        for one in items_of(walk.seen):
            opened = open_message(one.item, thread.secret, thread.commit)
            if one.promise is None or opened.payload.body != texts.get(one.promise.mid):
                self.stage.journal.accuse(f"position {one.entry.n} opens to another text")

    def _told(self) -> Outcome:
        journal, out = self.stage.journal, self.outcome
        seen = {walk.thread: walk.seen for walk in self.readers[-1].walks.values()}
        keys = self.people[0].place.receipt_keys
        out.violations = [*journal.violations, *judge(journal.written.values(), seen, keys)]
        out.acknowledged, out.recalled = journal.acknowledged, journal.recalled
        out.repeated, out.broken = journal.repeated, journal.broken
        return out


def _walk(place: Place, thread: Thread) -> Walk:
    return Walk(thread.thread, place.receipt_keys, thread.t0)
