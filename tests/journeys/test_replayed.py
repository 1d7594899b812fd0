"""Deciding again on one's own device, and what an urgent message needs where nobody is on call (G9, R-16)."""

from datetime import UTC, datetime

import pytest

from etherapy.cli.main import run as run_command
from etherapy.protocol.problems import CardNotShown
from tests.journeys.conftest import Story

NIGHT = datetime(2026, 6, 3, 3, 10, tzinfo=UTC)
"""Tue 2 Jun 2026, 23:10 in New York."""
MORNING = datetime(2026, 6, 3, 13, 0, tzinfo=UTC)
NOBODY = {"kind": "urgent.channel", "confirm_card": True}


async def test_both_sides_come_to_the_same_decision_on_their_own_devices(story: Story) -> None:
    await story.turn_to(NIGHT)
    mine = await story.client.send(story.thread, "Why does it wait?")
    done = await story.client.replay(story.thread, mine.mid)
    assert done.same and done.decision == mine.decision
    theirs = await story.therapist.send(story.thread, "It does not, from here.")
    assert (await story.therapist.replay(story.thread, theirs.mid)).same


async def test_a_replay_holds_after_the_rules_have_changed_and_the_promise_has_moved(story: Story) -> None:
    await story.turn_to(NIGHT)
    mine = await story.client.send(story.thread, "It will go earlier.")
    days = ["mon", "tue", "wed", "thu", "fri"]
    early = [{"days": days, "start": "07:00", "end": "17:00"}]
    await story.therapist.set_rules([{"kind": "window.weekly", "zone": "America/New_York", "windows": early}])
    [waiting] = await story.client.waiting(story.thread)
    assert waiting.promise.release_at is not None and mine.promise.release_at is not None
    assert waiting.promise.release_at < mine.promise.release_at
    done = await story.client.replay(story.thread, mine.mid)
    assert done.same and done.decision.release_at == mine.promise.release_at


async def test_where_nobody_is_on_call_the_card_is_seen_before_it_goes(story: Story) -> None:
    await story.therapist.set_rules([NOBODY])
    await story.turn_to(NIGHT)
    with pytest.raises(CardNotShown) as first:
        await story.client.send(story.thread, "Now", urgent=True)
    card = first.value.words.card
    assert card.region == "US" and first.value.words.card_lines
    assert [one.text for one in await story.client.waiting(story.thread)] == []
    with pytest.raises(CardNotShown):
        await story.client.send(story.thread, "Now", urgent=True, card="another")
    sent = await story.client.send(story.thread, "Now", urgent=True, card=card.card_id)
    assert (sent.state, sent.decision.card_first) == ("placed", True)
    assert sent.decision.notice_at == MORNING
    news = await story.therapist.sync()
    assert [one.text for one in news.messages] == ["Now"]
    assert [one for one in await story.therapist.notices() if one.urgent] == []
    await story.turn_to(MORNING)
    assert [one.noticed_at for one in await story.therapist.notices() if one.urgent] == [MORNING]


async def test_what_waits_becomes_urgent_only_with_the_card(story: Story) -> None:
    await story.therapist.set_rules([NOBODY])
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "It waits")
    with pytest.raises(CardNotShown) as refused:
        await story.client.send_urgently(story.thread, sent.mid)
    [waiting] = await story.client.waiting(story.thread)
    assert waiting.mid == sent.mid
    card = refused.value.words.card.card_id
    done = await story.client.send_urgently(story.thread, sent.mid, card=card)
    assert done.state == "placed" and (await story.client.waiting(story.thread)) == []


async def test_opened_before_its_time_it_is_good_on_both_devices(story: Story) -> None:
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Read me early")
    await story.therapist.open_early(story.thread, "crisis_call")
    news = await story.therapist.sync()
    assert [(one.text, one.standing) for one in news.messages] == [("Read me early", "good")]
    mine = await story.client.sync()
    assert mine.findings == () and news.findings == ()
    assert sent.mid in {one.mid for one in await story.client.messages(story.thread)}


def test_the_commands_say_what_they_take(capsys: pytest.CaptureFixture[str]) -> None:
    for command, options in {
        "explain": ("--replay", "--language"),
        "send": ("--now", "--urgent", "--language"),
        "open": ("REASON",),
    }.items():
        assert run_command([command, "--help"]) == 0
        shown = capsys.readouterr().out
        assert all(option in shown for option in options), command
