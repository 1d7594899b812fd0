"""Every answer carries the headers of guarantees.md 4.4 and nothing that names the software."""

import pytest

from tests.server.small_house import THREAD, TOKEN, note_body, opened, request

EXPECTED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}

NOTE = f"/notes/{THREAD}"
CASES = {
    "a good answer": (request("GET", NOTE), 200),
    "a good answer to a post": (request("POST", f"/threads/{THREAD}/notes", note_body()), 201),
    "an empty answer": (request("DELETE", NOTE), 204),
    "no such place": (request("GET", "/nowhere"), 404),
    "not readable as HTTP": (b"GET / FTP/9.9\r\n\r\n", 400),
    "not a method": (b"F@O / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no token": (request("GET", NOTE, token=None), 401),
    "another method": (request("PUT", NOTE), 405),
    "not acceptable": (request("GET", NOTE, Accept="image/png"), 406),
    "bad body": (request("POST", f"/threads/{THREAD}/notes", b"{"), 400),
    "another content": (request("POST", f"/threads/{THREAD}/notes", b"[]"), 422),
    "declined": (request("POST", f"/threads/{THREAD}/notes", note_body(text="decline")), 409),
    "coded body": (request("POST", "/shouts", b"{}", Content_Encoding="gzip"), 415),
    "too large": (request("POST", "/shouts", b" " * 70_000), 413),
    "long address": (request("GET", "/" + "a" * 5000), 414),
    "many headers": (request("GET", NOTE, more={f"X{n}": "y" for n in range(70)}), 431),
    "a fault of ours": (request("GET", "/failures/any"), 500),
    "the store is away": (request("GET", "/failures/away"), 503),
}


@pytest.mark.parametrize("case", CASES)
async def test_every_answer_is_hardened_whatever_it_says(case: str) -> None:
    raw, status = CASES[case]
    async with opened() as house:
        reply = await house.say(raw)
    assert reply.status == status
    assert {name: reply.header(name) for name in EXPECTED} == EXPECTED
    assert reply.header("Server") is None
    assert reply.header("X-Powered-By") is None
    assert reply.header("ETag") is None
    assert reply.header("Set-Cookie") is None
    assert reply.header("Access-Control-Allow-Origin") is None
    assert len(reply.header("Request-Id") or "") == 16
    if status >= 400:
        assert reply.header("Content-Type") == "application/problem+json; charset=utf-8"
        assert reply.json["status"] == status
        assert reply.json["request_id"] == reply.header("Request-Id")
        assert reply.json["type"].startswith("/problems/")
        assert "aiohttp" not in reply.body.decode()
    elif status != 204:
        assert reply.header("Content-Type") == "application/json; charset=utf-8"


async def test_an_empty_answer_has_neither_body_nor_type() -> None:
    async with opened() as house:
        reply = await house.ask("DELETE", NOTE)
    assert (reply.status, reply.body, reply.header("Content-Type")) == (204, b"", None)


async def test_head_mirrors_get_and_its_authorisation() -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("GET", NOTE))
        got = await talk.reply()
        await talk.send(request("HEAD", NOTE))
        head = await talk.reply(head=True)
        await talk.send(request("HEAD", NOTE, token=None))
        refused = await talk.reply(head=True)
        await talk.close()
    changing = {"Request-Id", "Date"}
    assert head.status == 200
    assert [pair for pair in head.headers if pair[0] not in changing] == [
        pair for pair in got.headers if pair[0] not in changing
    ]
    assert refused.status == 401


async def test_a_repeated_answer_says_so_in_a_header() -> None:
    async with opened() as house:
        first = await house.ask("POST", f"/threads/{THREAD}/notes", note_body())
        second = await house.ask("POST", f"/threads/{THREAD}/notes", note_body(text="again"))
    assert first.header("Etherapy-Repeated") is None
    assert second.header("Etherapy-Repeated") == "true"


async def test_bytes_are_given_as_they_are_with_their_own_type() -> None:
    async with opened() as house:
        reply = await house.ask("GET", "/tiles/7", token=None, Accept="text/*")
    assert reply.body == b"tile 7\n"
    assert reply.header("Content-Type") == "text/plain; charset=utf-8"


async def test_a_problem_carries_its_members_and_headers() -> None:
    async with opened() as house:
        declined = await house.ask("POST", f"/threads/{THREAD}/notes", note_body(text="decline"))
        away = await house.ask("GET", "/failures/away")
        refused = await house.ask("GET", "/failures/no-session")
    assert declined.json["because"] == ["turn_taking"]
    assert declined.json["retry_at"] == "2026-03-02T09:00:00Z"
    assert (away.status, away.header("Retry-After")) == (503, "2")
    assert (refused.status, refused.json["type"]) == (401, "/problems/no-session")
    assert refused.header("WWW-Authenticate") == 'Bearer realm="etherapy"'


async def test_a_fault_of_ours_is_told_without_its_text() -> None:
    async with opened() as house:
        thrown = await house.ask("GET", "/failures/any")
        unnamed = await house.ask("GET", "/failures/unnamed")
        written = house.log.getvalue()
    assert b"canary" not in thrown.body + unnamed.body
    assert "canary" not in written
    line = next(line for line in house.lines() if line["status"] == 500)
    assert line["error"] == "builtins.ValueError"
    assert any(frame.startswith("tests.server.small_house:fail:") for frame in line["frames"])
    assert thrown.json["request_id"] == line["request_id"]


async def test_two_requests_follow_each_other_on_one_connection() -> None:
    async with opened() as house:
        talk = await house.connect()
        for _ in range(3):
            await talk.send(request("GET", NOTE))
            assert (await talk.reply()).status == 200
        await talk.close()
    assert house.parts.calls == ["read_note"] * 3


async def test_the_handler_is_told_who_asks_and_when() -> None:
    async with opened() as house:
        await house.ask("GET", NOTE, token=TOKEN)
        seen = house.parts.last
    assert seen is not None
    assert seen.caller.practice == bytes(range(16))
    assert len(seen.caller.token_hash) == 32
    assert seen.caller.roles == {"administrator", "therapist", "client", "supervisor"}
    assert seen.now.isoformat() == "2026-03-02T09:00:00+00:00"
    assert seen.origin == "https://therapy.example"
    first, second = seen.new_id(), seen.new_id()
    assert first != second
    assert first[:6] == second[:6] == (1772442000000).to_bytes(6, "big")
    assert first[6] >> 4 == 7
    assert first[8] >> 6 == 2


async def test_open_endpoints_have_no_caller() -> None:
    async with opened() as house:
        reply = await house.ask("POST", "/shouts", b'{"words": "hey"}', token=None)
    assert reply.json["text"] == "hey"
