"""What is asked of a request before any handler sees it (guarantees.md 3.6, 4.4, G26)."""

import gzip
import json

import pytest

from etherapy.binary import b64
from tests.server.small_house import THREAD, TOKEN, Opened, Reply, note_body, opened, request

NOTES = f"/threads/{THREAD}/notes"
NOTE = f"/notes/{THREAD}"


async def refused(house: Opened, raw: bytes, status: int, slug: str) -> Reply:
    reply = await house.say(raw)
    assert (reply.status, reply.json["type"]) == (status, f"/problems/{slug}")
    assert house.parts.calls == []
    return reply


# --- tokens


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}A",
        f"Bearer  {TOKEN}",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}=",
        f"Bearer {TOKEN[:-1]}+",
        f"Bearer {TOKEN} x",
        TOKEN,
    ],
)
async def test_without_a_well_formed_token_nothing_is_said(line: str) -> None:
    async with opened() as house:
        reply = await refused(house, request("GET", NOTE, Authorization=line), 401, "no-session")
    assert reply.header("WWW-Authenticate") == 'Bearer realm="etherapy"'


async def test_two_authorization_headers_are_none() -> None:
    raw = request("GET", NOTE).replace(
        b"\r\n\r\n", b"\r\nauthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    )
    async with opened() as house:
        reply = await house.say(raw)
    assert reply.status in (400, 401)
    assert house.parts.calls == []


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "a=1&TOKEN=x", "Access_Token"])
async def test_a_token_in_the_address_is_refused_and_logged_as_misuse(query: str) -> None:
    async with opened(log_requests=False) as house:
        await refused(house, request("GET", f"{NOTE}?{query}"), 400, "misplaced-token")
        lines = house.lines()
    assert [line["misuse"] for line in lines] == ["token"]
    assert "x" not in {value for line in lines for value in line.values() if isinstance(value, str)}


async def test_a_token_in_the_body_is_refused_and_logged_as_misuse() -> None:
    async with opened() as house:
        await refused(house, request("POST", NOTES, note_body(access_token=TOKEN)), 400, "misplaced-token")
        assert house.lines()[0]["misuse"] == "token"


# --- methods and places


async def test_an_undeclared_method_is_405_with_the_declared_ones() -> None:
    async with opened() as house:
        for method in ("PUT", "PATCH", "POST"):
            reply = await refused(house, request(method, NOTE), 405, "wrong-method")
            assert reply.header("Allow") == "DELETE, GET, HEAD"


async def test_options_is_shown_nothing() -> None:
    async with opened() as house:
        reply = await refused(house, request("OPTIONS", NOTE, token=None), 405, "wrong-method")
        star = await house.say(request("OPTIONS", "*", token=None))
    assert not reply.header("Allow")
    assert star.status == 404


@pytest.mark.parametrize("raw", [b"TRACE /notes HTTP/1.1", b"CONNECT therapy.example:443 HTTP/1.1"])
async def test_trace_and_connect_are_405(raw: bytes) -> None:
    async with opened() as house:
        reply = await house.say(raw + b"\r\nHost: therapy.example\r\n\r\n")
    assert reply.status == 405


async def test_method_override_headers_are_ignored() -> None:
    names = ("X_HTTP_Method_Override", "X_HTTP_Method", "X_Method_Override")
    async with opened() as house:
        for name in names:
            assert (await house.ask("GET", NOTE, more={name: "DELETE"})).status == 200
    assert house.parts.calls == ["read_note"] * 3


@pytest.mark.parametrize(
    "path",
    [
        f"//notes/{THREAD}",
        f"/notes//{THREAD}",
        f"/notes/{THREAD}/",
        f"/notes/../notes/{THREAD}",
        f"/notes/%2e%2e/{THREAD}",
        f"/notes/{THREAD}%00",
        f"/notes/{THREAD[:-1]}",
        f"/notes/{THREAD[:-1]}Z",
        f"/notes/{THREAD}=",
        f"/%6eotes/{THREAD}",
        f"/NOTES/{THREAD}",
        "/notes",
        "/",
        "/tiles/-1",
        "/tiles/01",
        "/tiles/9223372036854775808",
        "/tiles/99999999999999999999999999",
    ],
)
async def test_a_path_has_one_spelling(path: str) -> None:
    async with opened() as house:
        await refused(house, request("GET", path), 404, "no-such-place")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET http://therapy.example/notes HTTP/1.1\r\nHost: therapy.example\r\n\r\n",
        b"GET /live HTTP/1.1\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n",
        b"GET /live HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET /live HTTP/1.1\nHost: a\n\n",
        b"GET /li\xffve HTTP/9.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /shouts HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2;a\nb\r\n{}\r\n0\r\n\r\n",
        b"POST /shouts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_what_is_ambiguous_as_http_is_refused_and_ends_the_connection(raw: bytes) -> None:
    async with opened() as house:
        talk = await house.connect()
        await talk.send(raw + b"GET /live HTTP/1.1\r\nHost: smuggled\r\n\r\n")
        reply = await talk.reply()
        assert reply.status == 400
        assert await talk.reader.read() == b""
        await talk.close()
        assert [line["status"] for line in house.lines()] == [400]


