"""What slows an exchange or lets it rest: a pause, the time to think or to take back, what is offered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.protocol.problems import Declined
from etherapy.rules.languages import ENGLISH
from etherapy.rules.sheet import rule_sheet
from etherapy.sdk.faults import NotAgreed, TooLong
from tests.journeys.conftest import Story

MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
"""Tuesday, 9:00 in New York."""
PAUSE = {"kind": "pause", "by": "client", "since": "2026-06-02T00:00:00Z", "until": "2026-06-05T00:00:00Z"}


async def test_a_client_rests_alone_and_both_know_it(story: Story) -> None:
    await story.turn_to(MORNING)
    await story.client.send(story.thread, "Before the pause")
    await story.client.set_own_rules([PAUSE], 0)
    with pytest.raises(Declined) as refused:
        await story.client.send(story.thread, "In the pause")
    assert "paused" in refused.value.reasons
    assert refused.value.retry_from == datetime(2026, 6, 5, tzinfo=UTC)
    assert refused.value.words.card_lines
    urgent = await story.client.send(story.thread, "It cannot wait", urgent=True)
    assert urgent.state == "placed"
    await story.therapist.sync()
    sheet = rule_sheet(await story.therapist.thread_rules(story.thread), MORNING, "", ENGLISH, "therapist")
    assert "The client has paused writing" in str(sheet)
    await story.therapist.send(story.thread, "All the best until Friday")
    await story.client.sync()
    await story.client.set_own_rules([])
    assert (await story.client.send(story.thread, "After the pause")).state == "placed"


async def test_s14_a_reply_waits_for_the_time_to_think_and_never_beyond_the_promise(story: Story) -> None:
    await story.therapist.set_rules(
        [
            *[dict(one) for one in (await story.therapist.rules()).rules],
            {"kind": "pacing", "reflection_hours": 24},
        ]
    )
    await story.turn_to(MORNING)
    asked = await story.client.send(story.thread, "What do you think?")
    await story.turn_to(MORNING + timedelta(hours=5))
    await story.therapist.sync()
    reply = await story.therapist.send(story.thread, "A first thought")
    assert asked.promise.reply_by == datetime(2026, 6, 3, 21, 0, tzinfo=UTC)
    assert (reply.state, reply.promise.release_at) == ("held", MORNING + timedelta(hours=29))
    await story.client.sync()
    assert [one.text for one in await story.client.messages(story.thread)] == ["What do you think?"]
    await story.therapist.recall(story.thread, reply.mid)
    late = MORNING + timedelta(hours=20)
    await story.turn_to(late)
    shortened = await story.therapist.send(story.thread, "A second thought")
    assert shortened.promise.release_at == datetime(2026, 6, 3, 20, 59, tzinfo=UTC)
    now = await story.therapist.send(story.thread, "The short answer", at_once_because="client_waits")
    assert now.state == "placed"


async def test_a_client_can_take_back_what_would_have_gone_at_once(story: Story) -> None:
    await story.therapist.set_agreement(story.thread, [{"kind": "pacing", "recall_minutes": 5}], 0)
    await story.turn_to(MORNING)
    sent = await story.client.send(story.thread, "Too quick")
    assert (sent.state, sent.promise.release_at) == ("held", MORNING + timedelta(minutes=5))
    await story.client.recall(story.thread, sent.mid)
    await story.turn_to(MORNING + timedelta(minutes=6))
    assert (await story.therapist.sync()).messages == ()


async def test_a_device_offers_what_is_agreed_and_says_when_a_text_is_too_long(story: Story) -> None:
    agreed: list[dict[str, Any]] = [
        {"kind": "kinds", "device_kinds": ["text"]},
        {"kind": "budget.length", "message_words": 4},
    ]
    await story.therapist.set_agreement(story.thread, agreed, 0)
    await story.turn_to(MORNING)
    await story.client.sync()
    await story.client.thread_rules(story.thread)
    with pytest.raises(NotAgreed):
        await story.client.send_letter(story.thread, "Dear Dr Vale")
    with pytest.raises(TooLong) as refused:
        await story.client.send(story.thread, "five words are too many")
    assert "5 words" in str(refused.value)
    assert await story.client.waiting(story.thread) == []
    assert (await story.client.send(story.thread, "four words are fine")).state == "placed"
    assert (await story.client.send(story.thread, "this is urgent and as long as it is", urgent=True)).n
    plan = await story.client.share_safety_plan(story.thread, {"signs": ["I stop answering"]})
    assert plan.state == "placed"
    assert (await story.therapist.send(story.thread, "a reply can have many words")).n


async def test_a_device_counts_the_words_of_a_week(story: Story) -> None:
    agreed = [{"kind": "budget.length", "period_words": 6, "per": "week"}]
    await story.therapist.set_agreement(story.thread, agreed, 0)
    await story.client.thread_rules(story.thread)
    today = await story.client.send(story.thread, "three words here")
    assert today.state == "held"
    with pytest.raises(TooLong) as refused:
        await story.client.send(story.thread, "four words too many")
    assert "3 of the agreed 6" in str(refused.value)
    await story.client.recall(story.thread, today.mid)
    assert (await story.client.send(story.thread, "now all six words are left")).state == "held"


async def test_another_wording_of_what_waits_keeps_to_the_same_length(story: Story) -> None:
    agreed = [{"kind": "budget.length", "message_words": 4, "period_words": 6, "per": "week"}]
    await story.therapist.set_agreement(story.thread, agreed)
    await story.client.sync()
    await story.client.thread_rules(story.thread)
    await story.turn_to(datetime(2026, 6, 3, 3, 0, tzinfo=UTC))  # Tuesday 23:00 in New York
    held = await story.client.send(story.thread, "one two three")
    with pytest.raises(TooLong):
        await story.client.replace(story.thread, held.mid, "one two three four five")
    again = await story.client.replace(story.thread, held.mid, "four words and more")
    assert again.state == "held"
    with pytest.raises(TooLong):
        await story.client.send(story.thread, "and three more")
    assert (await story.client.send(story.thread, "just two")).state == "held"
    with pytest.raises(TooLong):
        await story.client.replace(story.thread, again.mid, "one two three four five")
