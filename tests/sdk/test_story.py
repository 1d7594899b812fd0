"""The main story, through the SDK and a real server."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etherapy.clock import TestClock
from etherapy.sdk import Profile, recover
from tests.conftest import RunningServer
from tests.sdk.furnished import Practice, furnish

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


@pytest.fixture
async def practice(server: RunningServer, tmp_path: Path) -> Practice:
    return await furnish(server, tmp_path)


async def test_a_message_of_the_night_is_read_and_answered_in_the_morning(
    practice: Practice, clock: TestClock
):
    async with AsyncExitStack() as stack:
        vale, _ = await practice.therapist()
        await stack.enter_async_context(vale)
        anna, thread, code = await practice.client(vale)
        await stack.enter_async_context(anna)
        await practice.server.make_rounds()
        await clock.turn_to(NIGHT)
        preview = await anna.preview(thread, "I cannot sleep.")
        assert preview.decision.release_at == MORNING
        sent = await anna.send(thread, "I cannot sleep.")
        assert sent.state == "held"
        assert sent.promise.release_at == MORNING
        assert sent.acknowledgement is not None
        assert [one.text for one in await anna.waiting(thread)] == ["I cannot sleep."]
        assert (await vale.sync()).messages == ()
        assert await vale.inbox() == []
        await clock.turn_to(MORNING)
        news = await vale.sync()
        assert [(one.text, one.mine, one.standing) for one in news.messages] == [
            ("I cannot sleep.", False, "good")
        ]
        assert len(await vale.inbox()) == 1
        reply = await vale.send(thread, "Let us talk about it on Thursday.")
        assert reply.state == "placed"
        news = await anna.sync()
        assert [(one.text, one.mine) for one in news.messages] == [
            ("I cannot sleep.", True),
            ("Let us talk about it on Thursday.", False),
        ]
        assert news.findings == ()
        assert anna.findings == ()
        assert vale.findings == ()


async def test_the_recovery_code_opens_everything_on_a_fresh_device(practice: Practice, clock: TestClock):
    vale, _ = await practice.therapist()
    anna, thread, code = await practice.client(vale)
    await practice.server.make_rounds()
    await clock.turn_to(NIGHT)
    await anna.send(thread, "one")
    await clock.turn_to(MORNING)
    await vale.sync()
    await vale.send(thread, "two")
    await anna.close()
    again = await recover(
        practice.server.origin, practice.practice_id, code, Profile.in_memory(), clock=clock
    )
    assert [(one.text, one.mine, one.standing) for one in await again.messages(thread)] == [
        ("one", True, "good"),
        ("two", False, "good"),
    ]
    assert (await again.send(thread, "three")).state == "placed"
    news = await vale.sync()
    assert [one.text for one in news.messages] == ["two", "three"]
    sent = await vale.send(thread, "four")
    assert sent.state == "placed"
    assert [one.text for one in (await again.sync()).messages] == ["three", "four"]
    assert again.findings == vale.findings == ()
    await again.close()
    await vale.close()
