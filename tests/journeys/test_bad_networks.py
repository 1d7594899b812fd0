"""S-12 and its neighbours: phones that send twice, answers that get lost, sessions that end."""

import asyncio
from datetime import UTC, datetime
from os import urandom

import pytest
from aiohttp import ClientSession

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.problems import MidTaken
from etherapy.sdk.session import Session
from etherapy.tep.envelope import parse_envelope, sign_envelope
from tests.journeys.conftest import Story

AFTER_FIVE = datetime(2026, 10, 8, 21, 4, tzinfo=UTC)  # Thursday 17:04 in New York
RELEASE = datetime(2026, 10, 9, 13, 0, tzinfo=UTC)
REPLY_BY = datetime(2026, 10, 13, 21, 0, tzinfo=UTC)  # Monday 12 October is a holiday


async def stored_envelope(client: Session, thread: bytes) -> bytes:
    """The bytes of the one message that waits."""
    answer = await client.transport.call(endpoints.read_waiting, thread=thread)
    [one] = answer.messages
    return bytes(one.envelope)


async def test_s_12_the_same_bytes_twice_are_one_message(story: Story) -> None:
    await story.turn_to(AFTER_FIVE)
    first = await story.client.send(story.thread, "Written in the tunnel")
    assert (first.promise.release_at, first.promise.reply_by) == (RELEASE, REPLY_BY)
    envelope = await stored_envelope(story.client, story.thread)
    await story.turn_to(datetime(2026, 10, 8, 21, 6, tzinfo=UTC))
    body = SendMessage(B64(envelope))
    calls = [story.client.transport.call(endpoints.send_message, body, thread=story.thread) for _ in range(8)]
    answers = await asyncio.gather(*calls)
    assert len({bytes(a.receipt) for a in answers}) == 1
    assert [a.decision for a in answers] == [first.decision] * len(answers)
    assert bytes(answers[0].receipt) == first.promise.receipt
    await story.turn_to(RELEASE)
    assert [m.text for m in (await story.therapist.sync()).messages] == ["Written in the tunnel"]
    [turn] = await story.therapist.inbox()
    assert (turn.count, turn.reply_by) == (1, REPLY_BY)


async def test_s_12_other_bytes_under_the_same_id_are_a_conflict_and_the_first_is_untouched(
    story: Story,
) -> None:
    await story.turn_to(AFTER_FIVE)
    sent = await story.client.send(story.thread, "The first")
    before = await stored_envelope(story.client, story.thread)
    first = parse_envelope(before)
    other = sign_envelope(first.header, urandom(len(first.ct)), story.client.keys.sign)
    with pytest.raises(MidTaken) as taken:
        await story.client.transport.call(
            endpoints.send_message, SendMessage(B64(other)), thread=story.thread
        )
    assert taken.value.item_hash == first.item_hash
    assert await stored_envelope(story.client, story.thread) == before
    assert (await story.client.waiting(story.thread))[0].mid == sent.mid


async def test_a_session_that_ended_is_opened_again_without_anybody_noticing(story: Story) -> None:
    await story.turn_to(datetime(2026, 6, 1, 14, 0, tzinfo=UTC))
    await story.client.send(story.thread, "Today")
    await story.turn_to(datetime(2026, 6, 4, 14, 0, tzinfo=UTC))
    await story.client.send(story.thread, "Three days later")
    assert [m.text for m in (await story.therapist.sync()).messages] == ["Today", "Three days later"]


async def test_after_logout_the_token_is_worth_nothing(story: Story) -> None:
    tokens = story.client.transport.tokens
    assert tokens is not None
    token = await tokens.current()
    headers = {"Authorization": f"Bearer {token}"}
    person = story.server.origin + "/person"
    async with ClientSession(headers=headers) as bare:
        assert (await bare.get(person)).status == 200
        assert (await bare.post(story.server.origin + "/logout")).status == 204
        assert (await bare.get(person)).status == 401
    assert (await story.client.sync()).findings == ()
