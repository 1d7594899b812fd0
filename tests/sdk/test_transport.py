"""The SDK's transport against the real door: the same problems, and nothing believed blindly."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from etherapy.binary import B64, Id16
from etherapy.protocol.door import Invalid, NoSession, NoSuchPlace, TooManyRequests, Unavailable
from etherapy.protocol.endpoint import OPEN, Endpoint
from etherapy.protocol.problem import Unexpected
from etherapy.sdk import transport as transport_module
from etherapy.sdk.transport import Garbled, Transport, Unreachable
from tests.server.small_house import (
    NOW,
    TOKEN,
    Note,
    NoteRefused,
    Opened,
    Shout,
    Waited,
    WaitQuery,
    WriteNote,
    endpoints,
    opened,
)

NOTE = WriteNote(Id16(b"m" * 16), B64(b"sealed words"), "hello")


class Tokens:
    """A provider that remembers what was asked of it."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    async def current(self) -> str:
        return self.tokens[0]

    async def renew(self, refused: str) -> str:
        self.refused.append(refused)
        if len(self.tokens) < 2:
            raise NoSession()
        del self.tokens[0]
        return self.tokens[0]


class Pauses:
    """Waits for nothing, and remembers how long it should have been."""

    def __init__(self, then: Callable[[], Awaitable[None]] | None = None) -> None:
        self.seconds: list[float] = []
        self._then = then

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self._then is not None:
            await self._then()


@asynccontextmanager
async def talking(pauses: Pauses | None = None, **changes: Any) -> AsyncIterator[tuple[Opened, Transport]]:
    async with (
        opened(**changes) as house,
        Transport(f"http://{house.service.public}", Tokens(TOKEN), pause=pauses or Pauses()) as transport,
    ):
        yield house, transport


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers each connection with fixed bytes, in turn, the last for ever; b"" breaks off."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answers[min(len(heard), len(answers)) - 1])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}", heard


