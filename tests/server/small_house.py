"""A small table with handlers, served for real on a loopback port: what the tests of the door speak to."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from etherapy.binary import B64, Id16, b64
from etherapy.clock import TestClock
from etherapy.protocol.endpoint import OPEN, SEALED_BODY, Endpoint, Table, table
from etherapy.protocol.problem import Problem
from etherapy.server import telemetry
from etherapy.server.context import Context
from etherapy.server.health import Ready, always_ready
from etherapy.server.http import Door
from etherapy.server.listening import Service
from etherapy.server.routes import Handler
from etherapy.server.settings import Settings
from etherapy.store.faults import Refused, StoreUnavailable

PRACTICE = bytes(range(16))
TOKEN = b64(PRACTICE + b"s" * 32)
THREAD = b64(b"t" * 16)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Note(msgspec.Struct, frozen=True):
    id: Id16
    text: str
    size: int = 0


class WriteNote(msgspec.Struct, frozen=True):
    mid: Id16
    sealed: B64
    text: str = ""
    count: int = 0
    ratio: float = 0.0
    inner: "list[Inner]" = []


class Inner(msgspec.Struct, frozen=True):
    name: str


class Shout(msgspec.Struct, frozen=True):
    words: str


class Waited(msgspec.Struct, frozen=True):
    arrived: bool


class WaitQuery(msgspec.Struct, frozen=True):
    seconds: int = 0
    label: str = ""


@dataclass(eq=False)
class NoteRefused(Problem, status=409):
    """What was agreed does not allow this now."""

    because: list[str]
    retry_at: datetime | None = None


@dataclass
class Parts:
    """What the handlers share with the tests."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[str] = field(default_factory=list)
    last: Context[Any] | None = None
    busy_answers: int = 0


class endpoints:
    read_note = Endpoint("GET", "/notes/{note}", gives=Note)
    write_note = Endpoint(
        "POST", "/threads/{thread}/notes", takes=WriteNote, gives=Note, status=201,
        body_limit=SEALED_BODY, repeatable=True, problems=(NoteRefused,),
    )  # fmt: skip
    erase_note = Endpoint("DELETE", "/notes/{note}")
    shout = Endpoint("POST", "/shouts", takes=Shout, gives=Note, access=OPEN)
    wait_for_news = Endpoint("GET", "/news", gives=Waited, query=WaitQuery, waits=True)
    fail = Endpoint("GET", "/failures/{kind}", gives=Note, where={"kind": str}, access=OPEN)
    take_long = Endpoint("POST", "/long", gives=Note, access=OPEN)
    read_tile = Endpoint[None, bytes](
        "GET", "/tiles/{level}", gives=bytes, where={"level": int}, access=OPEN, media="text/plain"
    )


async def read_note(ctx: Context[Parts], note: Id16) -> Note:
    """Give one note."""
    ctx.parts.calls.append("read_note")
    ctx.parts.last = ctx
    return Note(note, "hello")


async def write_note(ctx: Context[Parts], thread: Id16, body: WriteNote) -> Note:
    """Keep a note. Nothing is said about when."""
    ctx.parts.calls.append("write_note")
    ctx.parts.last = ctx
    if ctx.parts.busy_answers:
        ctx.parts.busy_answers -= 1
        raise StoreUnavailable("57P01")
    if body.text == "decline":
        raise NoteRefused(["turn_taking"], NOW)
    if body.text == "again":
        ctx.mark_repeated()
    return Note(body.mid, body.text, len(body.sealed))


async def erase_note(ctx: Context[Parts], note: bytes) -> None:
    """Erase a note."""
    ctx.parts.calls.append("erase_note")


async def shout(ctx: Context[Parts], body: Shout) -> Note:
    """Say something loudly."""
    return Note(Id16(ctx.new_id()), body.words)


async def wait_for_news(ctx: Context[Parts], query: WaitQuery) -> Waited:
    """Answer when there is news."""
    ctx.parts.begun.set()
    found = await ctx.wait(ctx.parts.news.wait(), timedelta(seconds=query.seconds))
    ctx.parts.done.set()
    return Waited(found is not None)


async def fail(ctx: Context[Parts], kind: str) -> Note:
    """Fail in a chosen way."""
    secret = "canary-in-a-local-variable"
    if kind == "away":
        raise StoreUnavailable("08006")
    if kind == "no-session":
        raise Refused("ET401", "no_session")
    if kind == "unnamed":
        raise Refused("ET999", "canary-of-the-store")
    raise ValueError(f"canary-in-a-message {secret}")


