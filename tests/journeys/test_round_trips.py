"""One round trip a command: what is remembered between sends saves the second one (decisions.md D-26,
D-35)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.problems import NoSuchThread
from etherapy.signing import SigningKey
from etherapy.tep.envelope import parse_envelope, sign_envelope
from tests.journeys.conftest import Story


async def test_a_send_in_a_known_thread_is_one_call_of_the_database(story: Story, calls: list[str]) -> None:
    await story.turn_to(datetime(2026, 6, 1, 16, 0, tzinfo=UTC))
    await story.client.send(story.thread, "The first loads what is to be known")
    for text in ("at once", "again"):
        calls.clear()
        assert (await story.client.send(story.thread, text)).state == "placed"
        assert calls.count("accept_message") == 1 and "load_facts" not in calls
    await story.turn_to(datetime(2026, 6, 2, 3, 0, tzinfo=UTC))
    calls.clear()
    assert (await story.client.send(story.thread, "held")).state == "held"
    assert calls.count("accept_message") == 1 and "load_facts" not in calls


async def test_each_read_is_one_call_of_the_database(story: Story, calls: list[str]) -> None:
    call = story.therapist.transport.call
    reads: list[tuple[str, Any, dict[str, Any]]] = [
        ("read_inbox", endpoints.read_inbox, {}),
        ("read_page", endpoints.read_page, {"thread": story.thread}),
        ("read_sync", endpoints.read_changes, {}),
        ("read_notices", endpoints.read_notices, {}),
    ]
    for read, endpoint, path in reads:
        calls.clear()
        await call(endpoint, **path)
        assert calls == [read]


async def test_a_wrong_memory_costs_a_look_and_nothing_else(story: Story, calls: list[str]) -> None:
    await story.turn_to(datetime(2026, 6, 1, 16, 0, tzinfo=UTC))
    await story.client.send(story.thread, "one")
    memory = story.server.application.parts.memory
    key = (story.practice, story.thread)
    stale = memory.recall(key)
    assert stale is not None
    await story.client.send(story.thread, "two")
    memory.keep(key, stale)
    calls.clear()
    assert (await story.client.send(story.thread, "three")).state == "placed"
    assert [name for name in calls if name in ("accept_message", "load_facts")] == [
        "accept_message", "load_facts", "accept_message",
    ]  # fmt: skip


async def test_bytes_that_no_member_signed_are_refused_on_fresh_facts(story: Story, calls: list[str]) -> None:
    await story.turn_to(datetime(2026, 6, 2, 3, 0, tzinfo=UTC))
    await story.client.send(story.thread, "mine")
    [waiting] = (await story.client.transport.call(endpoints.read_waiting, thread=story.thread)).messages
    mine = parse_envelope(waiting.envelope)
    stranger = mine.header._replace(device=bytes(16), mid=bytes(16))
    forged = SendMessage(B64(sign_envelope(stranger, mine.ct, SigningKey.generate())))
    calls.clear()
    with pytest.raises(NoSuchThread):
        await story.client.transport.call(endpoints.send_message, forged, thread=story.thread)
    assert calls == ["load_facts"]