def answer(status: int, body: bytes, media: str = "application/json", **headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        f"Content-Type: {media}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


GOOD = answer(200, b'{"id":"bW1tbW1tbW1tbW1tbW1tbQ","text":"hello","size":0}')


async def test_an_endpoint_and_a_body_become_an_answer() -> None:
    async with talking() as (house, transport):
        note = await transport.call(endpoints.write_note, NOTE, thread=b"t" * 16)
        assert note == Note(NOTE.mid, "hello", 12)
        assert isinstance(note.id, Id16)
        assert (await transport.call(endpoints.read_note, note=b"n" * 16)).id == b"n" * 16
        await transport.call(endpoints.erase_note, note=b"n" * 16)
        assert await transport.call(endpoints.read_tile, level=3) == b"tile 3\n"
        assert (await transport.call(endpoints.shout, Shout("hey"))).text == "hey"
        assert house.parts.calls == ["write_note", "read_note", "erase_note"]


async def test_one_connection_serves_many_calls() -> None:
    async with talking() as (house, transport):
        for _ in range(5):
            await transport.call(endpoints.write_note, NOTE, thread=b"t" * 16)
            await transport.call(endpoints.read_note, note=b"n" * 16)
        assert house.service.connections == 1


async def test_a_query_travels_without_its_defaults() -> None:
    async with (
        answering(answer(200, b'{"arrived":true}')) as (origin, heard),
        Transport(origin, Tokens("t")) as transport,
    ):
        assert await transport.call(
            endpoints.wait_for_news, query=WaitQuery(seconds=3, label="a b&c")
        ) == Waited(True)
        await transport.call(endpoints.wait_for_news, query=WaitQuery())
    assert heard[0].startswith(b"GET /news?seconds=3&label=a+b%26c HTTP/1.1\r\n")
    assert heard[1].startswith(b"GET /news HTTP/1.1\r\n")


async def test_the_same_problem_is_raised_as_in_the_handler() -> None:
    async with talking() as (_, transport):
        with pytest.raises(NoteRefused) as refusal:
            await transport.call(
                endpoints.write_note, WriteNote(NOTE.mid, NOTE.sealed, "decline"), thread=b"t" * 16
            )
        assert (refusal.value.because, refusal.value.retry_at) == (["turn_taking"], NOW)
        assert refusal.value.request_id
        with pytest.raises(Unexpected) as fault:
            await transport.call(endpoints.fail, kind="any")
        assert fault.value.status == 500
        wrong = Endpoint[None, Note]("GET", "/nowhere", gives=Note)
        with pytest.raises(NoSuchPlace):
            await transport.call(wrong)
        older = Endpoint("POST", "/shouts", takes=WriteNote, gives=Note, access=OPEN)
        with pytest.raises(Invalid) as invalid:
            await transport.call(older, NOTE)
        assert invalid.value.at == "$"


async def test_the_token_goes_in_its_header_and_only_where_it_is_asked_for() -> None:
    async with answering(GOOD) as (origin, heard), Transport(origin, Tokens("secret")) as transport:
        await transport.call(endpoints.read_note, note=b"n" * 16)
        await transport.call(endpoints.shout, Shout("hey"))
    assert b"\r\nAuthorization: Bearer secret\r\n" in heard[0]
    assert b"secret" not in heard[1]
    assert b"User-Agent" not in heard[0]
    assert b"Cookie" not in heard[0]


async def test_a_refused_token_is_renewed_once() -> None:
    async with opened() as house, Transport(f"http://{house.service.public}") as transport:
        transport.tokens = tokens = Tokens("stale", TOKEN)
        assert (await transport.call(endpoints.read_note, note=b"n" * 16)).text == "hello"
        assert tokens.refused == ["stale"]
        transport.tokens = tokens = Tokens("stale", "stale too", TOKEN)
        with pytest.raises(NoSession):
            await transport.call(endpoints.read_note, note=b"n" * 16)
        assert tokens.refused == ["stale"]
        transport.tokens = Tokens("stale")
        with pytest.raises(NoSession):
            await transport.call(endpoints.read_note, note=b"n" * 16)
        transport.tokens = None
        with pytest.raises(NoSession):
            await transport.call(endpoints.read_note, note=b"n" * 16)


async def test_what_is_harmless_is_repeated_while_the_server_is_busy() -> None:
    pauses = Pauses()
    async with talking(pauses) as (house, transport):
        house.parts.busy_answers = 3
        note = await transport.call(endpoints.write_note, NOTE, thread=b"t" * 16)
        assert note.text == "hello"
        assert house.parts.calls == ["write_note"] * 4
    assert len(pauses.seconds) == 3
    assert all(2 < seconds < 7 for seconds in pauses.seconds)


async def test_patience_has_an_end() -> None:
    pauses = Pauses()
    async with talking(pauses) as (house, transport):
        house.parts.busy_answers = 100
        with pytest.raises(Unavailable):
            await transport.call(endpoints.write_note, NOTE, thread=b"t" * 16)
        assert len(house.parts.calls) == 5
    assert len(pauses.seconds) == 4


async def test_what_might_take_effect_twice_is_not_repeated() -> None:
    once = Endpoint("POST", "/x", takes=Shout, gives=Note, access=OPEN)
    away = answer(503, b'{"type":"/problems/unavailable","status":503}', "application/problem+json")
    for first, raised in ((away, Unavailable), (b"", Unreachable), (b"HTTP/1.1 200", Unreachable)):
        async with answering(first, GOOD) as (origin, heard), Transport(origin, pause=Pauses()) as transport:
            with pytest.raises(raised):
                await transport.call(once, Shout("hey"))
            assert len(heard) == 1


async def test_a_request_that_was_refused_for_its_rate_comes_again_after_the_time_told() -> None:
    pauses = Pauses()
    busy = answer(
        429,
        b'{"type":"/problems/too-many-requests","retry_after":3}',
        "application/problem+json",
        **{"Retry-After": "3"},
    )
    once = Endpoint("POST", "/x", takes=Shout, gives=Note, access=OPEN)
    async with answering(busy, GOOD) as (origin, _), Transport(origin, pause=pauses) as transport:
        assert (await transport.call(once, Shout("hey"))).text == "hello"
    assert 3 < pauses.seconds[0] < 3.3
    async with answering(busy) as (origin, _), Transport(origin, pause=Pauses()) as transport:
        with pytest.raises(TooManyRequests):
            await transport.call(once, Shout("hey"))


async def test_the_same_bytes_are_sent_again_when_the_connection_breaks() -> None:
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        bodies.append(await reader.readexactly(length))
        if len(bodies) == 3:
            writer.write(GOOD.replace(b" 200 ", b" 201 "))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, Transport(f"http://{host}:{port}", Tokens(TOKEN), pause=Pauses()) as transport:
        await transport.call(endpoints.write_note, NOTE, thread=b"t" * 16)
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


async def test_a_server_that_is_not_there_is_unreachable_in_words_without_addresses_of_the_request() -> None:
    pauses = Pauses()
    async with opened() as house:
        origin = f"http://{house.service.public}"
    async with Transport(origin, Tokens(TOKEN), pause=pauses) as transport:
        with pytest.raises(Unreachable, match=f"^{origin} cannot be reached"):
            await transport.call(endpoints.read_note, note=b"n" * 16)
    assert len(pauses.seconds) == 4
    assert pauses.seconds[0] <= 0.2
    assert pauses.seconds[-1] > pauses.seconds[0]


async def test_a_server_that_comes_back_is_met_again() -> None:
    async with opened() as first:
        place = first.service.public
    async with Transport(f"http://{place}", Tokens(TOKEN), pause=Pauses()) as transport:
        with pytest.raises(Unreachable):
            await transport.call(endpoints.read_note, note=b"n" * 16)
        async with opened(listen=place):
            assert (await transport.call(endpoints.read_note, note=b"n" * 16)).text == "hello"


async def test_an_answer_that_does_not_come_is_unreachable() -> None:
    async with talking() as (house, transport):
        with pytest.raises(Unreachable):
            await transport.call(endpoints.take_long, time_out=0.1)
        house.parts.go_on.set()


async def test_redirects_are_not_followed() -> None:
    away = answer(302, b"", Location="http://127.0.0.1:1/elsewhere")
    async with answering(away) as (origin, heard), Transport(origin, Tokens(TOKEN)) as transport:
        with pytest.raises(Garbled):
            await transport.call(endpoints.read_note, note=b"n" * 16)
        assert len(heard) == 1


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, b"<html>", "text/html"),
        answer(200, b"{"),
        answer(200, b"[]"),
        answer(200, b'{"id":"bW1tbQ","text":"hello"}'),
        answer(200, b'{"id":"bW1tbW1tbW1tbW1tbW1tbR","text":"hello"}'),
        answer(200, b'{"id":"bW1tbW1tbW1tbW1tbW1tbQ","text":"\xff"}'),
    ],
)
async def test_what_cannot_be_an_answer_is_garbled(reply: bytes) -> None:
    async with answering(reply) as (origin, _), Transport(origin, Tokens(TOKEN)) as transport:
        with pytest.raises(Garbled):
            await transport.call(endpoints.read_note, note=b"n" * 16)


