"""The main story, through the SDK and a real server."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.binary import b64
from etherapy.clock import TestClock
from etherapy.protocol.problems import AlreadyPlaced
from etherapy.sdk import Profile, Session, Therapist, enrol, recover, verify_bundle
from etherapy.sdk.verifying.promises import ReceiptRefused
from tests.sdk.conftest import MORNING, NIGHT, Pair
from tests.sdk.furnished import HOURS, Practice


async def test_a_message_of_the_night_is_read_and_answered_in_the_morning(pair: Pair, clock: TestClock):
    anna, vale, thread = pair.anna, pair.vale, pair.thread
    await clock.turn_to(NIGHT)
    preview = await anna.preview(thread, "I cannot sleep.")
    assert preview.decision.release_at == MORNING
    sent = await anna.send(thread, "I cannot sleep.")
    assert sent.state == "held"
    assert sent.promise.release_at == MORNING
    assert sent.acknowledgement is not None
    assert [one.text for one in await anna.waiting(thread)] == ["I cannot sleep."]
    assert (await vale.sync()).messages == ()
    assert await vale.inbox() == []
    await clock.turn_to(MORNING)
    news = await vale.sync()
    shown = [(one.text, one.mine, one.standing) for one in news.messages]
    assert shown == [("I cannot sleep.", False, "good")]
    assert [(turn.thread, turn.count) for turn in await vale.inbox()] == [(thread, 1)]
    assert len(await vale.notices()) == 1
    reply = await vale.send(thread, "Let us talk about it on Thursday.")
    assert reply.state == "placed"
    news = await anna.sync()
    assert [(one.text, one.mine) for one in news.messages] == [
        ("I cannot sleep.", True),
        ("Let us talk about it on Thursday.", False),
    ]
    assert news.findings == ()
    assert anna.findings == vale.findings == ()


async def test_threads_are_named_by_what_each_side_knows(pair: Pair, clock: TestClock):
    assert (await pair.anna.threads())[0].with_name == "Dr Vale"
    assert not (await pair.anna.threads())[0].seen_by_practice
    await pair.vale.sync()
    assert (await pair.vale.threads())[0].with_name == "A."
    digits = await pair.anna.safety_number(pair.thread)
    assert len(digits.split()) == 12
    assert digits == await pair.vale.safety_number(pair.thread)
    await clock.turn_to(MORNING)
    await pair.vale.send(pair.thread, "Welcome.")
    await pair.anna.sync()
    view = (await pair.anna.threads())[0]
    assert (view.role, view.messages, view.seen_by_practice, view.halted) == ("client", 1, True, None)


async def test_an_urgent_message_is_placed_at_once(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    await pair.anna.send(pair.thread, "held")
    sent = await pair.anna.send(pair.thread, "now", urgent=True)
    assert sent.state == "placed"
    assert sent.acknowledgement is None
    assert [(one.text, one.urgent) for one in (await pair.vale.sync()).messages] == [("now", True)]


async def test_a_message_can_be_taken_back_while_it_waits_and_leaves_no_trace(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "I take this back.")
    taken = await pair.anna.recall(pair.thread, sent.mid)
    assert taken.state == "recalled"
    assert (await pair.anna.recall(pair.thread, sent.mid)).state == "recalled"
    assert await pair.anna.waiting(pair.thread) == []
    await clock.turn_to(MORNING)
    assert (await pair.vale.sync()).messages == ()
    assert (await pair.anna.sync()).findings == ()


async def test_it_is_too_late_to_take_back_what_was_placed(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "read in the morning")
    await clock.turn_to(MORNING)
    with pytest.raises(AlreadyPlaced):
        await pair.anna.recall(pair.thread, sent.mid)
    assert [one.text for one in (await pair.anna.sync()).messages] == ["read in the morning"]
    assert pair.anna.findings == ()


async def test_a_message_is_explained_to_its_sender(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    pair.anna.zone = "America/Chicago"
    sent = await pair.anna.send(pair.thread, "why?")
    assert any("Chicago" in line or "your time" in line for line in sent.words.lines)
    explanation = await pair.anna.explain(pair.thread, sent.mid)
    assert explanation.release_at == MORNING
    assert explanation.summary


@pytest.mark.parametrize("as_text", [False, True])
async def test_the_recovery_code_opens_everything_on_a_fresh_device(
    pair: Pair, practice: Practice, clock: TestClock, as_text: bool
):
    await clock.turn_to(NIGHT)
    await pair.anna.send(pair.thread, "one")
    await clock.turn_to(MORNING)
    await pair.vale.sync()
    await pair.vale.send(pair.thread, "two")
    place = b64(practice.practice_id) if as_text else practice.practice_id
    again = await recover(practice.server.origin, place, pair.code, Profile.in_memory(), clock=clock)
    shown = [(one.text, one.mine, one.standing) for one in await again.messages(pair.thread)]
    assert shown == [("one", True, "good"), ("two", False, "good")]
    assert (await again.threads())[0].with_name == "Dr Vale"
    assert (await again.send(pair.thread, "three")).state == "placed"
    assert [one.text for one in (await pair.vale.sync()).messages] == ["two", "three"]
    assert (await pair.vale.send(pair.thread, "four")).state == "placed"
    assert [one.text for one in (await again.sync()).messages] == ["three", "four"]
    assert again.findings == pair.vale.findings == ()
    await again.close()


async def test_a_therapist_recovers_all_threads(pair: Pair, practice: Practice, clock: TestClock):
    link = await practice.staff_link(["therapist"], "Dr Wren")

    wren, code = await enrol(link, Profile.in_memory(), Therapist, clock=clock)
    people = [await practice.client(wren) for _ in range(3)]
    await practice.server.make_rounds()
    await clock.turn_to(MORNING)
    for number, (client, thread, _) in enumerate(people):
        await client.send(thread, f"from {number}")
        await client.close()
    await wren.close()
    again = await recover(
        practice.server.origin, practice.practice_id, code, Profile.in_memory(), Therapist, clock=clock
    )
    texts = [(await again.messages(thread))[0].text for _, thread, _ in people]
    assert texts == ["from 0", "from 1", "from 2"]
    assert {one.halted for one in await again.threads()} == {None}
    assert again.findings == ()
    await again.close()


async def test_a_session_that_ended_is_opened_again_by_itself(pair: Pair, clock: TestClock):
    await clock.turn_by(timedelta(hours=25))
    assert (await pair.vale.sync()).findings == ()


async def test_a_follower_is_woken_by_a_message(pair: Pair, practice: Practice, clock: TestClock):
    await clock.turn_to(MORNING)
    await pair.anna.sync()

    async def first() -> str | None:
        async for message in pair.anna.follow():
            return message.text
        return None

    await pair.vale.sync()
    waiting = asyncio.create_task(first())
    await asyncio.wait_for(practice.server.application.parts.hub.occupied.wait(), 10)
    await pair.vale.send(pair.thread, "Are you there?")
    assert await asyncio.wait_for(waiting, 10) == "Are you there?"


async def test_a_receipt_is_verified_by_anybody_without_a_network(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "a promise is a promise")
    for _ in ("held", "placed"):
        bundle = await pair.anna.export_receipt(pair.thread, sent.mid)
        view = verify_bundle(bundle)
        assert (view.release_at, view.mid) == (MORNING, sent.mid)
        assert view.server_id == pair.anna.server.server_id
        assert b"a promise" not in bundle
        await clock.turn_to(MORNING)
        await pair.anna.sync()
    for at in range(bundle.index(b"receipt") + 12, len(bundle) - 40, 97):
        letter = b"A" if bundle[at : at + 1] != b"A" else b"B"
        with pytest.raises(ReceiptRefused):
            verify_bundle(bundle[:at] + letter + bundle[at + 1 :])


async def test_new_rules_bring_a_held_message_forward_and_are_followed_sheet_by_sheet(
    pair: Pair, clock: TestClock
):
    await clock.turn_to(NIGHT)
    await pair.anna.send(pair.thread, "soon?")
    windows = [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "07:00", "end": "17:00"}]
    done = await pair.vale.set_rules([HOURS[0] | {"windows": windows}])
    assert (done.version, done.threads) == (1, 1)
    await clock.turn_to(MORNING - timedelta(hours=2))
    news = await pair.vale.sync()
    assert [(one.text, one.standing) for one in news.messages] == [("soon?", "good")]
    news = await pair.anna.sync()
    assert news.findings == ()
    assert (await pair.anna.send(pair.thread, "thank you")).promise.rules_rev == 2
    assert pair.anna.findings == pair.vale.findings == ()


async def test_everything_is_there_in_the_next_run_of_the_program(
    practice: Practice, clock: TestClock, tmp_path: Path
):
    vale, _ = await practice.therapist()
    place = tmp_path / "anna"
    anna, thread, _ = await practice.client(vale, Profile.open(place))
    await clock.turn_to(MORNING)
    await anna.send(thread, "one night")
    await vale.sync()
    await vale.send(thread, "two")
    await anna.close()
    anna.profile.close()
    with Profile.open(place) as profile:
        async with await Session.open(profile, clock=clock) as again:
            assert [one.text for one in await again.messages(thread)] == ["one night"]
            assert [one.text for one in (await again.sync()).messages] == ["one night", "two"]
            assert (await again.sync()).messages == ()
    assert b"one night" not in b"".join(one.read_bytes() for one in place.glob("*.items"))
    await vale.close()
