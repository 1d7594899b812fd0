"""What the server tells its operator, and what it never tells (guarantees.md G23, 3.16)."""

import base64
import io
import json

import structlog

from etherapy.binary import b64
from etherapy.server import telemetry
from etherapy.server.telemetry import ALLOWED, Telemetry, configure, describe
from tests.server.small_house import PRACTICE, THREAD, TOKEN, note_body, opened

CANARY = "canary7f3a9"


def test_keys_that_are_not_allowed_are_dropped() -> None:
    out = io.StringIO()
    configure(out)
    structlog.get_logger().info("hello", status=200, text=CANARY, email=CANARY, endpoint={"text": CANARY})
    line = json.loads(out.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "hello", "level": "info", "status": 200}


def test_an_exception_is_told_by_type_and_frames_only() -> None:
    out = io.StringIO()
    configure(out)

    def fall(secret: str) -> None:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise ValueError(secret) from error

    try:
        fall(CANARY)
    except ValueError:
        structlog.get_logger().exception("it broke")
    line = json.loads(out.getvalue())
    assert CANARY not in out.getvalue()
    assert (line["error"], line["cause"]) == ("builtins.ValueError", "builtins.KeyError")
    assert [frame.split(":")[1] for frame in line["frames"]] == [
        "test_an_exception_is_told_by_type_and_frames_only",
        "fall",
    ]


def test_an_exception_from_very_deep_is_told_briefly() -> None:
    def fall(depth: int) -> None:
        if depth == 0:
            raise ValueError
        fall(depth - 1)

    try:
        fall(200)
    except ValueError as error:
        assert len(describe(error)["frames"]) == 20


def test_a_fault_of_the_event_loop_is_told_without_its_text() -> None:
    out = io.StringIO()
    configure(out)
    telemetry.tell_loop_fault(None, {"message": CANARY, "exception": ValueError(CANARY)})  # type: ignore[arg-type]
    telemetry.tell_loop_fault(None, {"message": CANARY})  # type: ignore[arg-type]
    assert CANARY not in out.getvalue()
    assert "builtins.ValueError" in out.getvalue()


def test_a_practice_is_a_pseudonym_that_depends_on_the_key() -> None:
    first, second = Telemetry(b"one"), Telemetry(b"two")
    assert first.pseudonym(PRACTICE) == Telemetry(b"one").pseudonym(PRACTICE)
    assert first.pseudonym(PRACTICE) != second.pseudonym(PRACTICE)
    assert first.pseudonym(PRACTICE) != first.pseudonym(bytes(16))
    assert PRACTICE.hex()[:16] not in first.pseudonym(PRACTICE)


def test_statements_and_other_things_are_counted_by_name() -> None:
    told = Telemetry(b"key")
    told.statement("append_message", 0.004, "ok")
    told.statement("append_message", 40.0, "unavailable")
    told.count("decisions", kind="weekly_hours")
    text = told.text({"pool_in_use": 3})
    assert 'etherapy_statement_seconds_bucket{statement="append_message",le="0.005"} 1' in text
    assert 'etherapy_statement_seconds_bucket{statement="append_message",le="30.0"} 1' in text
    assert 'etherapy_statement_seconds_bucket{statement="append_message",le="+Inf"} 2' in text
    assert 'etherapy_statement_outcomes_total{statement="append_message",outcome="unavailable"} 1' in text
    assert 'etherapy_decisions_total{kind="weekly_hours"} 1' in text
    assert "etherapy_pool_in_use 3" in text


async def test_a_request_writes_one_line_of_allowed_keys() -> None:
    async with opened() as house:
        reply = await house.ask("POST", f"/threads/{THREAD}/notes", note_body(text="decline"))
        lines = house.lines()
    assert len(lines) == 1
    line = lines[0]
    assert set(line) <= ALLOWED
    assert line["request_id"] == reply.header("Request-Id")
    assert (line["endpoint"], line["status"], line["problem"]) == ("write_note", 409, "note_refused")
    assert line["practice"] == Telemetry(b"key of the tests").pseudonym(PRACTICE)
    assert line["ms"] >= 0


async def test_lines_can_be_turned_off_but_faults_are_always_told() -> None:
    async with opened(log_requests=False) as house:
        await house.ask("GET", f"/notes/{THREAD}")
        await house.ask("GET", "/failures/any")
        assert [line["status"] for line in house.lines()] == [500]


async def test_nothing_that_was_sent_is_ever_logged_or_echoed() -> None:
    token = b64(PRACTICE + CANARY.encode().ljust(32, b"x"))
    sealed = b64(CANARY.encode())
    path = f"/threads/{THREAD}/notes"
    replies = []
    async with opened() as house:
        replies += [
            await house.ask("GET", f"/notes/{THREAD}{query}", token=token, User_Agent=CANARY)
            for query in ("", f"?{CANARY}=1", f"?token={CANARY}")
        ]
        bodies = (
            note_body(sealed=sealed),
            note_body(**{CANARY: CANARY}),
            note_body(count=CANARY),
            note_body(mid=CANARY),
            note_body(sealed=sealed, text="decline"),
            note_body(inner=[{"name": "x", CANARY: CANARY}]),
            b'{"text": "' + CANARY.encode(),
            CANARY.encode(),
        )
        replies += [await house.ask("POST", path, body, token=token) for body in bodies]
        replies.append(await house.ask("GET", f"/{CANARY}"))
        replies.append(await house.ask(CANARY.upper(), f"/notes/{THREAD}"))
        replies.append(await house.ask("GET", f"/failures/{CANARY}", X_Canary=CANARY, Cookie=CANARY))
        replies.append(await house.ask("GET", f"/notes/{THREAD}", Accept=CANARY))
        replies.append(await house.ask("GET", f"/notes/{THREAD}", Authorization=f"Bearer {CANARY}"))
        replies.append(await house.ask("POST", path, b"{}", Content_Type=CANARY))
        replies.append(await house.ask("POST", path, b"{}", Content_Encoding=CANARY))
        replies.append(await house.ask("POST", path, b"{}", Expect=CANARY))
        replies.append(await house.say(f"GET / {CANARY}\r\n\r\n".encode()))
        replies.append(await house.say(f"GET / HTTP/1.1\r\n{CANARY} : x\r\n\r\n".encode()))
        written = house.log.getvalue()
        metrics = (await house.ask("GET", "/metrics", token=None, place=house.service.health)).body.decode()
    spellings = {CANARY, sealed, token, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex()}
    spellings |= {CANARY.upper(), TOKEN, THREAD, PRACTICE.hex()}
    told = written + metrics + "".join(reply.body.decode() for reply in replies if reply.status >= 400)
    assert len(replies) == 21
    assert sum(reply.status >= 400 for reply in replies) == 19
    assert [spelling for spelling in spellings if spelling in told] == []