async def test_fields_of_a_newer_server_are_passed_over() -> None:
    newer = answer(200, b'{"id":"bW1tbW1tbW1tbW1tbW1tbQ","text":"hello","new":{"a":[1]}}')
    async with answering(newer) as (origin, _), Transport(origin, Tokens(TOKEN)) as transport:
        assert (await transport.call(endpoints.read_note, note=b"n" * 16)).text == "hello"


async def test_a_problem_in_a_proxys_own_words_is_unexpected_and_its_503_unavailable() -> None:
    async with (
        answering(answer(502, b"<html>", "text/html")) as (origin, _),
        Transport(origin, Tokens("t")) as transport,
    ):
        with pytest.raises(Unexpected) as fault:
            await transport.call(endpoints.read_note, note=b"n" * 16)
        assert fault.value.status == 502
    html = answer(503, b"<html>", "text/html")
    async with (
        answering(html, GOOD) as (origin, _),
        Transport(origin, Tokens("t"), pause=Pauses()) as transport,
    ):
        assert (await transport.call(endpoints.read_note, note=b"n" * 16)).text == "hello"


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_ANSWER", 1000)
    async with (
        answering(answer(200, b" " * 5000)) as (origin, _),
        Transport(origin, Tokens("t")) as transport,
    ):
        with pytest.raises(Garbled):
            await transport.call(endpoints.read_note, note=b"n" * 16)


async def test_parameters_that_are_not_the_templates_are_refused_before_anything_is_sent() -> None:
    async with talking() as (house, transport):
        for path in ({}, {"note": b"short"}, {"note": b"n" * 16, "other": 1}):
            with pytest.raises(TypeError):
                await transport.call(endpoints.read_note, **path)
        assert house.parts.calls == []


class Search(msgspec.Struct, frozen=True):
    after: Id16 | None = None
    newest: bool = False


async def test_ids_and_truth_values_travel_in_a_query_as_they_do_in_json() -> None:
    search = Endpoint("GET", "/search", gives=Note, query=Search, access=OPEN)
    async with answering(GOOD) as (origin, heard), Transport(origin) as transport:
        await transport.call(search, query=Search(Id16(b"m" * 16), True))
    assert heard[0].startswith(b"GET /search?after=bW1tbW1tbW1tbW1tbW1tbQ&newest=true HTTP/1.1\r\n")