async def take_long(ctx: Context[Parts]) -> Note:
    """Do something that takes a while and must not be left half done."""
    ctx.parts.begun.set()
    await ctx.parts.go_on.wait()
    ctx.parts.done.set()
    return Note(Id16(b"l" * 16), "done")


async def read_tile(ctx: Context[Parts], level: int) -> bytes:
    """Give one tile as it is."""
    return f"tile {level}\n".encode() if level < 1000 else bytes(level)


TABLE: Table = table(vars(endpoints))
HANDLERS: dict[str, Handler] = {
    "read_note": read_note, "write_note": write_note, "erase_note": erase_note, "shout": shout,
    "wait_for_news": wait_for_news, "fail": fail, "take_long": take_long, "read_tile": read_tile,
}  # fmt: skip


@dataclass
class Reply:
    """One HTTP answer, read from the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(found) < 2, f"{name} twice"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Opened:
    """A served house."""

    service: Service
    parts: Parts
    log: io.StringIO

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    async def connect(self, place: str = "") -> "Talk":
        host, _, port = (place or self.service.public).rpartition(":")
        return Talk(*await asyncio.open_connection(host.strip("[]"), int(port)))

    async def say(self, raw: bytes, place: str = "") -> Reply:
        """Send raw bytes on a fresh connection and read one answer."""
        talk = await self.connect(place)
        try:
            await talk.send(raw)
            return await talk.reply()
        finally:
            await talk.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        token: str | None = TOKEN,
        place: str = "",
        more: Mapping[str, str] = MappingProxyType({}),
        **headers: str,
    ) -> Reply:
        """One well-formed request; header names are written with underscores."""
        return await self.say(request(method, path, body, token, more, **headers), place)


@dataclass
class Talk:
    """One raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def reply(self, *, head: bool = False) -> Reply:
        async with asyncio.timeout(10):
            start = await self.reader.readuntil(b"\r\n\r\n")
            status_line, *lines = start.decode("latin-1").strip().split("\r\n")
            headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
            reply = Reply(int(status_line.split()[1]), headers, b"")
            length = int(reply.header("Content-Length") or 0)
            reply.body = b"" if head else await self.reader.readexactly(length)
            return reply

    async def closed(self, within: float = 5.0) -> bool:
        """Whether the server ends the connection in time."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def request(
    method: str,
    path: str,
    body: bytes | None = None,
    token: str | None = TOKEN,
    more: Mapping[str, str] = MappingProxyType({}),
    **headers: str,
) -> bytes:
    """The bytes of a request."""
    lines = {"Host": "therapy.example"}
    if token is not None:
        lines["Authorization"] = f"Bearer {token}"
    if body is not None:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines |= {name.replace("_", "-"): value for name, value in {**more, **headers}.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


async def until(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Return as soon as `condition` holds; TimeoutError if it does not in time."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for is not ours to signal
            await asyncio.sleep(0.005)


def note_body(**fields: Any) -> bytes:
    """A good body for write_note, with some fields changed."""
    return json.dumps({"mid": b64(b"m" * 16), "sealed": b64(b"sealed words"), **fields}).encode()


def quick(**changes: Any) -> Settings:
    """Settings with short deadlines and free ports."""
    given: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "health_listen": "127.0.0.1:0",
        "origin": "https://therapy.example",
        "header_deadline": 0.4,
        "body_deadline": 0.8,
        "body_grace": 0.4,
        "keep_alive": 0.6,
        "stop_deadline": 2.0,
        "answer_deadline": 1.0,
        "limits": False,
        "log_key": "key of the tests",
    }
    return Settings(**{**given, **changes})


@asynccontextmanager
async def opened(ready: Ready = always_ready, **changes: Any) -> AsyncIterator[Opened]:
    """The small house, served until the end of the block."""
    log = io.StringIO()
    telemetry.configure(log)
    settings = quick(**changes)
    parts = Parts()
    told = telemetry.Telemetry(b"key of the tests", log_requests=settings.log_requests)
    door = Door(settings, TABLE, HANDLERS, parts, TestClock(NOW), told)
    service = Service(door, settings, ready)
    await service.start()
    try:
        yield Opened(service, parts, log)
    finally:
        parts.go_on.set()
        await service.stop()
