"""Questionnaires are offered by the rules that a device has verified; the server is not asked."""

from datetime import UTC, datetime

from tests.journeys.conftest import VALE, Story, furnish

FRIDAY_NIGHT = datetime(2026, 6, 5, 22, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 6, 7, 13, 0, tzinfo=UTC)


async def test_a_questionnaire_about_danger_is_not_offered_on_a_friday_night(story: Story) -> None:
    await story.turn_to(FRIDAY_NIGHT)
    refused = await story.client.measure_offer(story.thread, "phq-9")
    assert (refused.now, refused.next_at, refused.why) == (False, SUNDAY, "opening_too_far")
    assert (await story.client.measure_offer(story.thread, "gad-7")).now
    assert not (await story.client.measure_offer(story.thread, "gad-7", risk_bearing=True)).now
    await story.turn_to(SUNDAY)
    assert (await story.client.measure_offer(story.thread, "phq-9")).now


async def test_what_was_answered_and_still_waits_is_not_offered_again(server, stack) -> None:
    schedule = {"kind": "measure.offer", "first": "2026-06-01", "every_weeks": 2}
    story = await furnish(server, stack, [*VALE, schedule])
    await story.turn_to(FRIDAY_NIGHT)
    assert (await story.client.measure_offer(story.thread, "gad-7")).now
    held = await story.client.check_in(story.thread, "gad-7", {1: 2}, {"total": 2})
    assert held.state == "held"
    again = await story.client.measure_offer(story.thread, "gad-7")
    assert (again.now, again.next_at) == (False, datetime(2026, 6, 15, 4, 0, tzinfo=UTC))
    assert (await story.client.measure_offer(story.thread, "who-5")).now
    await story.client.recall(story.thread, held.mid)
    assert (await story.client.measure_offer(story.thread, "gad-7")).now
