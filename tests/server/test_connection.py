"""Deadlines, sizes, and one request at a time on a connection (guarantees.md 2.3, 3.6, 4.4)."""

import asyncio
import time
from contextlib import suppress

from tests.server.small_house import THREAD, note_body, opened, request, until

NOTES = f"/threads/{THREAD}/notes"
NOTE = f"/notes/{THREAD}"


async def test_a_silent_connection_is_cut_at_the_header_deadline() -> None:
    async with opened(header_deadline=0.3) as house:
        talk = await house.connect()
        begun = time.monotonic()
        assert await talk.closed(within=3)
        assert 0.2 < time.monotonic() - begun < 2
        await talk.close()


async def test_a_header_that_trickles_in_is_cut_at_the_header_deadline() -> None:
    async with opened(header_deadline=0.3) as house:
        talk = await house.connect()
        begun = time.monotonic()
        ended = asyncio.ensure_future(talk.closed(within=3))
        for sign in b"GET /live HTTP/1.1\r\nHost: therapy.example\r\n":
            if ended.done():
                break
            talk.writer.write(bytes([sign]))
            await asyncio.wait({ended}, timeout=0.05)
        assert await ended
        assert time.monotonic() - begun < 2
        await talk.close()


async def test_a_slow_header_after_a_good_request_is_cut_too() -> None:
    async with opened(header_deadline=0.3, keep_alive=5) as house:
        talk = await house.connect()
        await talk.send(request("GET", NOTE))
        assert (await talk.reply()).status == 200
        await talk.send(b"GET /live HTTP/1.1\r\nHo")
        begun = time.monotonic()
        assert await talk.closed(within=3)
        assert time.monotonic() - begun < 2
        await talk.close()


async def test_an_idle_connection_is_kept_for_its_time_and_no_longer() -> None:
    async with opened(header_deadline=0.2, keep_alive=0.6) as house:
        talk = await house.connect()
        await talk.send(request("GET", NOTE))
        assert (await talk.reply()).status == 200
        begun = time.monotonic()
        assert await talk.closed(within=4)
        assert 0.4 < time.monotonic() - begun < 3
        await talk.close()


async def test_a_body_that_never_comes_is_408() -> None:
    async with opened(body_grace=0.3) as house:
        body = note_body()
        talk = await house.connect()
        await talk.send(request("POST", NOTES, body)[:-5])
        reply = await talk.reply()
        assert (reply.status, reply.json["type"]) == (408, "/problems/too-slow")
        assert await talk.closed(within=4)
        await talk.close()


async def test_a_body_below_the_floor_is_cut_before_its_deadline() -> None:
    async with opened(body_grace=0.3, body_deadline=5, body_floor=1024) as house:
        talk = await house.connect()
        await talk.send(request("POST", "/shouts", b" " * 9_000)[:-9_000])
        begun = time.monotonic()
        answer = asyncio.ensure_future(talk.reply())
        while not answer.done():
            talk.writer.write(b"     ")
            await asyncio.wait({answer}, timeout=0.05)
        assert (await answer).status == 408
        assert time.monotonic() - begun < 2
        await talk.close()


async def test_a_body_above_the_floor_still_has_to_end_in_time() -> None:
    async with opened(body_grace=0.3, body_deadline=0.6, body_floor=1) as house:
        talk = await house.connect()
        await talk.send(request("POST", "/shouts", b" " * 9_000)[:-9_000])
        answer = asyncio.ensure_future(talk.reply())
        while not answer.done():
            talk.writer.write(b" " * 10)
            await asyncio.wait({answer}, timeout=0.05)
        assert (await answer).status == 408
        await talk.close()


async def test_a_large_body_is_refused_by_its_declared_length() -> None:
    async with opened() as house:
        raw = request("POST", "/shouts", b"", Content_Length="100000000")
        reply = await house.say(raw)
        assert (reply.status, reply.json["limit"]) == (413, 65_536)


