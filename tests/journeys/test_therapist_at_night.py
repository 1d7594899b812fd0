"""S-13, S-14: a therapist's word of the night goes out in the morning; time to think breaks no promise."""

from datetime import UTC, datetime, timedelta

import pytest

from etherapy.protocol.problems import AlreadyPlaced
from tests.journeys.conftest import Story

QUIET = {
    "kind": "therapist.outbound",
    "quiet_start": "20:00",
    "quiet_end": "08:00",
    "own_hours_only": True,
    "override": "reason_required",
}
"""Dr Vale sends in her own hours, and at night only with a reason."""
NIGHT = datetime(2026, 6, 3, 3, 10, tzinfo=UTC)
"""Tue 2 Jun 2026, 23:10 in New York."""
MORNING = datetime(2026, 6, 3, 13, 0, tzinfo=UTC)


async def asked(story: Story) -> None:
    """A client's question waits for an answer; it is Tuesday night."""
    await story.therapist.set_rules([QUIET])
    await story.turn_to(datetime(2026, 6, 2, 15, 0, tzinfo=UTC))
    await story.client.send(story.thread, "May I move our Thursday?")
    await story.therapist.sync()
    await story.client.sync()
    await story.turn_to(NIGHT)


async def test_s_13_a_reply_finished_at_night_is_scheduled_for_the_morning(story: Story) -> None:
    await asked(story)
    sent = await story.therapist.send(story.thread, "Yes, to Friday.")
    assert (sent.state, sent.promise.release_at) == ("held", MORNING)
    await story.turn_to(MORNING - timedelta(milliseconds=1))
    assert (await story.client.sync()).messages == ()
    assert len(await story.therapist.inbox()) == 1, "nothing was answered yet"
    await story.turn_to(MORNING)
    news = await story.client.sync()
    assert [(one.text, one.standing) for one in news.messages] == [("Yes, to Friday.", "good")]
    assert await story.therapist.inbox() == [] and news.findings == ()


async def test_s_13_until_then_the_therapist_can_take_it_back_or_word_it_anew(story: Story) -> None:
    await asked(story)
    sent = await story.therapist.send(story.thread, "No.")
    better = await story.therapist.replace(story.thread, sent.mid, "Not this week, I am sorry.")
    assert better.promise.release_at == MORNING
    await story.turn_to(MORNING)
    assert [one.text for one in (await story.client.sync()).messages] == ["Not this week, I am sorry."]
    with pytest.raises(AlreadyPlaced):
        await story.therapist.recall(story.thread, better.mid)


async def test_s_13_sending_now_needs_a_reason_and_is_on_record(story: Story) -> None:
    await asked(story)
    sent = await story.therapist.send(story.thread, "Yes.", at_once_because="travel_tomorrow")
    assert sent.state == "placed"
    night = [one for one in sent.decision.because if one.words == "night_action"]
    assert [(one.kind, one.label) for one in night] == [("therapist.outbound", "travel_tomorrow")]
    assert len((await story.client.sync()).messages) == 1


async def test_s_14_time_to_think_ends_before_it_would_break_a_promise(story: Story) -> None:
    await story.therapist.set_rules([{"kind": "pacing", "reflection_hours": 24}])
    await story.turn_to(datetime(2026, 6, 2, 14, 0, tzinfo=UTC))  # Tuesday 10:00: answer by Wednesday 17:00
    asked = await story.client.send(story.thread, "What do you think of it?")
    assert asked.promise.reply_by == datetime(2026, 6, 3, 21, 0, tzinfo=UTC)
    await story.therapist.sync()
    await story.turn_to(datetime(2026, 6, 2, 18, 0, tzinfo=UTC))  # Tuesday 14:00
    whole = await story.therapist.preview(story.thread, "A thought")
    assert whole.decision.release_at == datetime(2026, 6, 3, 18, 0, tzinfo=UTC)
    await story.turn_to(datetime(2026, 6, 2, 23, 0, tzinfo=UTC))  # 24 hours more would be too late
    shortened = await story.therapist.preview(story.thread, "A thought")
    assert shortened.decision.release_at == datetime(2026, 6, 3, 20, 59, tzinfo=UTC)
    assert "reflection_shortened" in {one.words for one in shortened.decision.because}
    now = await story.therapist.send(story.thread, "A thought", at_once_because="client_waits")
    assert now.state == "placed"
