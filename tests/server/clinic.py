"""A server under test, and the people in it with what they have sent and left."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
from msgspec.structs import replace as replace_struct

from etherapy.binary import B64
from etherapy.clock import TestClock
from etherapy.merkle.tree import empty_root
from etherapy.protocol import endpoints, messages
from etherapy.rules.calendar import milliseconds
from etherapy.server.keys import ServerSecrets
from etherapy.server.listening import Service
from etherapy.server.main import Application
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry
from etherapy.store.connection import Connection, connect
from etherapy.store.database import Database
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from tests.postgres_fixture import Store
from tests.server.asking import Line
from tests.server.people import (
    Offer,
    Sealed,
    Somebody,
    Talk,
    invitation,
    make_offer,
    seal,
    send,
)

ORIGIN = "https://therapy.example"
NIGHT = datetime(2026, 6, 1, 2, 40, tzinfo=UTC)
"""Sunday 22:40 in New York: messages of clients wait for Monday 09:00."""
MORNING = datetime(2026, 6, 1, 13, 0, tzinfo=UTC)
"""Monday 09:00 in New York."""
WORDS = "I could not sleep again, the dream about the harbour came back"
"""What is said in every message, with something behind it that tells them apart."""


@dataclass
class Clinic:
    """A running server and everybody in it. `line` is anybody's way to it."""

    store: Store
    service: Service
    application: Application
    database: Database
    operate: Connection
    secrets: ServerSecrets
    clock: TestClock
    line: Line
    practices: dict[str, bytes] = field(default_factory=dict)
    people: dict[str, Somebody] = field(default_factory=dict)
    talks: dict[str, Talk] = field(default_factory=dict)
    """By the client's name."""
    sent: dict[str, Sealed] = field(default_factory=dict)
    """By the writer's name and what became of it: `A.client placed`, `A.client held`, `A.client recalled`."""
    offers: dict[str, Offer] = field(default_factory=dict)
    """Open invitations, by the therapist's name."""

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def settle(self, who: Somebody) -> Somebody:
        self.people[who.name] = who
        return who

    async def log_size(self, who: Somebody) -> tuple[int, bytes]:
        """Size and root of the keys log as this person is told."""
        found = await self.line.call(endpoints.read_checkpoint, token=who.token, log="keys")
        return (found.size, bytes(found.root)) if found.size else (0, empty_root())

    async def make_rounds(self) -> None:
        """What the workers would do now."""
        await self.application.rounds.tick(self.now)

    async def execute(self, sql: str) -> None:
        """A change to this clone as its owner, past row level security: for planting defects."""
        await self.operate.execute(sql)

    async def prepare_offer(self, therapist: str, **how: bytes) -> Offer:
        """An invitation that is not left yet."""
        who = self.people[therapist]
        return make_offer(who, self.secrets.server_id, self.now, await self.log_size(who), **how)

    async def leave_offer(self, therapist: str) -> Offer:
        """An open invitation."""
        offer = await self.prepare_offer(therapist)
        await self.line.call(endpoints.invite, invitation(offer), token=self.people[therapist].token)
        return offer

    async def say(self, writer: str, what: str, talk: Talk, *, urgent: bool = False) -> Sealed:
        """A message, remembered as `{writer} {what}`."""
        by = self.people[writer]
        message = seal(talk, by, f"{WORDS}: {writer} {what}", urgent=urgent)
        await send(self.line, talk, by, message)
        self.sent[f"{writer} {what}"] = message
        return message

    async def take_back(self, writer: str, talk: Talk, message: Sealed) -> messages.Sent:
        body = messages.Recall(B64(recall_of(self.people[writer], talk.thread, message, self.now)))
        return await self.line.call(
            endpoints.recall_message, body, token=self.people[writer].token, thread=talk.thread
        )


def recall_of(by: Somebody, thread: bytes, message: Sealed, now: datetime) -> bytes:
    """A signed Recall of a held message."""
    at = milliseconds(now)
    core = Recall(RecallMode.RECALL, thread, message.mid, by.keys.device_id, message.item_hash, bytes(32), at)
    return sign_recall(core, by.keys.sign)


@asynccontextmanager
async def running(
    store: Store,
    place: Path,
    secrets: ServerSecrets,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
    telemetry: Telemetry | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[Clinic]:
    """The whole application on loopback over `store`, with nobody in it yet."""
    ours = replace_struct(
        settings or Settings(limits=False),
        data=place,
        origin=ORIGIN,
        listen="127.0.0.1:0",
        health_listen="127.0.0.1:0",
    )
    clock = TestClock(now)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(store.serve_dsn, size=4))
        operate = await connect(store.operate_dsn, timeout=10, name="tests")
        stack.push_async_callback(operate.close)
        told = telemetry or Telemetry(b"tests", log_requests=False)
        application = Application(ours, database, secrets, clock, told, random)
        service = Service(application.door, ours, application.missing)
        await service.start()
        stack.push_async_callback(service.stop)
        jar = aiohttp.DummyCookieJar()
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        line = Line(f"http://{service.public}", session)
        yield Clinic(store, service, application, database, operate, secrets, clock, line)