async def test_a_thousand_bad_cookies_do_nothing() -> None:
    async with opened() as house:
        cookies = ";".join(f"a{n}=\x7f[" for n in range(1000))
        reply = await house.ask("GET", NOTE, Cookie=cookies)
    assert reply.status == 400
    async with opened() as house:
        assert (await house.ask("GET", NOTE, Cookie=";=,".join("a=b" for _ in range(1000)))).status == 200


# --- types


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/json; charset=bogus",
        "application/jsonx",
        "multipart/form-data; boundary=x",
        "",
    ],
)
async def test_only_json_is_taken(kind: str) -> None:
    async with opened() as house:
        await refused(house, request("POST", NOTES, note_body(), Content_Type=kind), 415, "wrong-media")


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
async def test_json_may_say_that_it_is_utf8(kind: str) -> None:
    async with opened() as house:
        assert (await house.ask("POST", NOTES, note_body(), Content_Type=kind)).status == 201


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "identity", "x"])
async def test_coded_bodies_are_refused_before_they_are_inflated(coding: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    async with opened() as house:
        await refused(house, request("POST", NOTES, bomb, Content_Encoding=coding), 415, "wrong-media")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html, application/*;q=0.1", 200),
        ("application/problem+json", 406),
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("text/*;q=1, */*;q=0.0", 406),
    ],
)
async def test_accept_is_heeded(accept: str, status: int) -> None:
    async with opened() as house:
        assert (await house.ask("GET", NOTE, Accept=accept)).status == status


async def test_a_body_where_none_is_taken_is_refused() -> None:
    async with opened() as house:
        await refused(house, request("GET", NOTE, b"{}"), 400, "bad-request")
        await refused(house, request("DELETE", NOTE, b"x"), 400, "bad-request")


async def test_an_expectation_is_met_before_the_body_comes() -> None:
    body = note_body()
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", NOTES, body, Expect="100-continue")[: -len(body)])
        assert await talk.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await talk.send(body)
        assert (await talk.reply()).status == 201
        await talk.close()
        other = await house.ask("POST", NOTES, body, Expect="200-ok")
    assert other.status == 417


async def test_an_expectation_is_not_met_without_a_token() -> None:
    body = note_body()
    async with opened() as house:
        talk = await house.connect()
        await talk.send(request("POST", NOTES, body, token=None, Expect="100-continue")[: -len(body)])
        assert (await talk.reply()).status == 401
        await talk.close()


# --- bodies

HOSTILE_JSON = {
    "nothing": b"",
    "not json": b"hello",
    "two values": b"{}{}",
    "cut off": b'{"words": "x',
    "deep": b"[" * 60_000,
    "deep objects": b'{"a":' * 8_000,
    "a crowd": json.dumps({f"k{n}": n for n in range(1_001)}).encode(),
    "a long list": json.dumps({"words": list(range(1_001))}).encode(),
    "duplicate keys": b'{"words": "a", "words": "b"}',
    "duplicate keys, spelled twice": b'{"words": "a", "w\\u006frds": "b"}',
    "NaN": b'{"words": NaN}',
    "Infinity": b'{"words": -Infinity}',
    "too large a float": b'{"words": 1e400}',
    "too large an integer": b'{"words": ' + b"9" * 5_000 + b"}",
    "half a surrogate pair": b'{"words": "\\ud800"}',
    "half a surrogate pair as a key": b'{"\\udfff": "a"}',
    "NUL": b'{"words": "a\\u0000b"}',
    "a raw control character": b'{"words": "a\nb"}',
    "overlong UTF-8": b'{"words": "\xc0\xaf"}',
    "surrogates in UTF-8": b'{"words": "\xed\xa0\x80"}',
    "Latin-1": '{"words": "é"}'.encode("latin-1"),
    "UTF-16": '{"words": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"words": "a"}',
    "single quotes": b"{'words': 'a'}",
    "a comment": b'{"words": "a" /* b */}',
    "a final comma": b'{"words": "a",}',
}


