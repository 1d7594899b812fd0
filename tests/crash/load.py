"""Writers and readers who go on whatever happens to the server, and note everything they meet."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.messages import Recall as RecallBody
from etherapy.protocol.messages import SendMessage, Sent
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import AlreadyPlaced, Busy, LoginFailed
from etherapy.protocol.threads import Page, PageQuery, SyncQuery
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from etherapy.tep.receipts import Promise, read_core
from etherapy.tep.shape import ZEROS_32
from tests.crash.house import House
from tests.crash.journal import BrokenPage, Journal, Walk, Written
from tests.crash.people import Person, Thread

Found = TypeVar("Found")
AWAY = (Unreachable, Unavailable, TooManyRequests, Busy, LoginFailed)
"""What a device meets with trying again. LoginFailed: the clock was turned between challenge and answer."""
_BREATH = 0.02
_KEPT = 200


@dataclass(slots=True)
class Stage:
    """What all of them share. `up` is set while the server is believed to serve."""

    house: House
    journal: Journal
    dice: Random
    up: asyncio.Event = field(default_factory=asyncio.Event)

    async def insist(self, ask: Callable[[], Awaitable[Found]]) -> Found:
        """Ask the same thing until it is answered; a refusal is raised."""
        while True:
            try:
                return await ask()
            except AWAY:
                self.journal.broken += 1
                await self.up.wait()
                await asyncio.sleep(_BREATH * self.dice.random())


@dataclass(slots=True)
class Writer:
    """One person who writes into one thread, a message after the other, and never gives one up."""

    name: str
    stage: Stage
    thread: Thread
    person: Person
    walk: Walk
    """What this person has read of the thread: goes into the view of each message."""
    kept: list[Written] = field(default_factory=list)
    held: list[Written] = field(default_factory=list)
    count: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Write, repeat and take back until told to stop; then finish what is begun."""
        while not stop.is_set():
            chance = self.stage.dice.random()
            if chance < 0.08 and self.kept:
                await self.deliver(self.stage.dice.choice(self.kept))
            elif chance < 0.16 and self.held:
                await self._take_back(self.held.pop(self.stage.dice.randrange(len(self.held))))
            else:
                await self._write()

    async def repeat_newest(self) -> None:
        """Send again what was acknowledged last: what a crash that loses anything loses first."""
        for message in self.kept[-3:]:
            await self.deliver(message)

    async def deliver(self, message: Written) -> None:
        """Send these bytes until there is an answer."""
        body = SendMessage(B64(message.envelope))

        async def ask() -> Sent:
            message.attempts += 1
            return await self.person.door.call(endpoints.send_message, body, thread=self.thread.thread)

        try:
            self.stage.journal.note(message, await self.stage.insist(ask))
        except (Problem, Garbled) as refusal:
            self.stage.journal.accuse(f"{self.name} #{message.number} was refused: {refusal!r}")

    async def _write(self) -> None:
        dice, now = self.stage.dice, self.stage.house.latest()
        self.count += 1
        text, mid = f"{self.name} says {self.count}", dice.randbytes(16)
        urgent = dice.random() < 0.05
        envelope = self.thread.seal(
            self.person, text, mid=mid, at=now, urgent=urgent, n=self.walk.n, t=self.walk.t
        )
        item_hash = parse_envelope(envelope).item_hash
        message = Written(self.name, self.thread.thread, mid, item_hash, envelope, text, 0.0, self.count)
        self.stage.journal.begin(message)
        await self.deliver(message)
        if message.answer is None:
            return
        self.kept = [*self.kept[-_KEPT:], message]
        if message.answer.state.state == "held":
            self.held = [*self.held[-20:], message]

    async def _take_back(self, message: Written) -> None:
        at = milliseconds(self.stage.house.latest())
        recall = Recall(
            RecallMode.RECALL,
            message.thread,
            message.mid,
            self.person.keys.device_id,
            message.item_hash,
            ZEROS_32,
            at,
        )
        body = RecallBody(B64(sign_recall(recall, self.person.keys.sign)))
        try:
            answer = await self.stage.insist(
                lambda: self.person.door.call(endpoints.recall_message, body, thread=self.thread.thread)
            )
        except AlreadyPlaced:
            return
        except (Problem, Garbled) as refusal:
            self.stage.journal.accuse(f"{self.name} #{message.number} could not be taken back: {refusal!r}")
            return
        message.recalled = answer.state.state == "recalled"
        self.stage.journal.recalled += message.recalled


@dataclass(slots=True)
class Reader:
    """One person who follows all threads by cursor, and reads on in each that is said to have changed."""

    name: str
    stage: Stage
    person: Person
    walks: dict[bytes, Walk]
    cursor: int = 0
    broken: bool = False
    """Was shown something that does not hold, and reads no more."""

    async def run(self, stop: asyncio.Event) -> None:
        """Follow by long poll until told to stop, then to the end."""
        while not stop.is_set() and not self.broken:
            await self.follow(wait=1)
        await self.drain()

    async def drain(self) -> None:
        """Follow until there is nothing new."""
        while not self.broken and await self.follow(wait=0):
            pass

    async def follow(self, wait: int) -> bool:
        """One look at what changed; whether anything had."""
        query = SyncQuery(after=self.cursor, limit=3, wait=wait)
        try:
            changes = await self.stage.insist(
                lambda: self.person.door.call(endpoints.read_changes, query=query)
            )
            for change in changes.threads:
                await read_on(self.stage, self.person, self.walks[bytes(change.thread)])
        except (Problem, Garbled, BrokenPage) as refusal:
            self.stage.journal.accuse(f"{self.name}: {refusal!r}")
            self.broken = True
            return False
        self.cursor = changes.cursor
        return bool(changes.threads)


async def read_on(stage: Stage, person: Person, walk: Walk, size: int = 7) -> None:
    """Read a thread from where the walk stands to its end; BrokenPage if it does not go on from there."""
    while True:
        query = PageQuery(after=walk.n, limit=size)

        async def ask(query: PageQuery = query) -> Page:
            return await person.door.call(endpoints.read_page, query=query, thread=walk.thread)

        page = await stage.insist(ask)
        walk.extend(page, stage.house.latest())
        if walk.n >= page.last_n:
            return


def latest_release(journal: Journal) -> int:
    """The latest instant (ms) at which anything that was acknowledged falls due."""
    answers = [one.answer for one in journal.written.values() if one.answer is not None]
    promises = [read_core(bytes(answer.receipt)[: Promise.LAYOUT.size]) for answer in answers]
    return max((one.release_at for one in promises if isinstance(one, Promise)), default=0)
