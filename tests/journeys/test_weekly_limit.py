"""S-10: a weekly limit, deferred or declined, refunded by a recall, and nothing to the urgent flag."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from etherapy.clock import TestClock
from etherapy.protocol.problems import Declined
from etherapy.sdk.verifying.message import SentMessage
from tests.conftest import RunningServer
from tests.journeys.conftest import Story, furnish

HART: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": "Europe/London",
        "windows": [{"days": ["mon", "wed", "fri"], "start": "10:00", "end": "12:00"}],
    },
    {"kind": "holiday.calendar", "snapshot": "england-2026", "dates": [{"date": "2026-05-25"}]},
    {"kind": "response.target", "target": {"count": "next_windows", "n": 1}},
    {"kind": "emergency", "region": "GB"},
]
THURSDAY = datetime(2026, 5, 21, 17, 20, tzinfo=UTC)
"""Thu 21 May 2026, 18:20 in London."""


@pytest.fixture
def clock() -> TestClock:
    """Monday morning, before the week of the scenario."""
    return TestClock(datetime(2026, 5, 18, 8, 0, tzinfo=UTC))


def three_a_week(over: str) -> list[dict[str, Any]]:
    """The agreement of the scenario; the ISO week of the schedule's wall."""
    return [{"kind": "budget.count", "limits": [{"n": 3, "per": "week"}], "over": over}]


async def used_up(server: RunningServer, stack: AsyncExitStack, over: str) -> tuple[Story, SentMessage]:
    """Three messages of the week are used; the third waits for Friday. It is Thursday evening."""
    story = await furnish(server, stack, HART)
    story.client.zone = "Europe/London"
    await story.therapist.set_agreement(story.thread, three_a_week(over))
    await story.client.sync()
    await story.client.send(story.thread, "Monday morning")
    await story.turn_to(datetime(2026, 5, 18, 9, 0, tzinfo=UTC))
    await server.make_rounds()
    await story.turn_to(datetime(2026, 5, 19, 9, 0, tzinfo=UTC))
    await story.client.send(story.thread, "Tuesday")
    await story.turn_to(datetime(2026, 5, 20, 9, 0, tzinfo=UTC))
    await server.make_rounds()
    await story.turn_to(datetime(2026, 5, 20, 12, 0, tzinfo=UTC))
    third = await story.client.send(story.thread, "Wednesday, after the window")
    assert third.promise.release_at == datetime(2026, 5, 22, 9, 0, tzinfo=UTC)
    assert third.decision.left == 0
    await story.turn_to(THURSDAY)
    return story, third


async def test_the_fourth_of_the_week_waits_for_the_next_one(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story, _ = await used_up(server, stack, "defer_to_next_period")
    seen = await story.client.preview(story.thread, "The fourth")
    fourth = await story.client.send(story.thread, "The fourth")
    assert seen.decision == fourth.decision
    assert fourth.promise.release_at == datetime(2026, 5, 27, 9, 0, tzinfo=UTC)  # Monday is a holiday
    assert fourth.promise.reply_by == datetime(2026, 5, 29, 11, 0, tzinfo=UTC)
    assert fourth.decision.left == 2  # it is the first of three of the new week


async def test_a_recall_gives_the_place_back_and_what_had_to_wait_moves_up(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story, third = await used_up(server, stack, "defer_to_next_period")
    fourth = await story.client.send(story.thread, "The fourth")
    await story.client.recall(story.thread, third.mid)
    [waiting] = await story.client.waiting(story.thread)
    friday = datetime(2026, 5, 22, 9, 0, tzinfo=UTC)
    assert (waiting.mid, waiting.promise.release_at) == (fourth.mid, friday)
    assert waiting.promise.reply_by == datetime(2026, 5, 27, 11, 0, tzinfo=UTC)
    await story.turn_to(friday)
    news = await story.therapist.sync()
    assert [one.text for one in news.messages][-1] == "The fourth"
    assert "Wednesday, after the window" not in [one.text for one in news.messages]
    told = await story.therapist.explain(story.thread, fourth.mid)
    assert told.decision.release_at == friday, "that it was to wait longer would tell of what was taken back"
    assert not [one for one in told.decision.because if one.kind.startswith("budget")]
    assert not [line for line in told.summary if "27 May, 10:00" in line]
    assert news.findings == () and (await story.client.sync()).findings == ()


async def test_after_a_recall_the_fourth_is_taken_as_if_it_were_the_third(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story, third = await used_up(server, stack, "defer_to_next_period")
    await story.client.recall(story.thread, third.mid)
    fourth = await story.client.send(story.thread, "The fourth")
    assert fourth.promise.release_at == datetime(2026, 5, 22, 9, 0, tzinfo=UTC)
    assert fourth.decision.left == 0


async def test_a_declined_message_says_from_when_it_can_go_and_where_help_is(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story, _ = await used_up(server, stack, "decline_keep_draft")
    with pytest.raises(Declined) as refused:
        await story.client.send(story.thread, "The fourth")
    assert "budget_exhausted" in refused.value.reasons
    assert refused.value.retry_from == datetime(2026, 5, 24, 23, 0, tzinfo=UTC)
    assert refused.value.words.card.region == "GB" and refused.value.words.card_lines
    assert [one.text for one in await story.client.waiting(story.thread)] == ["Wednesday, after the window"]


async def test_an_urgent_message_knows_no_limit(server: RunningServer, stack: AsyncExitStack) -> None:
    story, _ = await used_up(server, stack, "decline_keep_draft")
    urgent = await story.client.send(story.thread, "It cannot wait", urgent=True)
    assert (urgent.state, urgent.decision.code, urgent.decision.counts_at) == ("placed", "urgent", None)
