"""S-5: a window that begins in the hour that does not exist."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.clock import TestClock
from tests.conftest import RunningServer
from tests.journeys.conftest import furnish


@pytest.fixture
def clock() -> TestClock:
    """Some days before clocks go forward in London, on Sunday 29 March 2026."""
    return TestClock(datetime(2026, 3, 20, 12, 0, tzinfo=UTC))


async def test_s_5_a_window_that_begins_in_the_missing_hour(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    night = {"days": ["sun"], "start": "01:30", "end": "03:00"}
    rules: list[dict[str, Any]] = [
        {"kind": "window.weekly", "zone": "Europe/London", "windows": [night]},
        {"kind": "response.target", "target": {"count": "window_minutes", "n": 60}},
    ]
    story = await furnish(server, stack, rules)
    await story.turn_to(datetime(2026, 3, 28, 23, 50, tzinfo=UTC))
    sent = await story.client.send(story.thread, "The night the clocks go forward")
    opens = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert (sent.promise.release_at, sent.promise.reply_by) == (opens, opens + timedelta(hours=1))
    await story.turn_to(opens - timedelta(milliseconds=1))
    assert (await story.therapist.sync()).messages == ()
    await story.turn_to(opens)
    assert len((await story.therapist.sync()).messages) == 1