async def test_a_large_body_is_refused_while_it_streams() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", "/shouts", b"", Transfer_Encoding="chunked", Content_Length=""))
        answer = asyncio.ensure_future(talk.reply())
        sent = 0
        while not answer.done() and sent < 100_000_000:
            try:
                await talk.send(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
            except ConnectionError:
                break
            sent += 0x4000
            await asyncio.wait({answer}, timeout=0)
        assert (await answer).status == 413
        assert sent < 10_000_000
        assert await talk.closed(within=4)
        await talk.close()


async def test_a_body_in_chunks_of_one_byte_is_read() -> None:
    body = note_body()
    chunks = b"".join(b"1\r\n%c\r\n" % sign for sign in body) + b"0\r\n\r\n"
    async with opened() as house:
        raw = request("POST", NOTES, b"", Transfer_Encoding="chunked", Content_Length="") + chunks
        assert (await house.say(raw)).status == 201


async def test_a_sealed_body_may_have_256_kib_and_no_more() -> None:
    async with opened() as house:
        body = note_body()
        padded = body + b" " * (256 * 1024 - len(body))
        assert (await house.ask("POST", NOTES, padded)).status == 201
        assert (await house.ask("POST", NOTES, padded + b" ")).status == 413


async def test_bodies_together_may_hold_so_much_memory() -> None:
    async with opened(body_memory=1 << 18, body_grace=0.5, body_deadline=0.8) as house:
        talks = [await house.connect() for _ in range(3)]
        for talk in talks:
            await talk.send(request("POST", NOTES, b" " * 200_000)[:-1])
        replies = await asyncio.gather(*(talk.reply() for talk in talks))
        assert sorted(reply.status for reply in replies)[-1] == 503
        for talk in talks:
            await talk.close()
        assert (await house.ask("POST", NOTES, note_body())).status == 201


async def test_the_header_block_has_a_size() -> None:
    async with opened() as house:
        fits = await house.ask("GET", NOTE, more={f"X{n}": "a" * 1000 for n in range(15)})
        large = await house.ask("GET", NOTE, more={f"X{n}": "a" * 1000 for n in range(17)})
        line = await house.ask("GET", NOTE, X="a" * 17_000)
        many = await house.ask("GET", NOTE, more={f"X{n}": "a" for n in range(1000)})
    assert [fits.status, large.status, line.status, many.status] == [200, 431, 431, 431]


async def test_an_endless_header_is_cut_long_before_it_fills_memory() -> None:
    async with opened(header_deadline=5) as house:
        talk = await house.connect()
        await talk.send(b"GET /live HTTP/1.1\r\nHost: a\r\n")
        ended = asyncio.ensure_future(talk.closed(within=4))
        sent = 0
        while not ended.done() and sent < 10_000_000:
            with suppress(ConnectionError):
                await talk.send(b"X: " + b"a" * 1000 + b"\r\n")
            sent += 1000
            await asyncio.wait({ended}, timeout=0.001)
        assert await ended
        assert sent < 1_000_000
        assert [line["problem"] for line in house.lines()] == ["headers_too_large"]
        await talk.close()


async def test_an_address_has_a_length() -> None:
    async with opened() as house:
        assert (await house.ask("GET", "/" + "a" * 4095)).status == 404
        assert (await house.ask("GET", "/" + "a" * 4096)).status == 414
        assert (await house.ask("GET", "/" + "a" * 65_536)).status == 414


async def test_a_second_request_before_the_first_answer_is_not_served() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", NOTES, note_body()) + request("DELETE", NOTE))
        assert (await talk.reply()).status == 201
        assert await talk.reader.read() == b""
        await talk.close()
    assert house.parts.calls == ["write_note"]


async def test_a_request_sent_while_another_is_served_ends_the_connection_after_its_answer() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", "/long"))
        await house.parts.begun.wait()
        await talk.send(request("DELETE", NOTE))
        assert (await house.ask("GET", "/live")).status == 200  # by now the server has seen the bytes before
        house.parts.go_on.set()
        assert (await talk.reply()).status == 200
        assert await talk.closed(within=2)
        await talk.close()
    assert house.parts.calls == []


async def test_beyond_the_bound_connections_are_closed_at_once() -> None:
    async with opened(max_connections=3, header_deadline=5) as house:
        talks = [await house.connect() for _ in range(3)]
        await talks[0].send(request("GET", NOTE))
        assert (await talks[0].reply()).status == 200
        extra = await house.connect()
        assert await extra.closed(within=2)
        for talk in [*talks, extra]:
            await talk.close()


async def test_a_handler_runs_to_its_end_though_the_client_left() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", "/long"))
        await house.parts.begun.wait()
        talk.writer.transport.abort()
        house.parts.go_on.set()
        async with asyncio.timeout(2):
            await house.parts.done.wait()


async def test_a_long_poll_ends_when_the_client_leaves() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("GET", "/news?seconds=30"))
        await house.parts.begun.wait()
        talk.writer.transport.abort()
        async with asyncio.timeout(2):
            await house.parts.done.wait()


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    size = 40_000_000
    async with opened(answer_deadline=0.5) as house:
        talk = await house.connect()
        await talk.send(request("GET", f"/tiles/{size}"))
        talk.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: house.service.connections == 1)
        await until(lambda: house.service.connections == 0)
        talk.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with suppress(ConnectionError):
            assert len(await talk.reader.read(size)) < size
        await talk.close()
