"""Who watches over the server: /live, /ready and /metrics (guarantees.md 4.4)."""

from collections.abc import Sequence

from tests.server.small_house import PRACTICE, THREAD, opened, request

NOTE = f"/notes/{THREAD}"


async def test_live_says_nothing_but_that_it_lives_on_both_listeners() -> None:
    async with opened() as house:
        for place in (house.service.public, house.service.health):
            reply = await house.ask("GET", "/live", token=None, place=place)
            assert (reply.status, reply.body) == (200, b"ok\n")
            assert reply.header("Server") is None
            assert reply.header("Cache-Control") == "no-store"


async def test_ready_and_metrics_are_not_public() -> None:
    async with opened() as house:
        for path in ("/ready", "/metrics"):
            assert (await house.ask("GET", path)).status == 404
            assert (await house.ask("GET", path, token=None, place=house.service.health)).status == 200


async def test_ready_names_what_is_missing() -> None:
    missing: list[str] = []

    async def ready() -> Sequence[str]:
        return missing

    async with opened(ready) as house:
        good = await house.ask("GET", "/ready", token=None, place=house.service.health)
        missing[:] = ["database", "clock"]
        bad = await house.ask("GET", "/ready", token=None, place=house.service.health)
    assert (good.status, good.json) == (200, {"ready": True, "missing": []})
    assert (bad.status, bad.json) == (503, {"ready": False, "missing": ["clock", "database"]})


async def test_a_check_that_fails_is_not_ready_and_tells_no_text() -> None:
    async def ready() -> Sequence[str]:
        raise RuntimeError("canary")

    async with opened(ready) as house:
        reply = await house.ask("GET", "/ready", token=None, place=house.service.health)
        assert (reply.status, reply.json["missing"]) == (503, ["check"])
        assert "canary" not in house.log.getvalue()
        assert house.lines()[-1]["error"] == "builtins.RuntimeError"


async def test_metrics_count_by_endpoint_and_never_by_practice() -> None:
    async with opened() as house:
        for _ in range(3):
            await house.ask("GET", NOTE)
        await house.ask("GET", NOTE, token=None)
        for n in range(20):
            await house.ask("GET", f"/nowhere/{n}")
        reply = await house.ask("GET", "/metrics", token=None, place=house.service.health)
    text = reply.body.decode()
    assert 'etherapy_answers_total{endpoint="read_note",status="200"} 3' in text
    assert 'etherapy_answers_total{endpoint="none",status="404"} 20' in text
    assert 'etherapy_problems_total{problem="no_session"} 1' in text
    assert 'etherapy_request_seconds_count{endpoint="read_note"} 4' in text
    assert "etherapy_requests_under_way 0" in text
    assert PRACTICE.hex() not in text
    assert "practice" not in text


async def test_the_health_listener_knows_nothing_else() -> None:
    async with opened() as house:
        place = house.service.health
        assert (await house.ask("GET", NOTE, place=place)).status == 404
        assert (await house.ask("POST", "/live", b"{}", place=place)).status == 405
        assert (await house.say(b"nonsense\r\n\r\n", place)).status == 400
        assert (await house.say(request("GET", "/" + "a" * 5000), place)).status == 414


async def test_the_document_of_the_table_is_served() -> None:
    async with opened() as house:
        reply = await house.ask("GET", "/openapi.json", token=None)
    assert reply.header("Content-Type") == "application/json; charset=utf-8"
    assert reply.json["paths"]["/notes/{note}"]["get"]["operationId"] == "read_note"