@pytest.mark.parametrize("case", HOSTILE_JSON)
async def test_what_is_not_plain_json_is_400(case: str) -> None:
    async with opened() as house:
        await refused(house, request("POST", "/shouts", HOSTILE_JSON[case]), 400, "bad-json")


WRONG_CONTENT = {
    "an unknown field": (note_body(canary=1), "$"),
    "an unknown field below": (note_body(inner=[{"name": "a"}, {"name": "b", "canary": 1}]), "$.inner[...]"),
    "a wrong type": (note_body(count="canary"), "$.count"),
    "a wrong type below": (note_body(inner=[{"name": 7}]), "$.inner[0].name"),
    "a truth value for a number": (note_body(count=True), "$.count"),
    "a missing field": (b"{}", "$"),
    "null": (b"null", "$"),
    "a list": (b"[]", "$"),
    "a short id": (note_body(mid="AAAA"), "$.mid"),
    "padding": (note_body(sealed="YQ=="), "$.sealed"),
    "the other alphabet": (note_body(sealed="+/+/"), "$.sealed"),
    "trailing bits": (note_body(sealed="YR"), "$.sealed"),
    "white space": (note_body(sealed="YWFh\n"), "$.sealed"),
    "a long text": (note_body(text="a" * 33_000), "$.text"),
    "a fraction for a number": (note_body(count=1.5), "$.count"),
}


@pytest.mark.parametrize("case", WRONG_CONTENT)
async def test_other_content_is_422_and_names_the_place_without_the_value(case: str) -> None:
    body, place = WRONG_CONTENT[case]
    async with opened() as house:
        reply = await refused(house, request("POST", NOTES, body), 422, "invalid")
        assert "canary" not in house.log.getvalue()
    assert reply.json["at"] == place
    assert b"canary" not in reply.body


async def test_a_binary_field_may_be_longer_than_a_text() -> None:
    async with opened() as house:
        reply = await house.ask("POST", NOTES, note_body(sealed=b64(bytes(65_536))))
    assert reply.json["size"] == 65_536


async def test_numbers_at_their_edges_are_taken() -> None:
    async with opened() as house:
        for count in ("-0", "9223372036854775807", "-9223372036854775808"):
            body = note_body(count=7).replace(b"7", count.encode())
            assert (await house.ask("POST", NOTES, body)).status == 201


# --- queries


@pytest.mark.parametrize(
    "query",
    ["seconds=1&seconds=2", "seconds=abc", "seconds=1.5", "other=1", "seconds", "seconds=%ff", "label=%00",
     "label=" + "a" * 3000 + "%f0%28", "&".join(f"a{n}=1" for n in range(40)), "seconds=1;label=x"],
)  # fmt: skip
async def test_a_query_is_read_as_strictly_as_a_body(query: str) -> None:
    async with opened() as house:
        await refused(house, request("GET", f"/news?{query}"), 422, "invalid")


async def test_a_query_where_none_is_taken_is_refused() -> None:
    async with opened() as house:
        await refused(house, request("GET", f"{NOTE}?a=1"), 422, "invalid")


# --- pages of other origins


async def test_other_origins_are_allowed_nothing_by_default() -> None:
    async with opened() as house:
        reply = await house.ask("GET", NOTE, Origin="https://therapy.example")
        preflight = await house.ask(
            "OPTIONS", NOTE, token=None, Origin="https://web.example", Access_Control_Request_Method="GET"
        )
    assert reply.header("Access-Control-Allow-Origin") is None
    assert preflight.status == 405


async def test_only_a_listed_origin_is_allowed_letter_by_letter() -> None:
    listed = "https://web.example"
    async with opened(allowed_origins=(listed,)) as house:
        good = await house.ask("GET", NOTE, Origin=listed)
        assert (good.status, good.header("Access-Control-Allow-Origin"), good.header("Vary")) == (
            200,
            listed,
            "Origin",
        )
        assert good.header("Access-Control-Allow-Credentials") is None
        for other in ("https://web.example.evil", "http://web.example", "null", "https://WEB.example", "*"):
            reply = await house.ask("GET", NOTE, Origin=other)
            assert reply.header("Access-Control-Allow-Origin") is None
        preflight = await house.ask(
            "OPTIONS", NOTE, token=None, Origin=listed, Access_Control_Request_Method="GET"
        )
        refusal = await house.ask("GET", NOTE, token=None, Origin=listed)
    assert preflight.status == 204
    assert int(preflight.header("Access-Control-Max-Age") or 0) <= 600
    assert preflight.header("Access-Control-Allow-Methods") == "DELETE, GET, HEAD"
    assert (refusal.status, refusal.header("Access-Control-Allow-Origin")) == (401, listed)
