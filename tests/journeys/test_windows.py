"""S-2, S-3: the hours of the law, through the real server."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from tests.conftest import RunningServer
from tests.journeys.conftest import Story, furnish

HART: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": "Europe/London",
        "windows": [{"days": ["mon", "wed", "fri"], "start": "10:00", "end": "12:00"}],
    },
    {
        "kind": "holiday.calendar",
        "snapshot": "england-2026",
        "dates": [{"date": "2026-12-25"}, {"date": "2026-12-28"}, {"date": "2027-01-01"}],
    },
    {"kind": "response.target", "target": {"count": "next_windows", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
    {"kind": "emergency", "region": "GB"},
]
"""Ms Hart of the fixed test world: London, three short windows a week."""


async def test_s_2_the_boundary_second_and_the_observed_holiday(story: Story) -> None:
    await story.turn_to(datetime(2026, 7, 2, 20, 59, 59, tzinfo=UTC))
    inside = await story.client.send(story.thread, "One second before five.")
    assert inside.state == "placed"
    assert inside.promise.reply_by == datetime(2026, 7, 6, 21, 0, tzinfo=UTC)
    await story.turn_to(datetime(2026, 7, 2, 21, 0, tzinfo=UTC))
    other, thread = await story.another_client()
    outside = await other.send(thread, "At five o'clock exactly.")
    assert outside.state == "held"
    assert outside.promise.release_at == datetime(2026, 7, 6, 13, 0, tzinfo=UTC)
    assert outside.promise.reply_by == datetime(2026, 7, 7, 21, 0, tzinfo=UTC)


async def test_s_3_the_christmas_gap_is_said_before_sending(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, HART)
    await story.turn_to(datetime(2026, 12, 23, 12, 5, tzinfo=UTC))
    story.client.zone = "Europe/London"
    seen = await story.client.preview(story.thread, "Before the holidays")
    assert seen.decision.release_at == datetime(2026, 12, 30, 10, 0, tzinfo=UTC)
    assert seen.decision.reply_by == datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
    assert seen.decision.long_wait and any("long wait" in line for line in seen.words.lines)
    assert seen.words.card.region == "GB" and seen.words.card.verified_on is None
    sent = await story.client.send(story.thread, "Before the holidays")
    assert sent.decision == seen.decision


async def test_deliver_normal_reaches_the_therapist_at_night_and_counts_from_the_next_opening(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    others = [rule for rule in HART if rule["kind"] != "off_hours.policy"]
    rules = [{"kind": "off_hours.policy", "policy": "deliver_normal"}, *others]
    story = await furnish(server, stack, rules)
    await story.turn_to(datetime(2026, 6, 2, 20, 0, tzinfo=UTC))
    sent = await story.client.send(story.thread, "Tuesday night")
    assert sent.state == "placed" and sent.acknowledgement is None
    assert sent.promise.reply_by == datetime(2026, 6, 5, 11, 0, tzinfo=UTC)
    assert len((await story.therapist.sync()).messages) == 1


async def test_hours_that_open_earlier_bring_a_held_message_forward_and_narrower_ones_do_not_move_it(
    story: Story,
) -> None:
    night = datetime(2026, 6, 6, 3, 0, tzinfo=UTC)  # Friday 23:00 in New York
    monday = datetime(2026, 6, 8, 13, 0, tzinfo=UTC)
    await story.turn_to(night)
    sent = await story.client.send(story.thread, "Friday night")
    assert sent.promise.release_at == monday
    zone = "America/New_York"
    narrow = [{"days": ["tue"], "start": "13:00", "end": "17:00"}]
    await story.therapist.set_rules([{"kind": "window.weekly", "zone": zone, "windows": narrow}])
    [waiting] = await story.client.waiting(story.thread)
    assert waiting.promise.release_at == monday
    hour = {"start": "15:00", "end": "16:00"}
    sunday = {"kind": "window.exception", "effect": "add", "date": "2026-06-07", "windows": [hour]}
    await story.therapist.set_rules([{"kind": "window.weekly", "zone": zone, "windows": narrow}, sunday])
    [waiting] = await story.client.waiting(story.thread)
    opens = datetime(2026, 6, 7, 19, 0, tzinfo=UTC)
    assert waiting.promise.release_at == opens
    assert waiting.promise.reply_by == datetime(2026, 6, 9, 21, 0, tzinfo=UTC)
    await story.turn_to(opens)
    news = await story.therapist.sync()
    assert [(m.text, m.standing) for m in news.messages] == [("Friday night", "good")]
    assert (await story.client.sync()).findings == ()
