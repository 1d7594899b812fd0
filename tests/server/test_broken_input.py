"""No bytes on the wire make a 5xx or stop the server (guarantees.md G26, 3.6)."""

import asyncio
import random

from tests.server.small_house import THREAD, Opened, note_body, opened, request

SEED = 20260302
ROUNDS = 400
SPICES = [b"\r\n", b"\0", b"\xff", b"%00", b"{", b'"', b"[" * 20, b"Content-Length: 5\r\n"]
SPICES += [b" ", b"\n", b"9" * 30, b";"]


def spoil(dice: random.Random, raw: bytes) -> bytes:
    """`raw` with a few changes at random places."""
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(raw))
        end = min(len(raw), at + dice.randint(0, 8))
        raw = raw[:at] + dice.choice([b"", bytes([dice.randrange(256)]), dice.choice(SPICES)]) + raw[end:]
        raw = raw or b"\r\n"
    return raw


async def statuses(house: Opened, raw: bytes) -> list[int]:
    """Send, and read the status of everything that comes back until the server ends the connection."""
    talk = await house.connect()
    try:
        talk.writer.write(raw)
        async with asyncio.timeout(10):
            said = await talk.reader.read()
    except ConnectionError:
        return []
    finally:
        await talk.close()
    return [int(part[9:12]) for part in said.split(b"\r\n") if part.startswith((b"HTTP/1.1 ", b"HTTP/1.0 "))]


async def test_spoiled_requests_are_refused_and_the_server_goes_on() -> None:
    dice = random.Random(SEED)
    good = [
        request("GET", f"/notes/{THREAD}"),
        request("POST", f"/threads/{THREAD}/notes", note_body(inner=[{"name": "a"}])),
        request("GET", "/news?seconds=0&label=x"),
        request("POST", f"/threads/{THREAD}/notes", b"", Transfer_Encoding="chunked", Content_Length="")
        + b"5\r\nhello\r\n0\r\n\r\n",
    ]
    seen: set[int] = set()
    async with opened(header_deadline=0.3, body_grace=0.3, keep_alive=0.3) as house:
        batch = [spoil(dice, dice.choice(good)) for _ in range(ROUNDS)]
        answers = await asyncio.gather(*(statuses(house, raw) for raw in batch))
        for raw, found in zip(batch, answers, strict=True):
            assert all(status < 500 for status in found), (SEED, raw)
            seen.update(found)
        assert (await house.ask("GET", f"/notes/{THREAD}")).status == 200
        assert not [line for line in house.lines() if line["level"] == "error"]
    assert {200, 400, 401, 404} <= seen
