"""S-1: a message sent at night is answered in the morning."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from etherapy.protocol.problems import AlreadyPlaced
from etherapy.sdk.verifying.promises import verify_bundle
from tests.journeys.conftest import Story

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)  # Monday 22:40 in Chicago
SECOND = datetime(2026, 6, 2, 4, 5, tzinfo=UTC)
RELEASE = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)  # Tuesday 09:00 in New York
REPLY_BY = datetime(2026, 6, 3, 21, 0, tzinfo=UTC)  # Wednesday 17:00 in New York
MS = timedelta(milliseconds=1)


async def test_s_1_the_whole_evening(story: Story) -> None:
    client, therapist, thread = story.client, story.therapist, story.thread
    await story.turn_to(NIGHT)
    seen = await client.preview(thread, "Cannot sleep.")
    lines = " ".join(seen.words.lines)
    assert "Dr Vale" in lines and "Tue 2 Jun, 9:00 Eastern" in lines and "8:00 your time" in lines
    assert "Wed 3 Jun, 17:00 Eastern" in lines and "16:00 your time" in lines
    assert seen.words.card.region == "US" and "988" in " ".join(seen.words.card_lines)

    sent = await client.send(thread, "Cannot sleep. The harbour dream again.")
    assert (sent.state, sent.promise.release_at, sent.promise.reply_by) == ("held", RELEASE, REPLY_BY)
    assert sent.acknowledgement is not None and "Automatic" in sent.acknowledgement
    await story.turn_to(SECOND)
    later = await client.send(thread, "And one more thing.")
    assert later.acknowledgement is None
    assert (later.promise.release_at, later.promise.reply_by) == (RELEASE, REPLY_BY)

    await story.turn_to(RELEASE - MS)
    await story.server.make_rounds()
    assert await therapist.inbox() == [] and await therapist.notices() == []
    assert (await therapist.sync()).messages == ()

    await story.turn_to(RELEASE)
    await story.server.make_rounds()
    [turn] = await therapist.inbox()
    assert (turn.count, turn.since, turn.reply_by) == (2, RELEASE, REPLY_BY)
    assert [notice.window_at for notice in await therapist.notices()] == [RELEASE]
    news = await therapist.sync()
    assert [(m.text, m.standing) for m in news.messages] == [
        ("Cannot sleep. The harbour dream again.", "good"),
        ("And one more thing.", "good"),
    ]
    assert news.findings == ()

    await story.turn_to(RELEASE + timedelta(minutes=20))
    await therapist.send(thread, "Thank you for writing it down.")
    assert await therapist.inbox() == []
    answer = await client.sync()
    assert [m.text for m in answer.messages if not m.mine] == ["Thank you for writing it down."]
    assert answer.findings == ()
    view = verify_bundle(await client.export_receipt(thread, sent.mid))
    assert (view.release_at, view.reply_by) == (RELEASE, REPLY_BY)


async def test_s_1_recall_is_possible_until_the_last_millisecond_and_not_at_the_release(story: Story) -> None:
    await story.turn_to(NIGHT)
    early = await story.client.send(story.thread, "No, not this.")
    late = await story.client.send(story.thread, "This may stay.")
    await story.turn_to(RELEASE - MS)
    assert (await story.client.recall(story.thread, early.mid)).state == "recalled"
    assert [one.text for one in await story.client.waiting(story.thread)] == ["This may stay."]
    await story.turn_to(RELEASE)
    with pytest.raises(AlreadyPlaced):
        await story.client.recall(story.thread, late.mid)
    assert [m.text for m in (await story.therapist.sync()).messages] == ["This may stay."]


async def test_the_supervisor_sees_the_decision_after_the_release_and_never_a_word(story: Story) -> None:
    board = await story.supervisor()
    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "Only for Dr Vale.")
    await story.server.make_rounds()
    assert [r.act for r in await board.decisions() if r.act.startswith("message")] == []
    await story.turn_to(RELEASE)
    await story.server.make_rounds()
    [placed] = [r for r in await board.decisions() if r.act == "message.placed"]
    assert placed.proved and placed.facts["by"] == "client"
    assert "Only" not in str(placed.facts) and "Noor" not in str(placed.facts)
    assert any("window.weekly" in str(setting.rules) for setting in await board.settings())


async def test_a_client_who_joins_at_night_can_write_at_once(story: Story) -> None:
    await story.turn_to(NIGHT)
    newcomer, thread = await story.another_client()
    sent = await newcomer.send(thread, "I found the link in my jacket.")
    assert (sent.state, sent.promise.release_at) == ("held", RELEASE)
    await story.turn_to(RELEASE)
    news = await story.therapist.sync()
    assert [(m.text, m.standing) for m in news.messages] == [("I found the link in my jacket.", "good")]


async def test_an_urgent_message_is_never_held_and_takes_nothing_with_it(story: Story) -> None:
    await story.turn_to(NIGHT)
    held = await story.client.send(story.thread, "This can wait.")
    urgent = await story.client.send(story.thread, "This cannot.", urgent=True)
    assert (held.state, urgent.state) == ("held", "placed")
    [turn] = await story.therapist.inbox()
    assert turn.urgent and turn.count == 1
    assert [m.text for m in (await story.therapist.sync()).messages] == ["This cannot."]
    await story.turn_to(RELEASE)
    news = await story.therapist.sync()
    assert [(m.text, m.standing) for m in news.messages] == [("This can wait.", "good")]


async def test_whoever_waits_on_a_long_poll_is_woken_by_the_release(story: Story) -> None:

    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "Read me in the morning.")
    await story.therapist.sync()
    waiting = asyncio.create_task(story.therapist.sync(wait=20))
    await asyncio.wait_for(story.server.application.parts.hub.occupied.wait(), 10)
    await story.turn_to(RELEASE)
    await story.server.make_rounds()
    assert [m.text for m in (await asyncio.wait_for(waiting, 10)).messages] == ["Read me in the morning."]
