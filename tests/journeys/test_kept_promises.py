"""S-9: rules change while a message waits. What was promised stays, or comes earlier, and that is said."""

from datetime import UTC, datetime
from typing import Any

import pytest

from etherapy.clock import TestClock
from tests.journeys.conftest import VALE, Story


@pytest.fixture
def clock() -> TestClock:
    """Tuesday, 8 September 2026."""
    return TestClock(datetime(2026, 9, 8, 15, 0, tzinfo=UTC))


TUE_THU = [{"days": ["tue", "thu"], "start": "13:00", "end": "17:00"}]
SATURDAY = datetime(2026, 9, 12, 19, 10, tzinfo=UTC)


async def friday_night(story: Story) -> bytes:
    """A message of Fri 11 Sep 2026, 18:30 in New York, waits for Monday. It is Saturday."""
    await story.turn_to(datetime(2026, 9, 11, 22, 30, tzinfo=UTC))
    held = await story.client.send(story.thread, "Friday night")
    assert held.promise.release_at == datetime(2026, 9, 14, 13, 0, tzinfo=UTC)
    assert held.promise.reply_by == datetime(2026, 9, 15, 21, 0, tzinfo=UTC)
    await story.turn_to(SATURDAY)
    return held.mid


def hours_from_monday(windows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Other hours from Monday 14 September on."""
    weekly, *others = VALE
    later = {"kind": "window.weekly", "windows": windows, "begins": "2026-09-14"}
    return [weekly | {"ends": "2026-09-14"}, weekly | later, *others]


async def test_s_9_narrower_hours_keep_what_was_promised_and_bind_what_comes_after(story: Story) -> None:
    mid = await friday_night(story)
    kept = "The hours have changed since. What was promised stays: it is earlier than they would give now."
    assert kept not in (await story.client.explain(story.thread, mid)).summary
    await story.therapist.set_rules(hours_from_monday(TUE_THU))
    assert kept in (await story.client.explain(story.thread, mid)).summary
    [waiting] = await story.client.waiting(story.thread)
    monday, reply_by = waiting.promise.release_at, waiting.promise.reply_by
    assert (monday, reply_by) == (
        datetime(2026, 9, 14, 13, 0, tzinfo=UTC),
        datetime(2026, 9, 15, 21, 0, tzinfo=UTC),
    )
    assert monday is not None
    assert not [one for one in (await story.client.explain(story.thread, mid)).summary if "ooner" in one]
    await story.turn_to(monday)
    assert [one.text for one in (await story.therapist.sync()).messages] == ["Friday night"]
    await story.therapist.send(story.thread, "Thank you.")
    await story.turn_to(datetime(2026, 9, 14, 14, 0, tzinfo=UTC))
    later = await story.client.send(story.thread, "Monday morning")
    assert later.promise.release_at == datetime(2026, 9, 15, 17, 0, tzinfo=UTC)
    assert later.promise.reply_by == datetime(2026, 9, 17, 21, 0, tzinfo=UTC)


async def test_s_9_an_extra_opening_brings_it_forward_and_both_sides_are_told_so(story: Story) -> None:
    mid = await friday_night(story)
    hour = [{"start": "15:00", "end": "16:00"}]
    sunday = {"kind": "window.exception", "effect": "add", "date": "2026-09-13", "windows": hour}
    await story.therapist.set_rules([*VALE, sunday])
    [waiting] = await story.client.waiting(story.thread)
    opens = datetime(2026, 9, 13, 19, 0, tzinfo=UTC)
    assert waiting.promise.release_at == opens
    assert waiting.promise.reply_by == datetime(2026, 9, 14, 21, 0, tzinfo=UTC)
    told = (await story.client.explain(story.thread, mid)).summary
    assert told[-2:] == [
        "This comes sooner than was said: Dr Vale will have it Sun 13 Sep, 15:00 Eastern (14:00 your time).",
        "Dr Vale plans to answer by Mon 14 Sep, 17:00 Eastern (16:00 your time).",
    ]
    story.client.language = "de"
    assert "früher" in (await story.client.explain(story.thread, mid)).summary[-2]
    await story.turn_to(opens)
    assert [one.text for one in (await story.therapist.sync()).messages] == ["Friday night"]
    read = (await story.therapist.explain(story.thread, mid)).summary
    assert "Sun 13 Sep, 15:00 Eastern" in read[-2] and "Mon 14 Sep, 17:00 Eastern" in read[-1]
