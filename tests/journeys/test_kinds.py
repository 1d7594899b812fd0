"""What people say beside plain texts, through the real server: held, promised and placed like any message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from etherapy.binary import B64
from etherapy.cli.showing import show_thread
from etherapy.crypto.messages import seal_message
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.sdk.faults import BadForm, NoSuchMessage, NotPlacedYet, TooLong
from etherapy.sdk.finding_kinds import Kind
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Transport
from etherapy.sdk.verifying.kind_words import TAKEN_BACK, UNKNOWN
from etherapy.sdk.verifying.message import Message
from etherapy.store.connection import connect
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.kinds import Change, SafetyPlan
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload, View
from tests.conftest import RunningServer
from tests.journeys.conftest import Story

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
MEETING = datetime(2026, 6, 9, 15, 0, tzinfo=UTC)


async def both_sync(story: Story) -> tuple[list[Message], list[Message]]:
    await story.client.sync()
    await story.therapist.sync()
    mine, theirs = (
        await story.client.messages(story.thread),
        await story.therapist.messages(story.thread),
    )
    assert [(one.n, one.text, one.edited_at, one.meeting and one.meeting.state) for one in mine] == [
        (one.n, one.text, one.edited_at, one.meeting and one.meeting.state) for one in theirs
    ]
    return mine, theirs


async def test_a_letter_is_edited_at_night_and_the_old_wording_stands_until_the_morning(story: Story) -> None:
    await story.turn_to(MORNING)
    letter = await story.client.send_letter(story.thread, "Dear Dr Vale, see you on Tuesday.", "The summer")
    assert letter.state == "placed"
    await story.turn_to(NIGHT + timedelta(days=1))
    change = await story.client.edit(story.thread, letter.mid, "Dear Dr Vale, see you on Thursday.")
    assert change.state == "held"
    await story.therapist.sync()
    (shown,) = await story.therapist.messages(story.thread)
    assert shown.text == "Dear Dr Vale, see you on Tuesday." and shown.edited_at is None
    await story.turn_to(MORNING + timedelta(days=1))
    (mine,), (theirs,) = await both_sync(story)
    assert (theirs.text, theirs.subject) == ("Dear Dr Vale, see you on Thursday.", "The summer")
    assert [one.text for one in theirs.history] == ["Dear Dr Vale, see you on Tuesday."]
    assert theirs.edited_at is not None and theirs.service_class == 4 and mine.mine


async def test_what_still_waits_is_replaced_and_not_edited(story: Story) -> None:
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "I cannot sleep.")
    for act in (
        story.client.edit(story.thread, sent.mid, "I could not sleep."),
        story.client.retract(story.thread, sent.mid),
    ):
        with pytest.raises(NotPlacedYet):
            await act
    assert [one.text for one in await story.client.waiting(story.thread)] == ["I cannot sleep."]


async def test_a_reply_a_reaction_and_a_message_that_is_taken_back(story: Story) -> None:
    await story.turn_to(MORNING)
    asked = await story.client.send(story.thread, "Could we move Thursday?")
    await story.therapist.sync()
    await story.therapist.send(story.thread, "Yes.", reply_to=asked.mid)
    await story.therapist.react(story.thread, asked.mid, "👍")
    wrong = await story.client.send(story.thread, "Wrong window, sorry.")
    await story.client.retract(story.thread, wrong.mid)
    _, theirs = await both_sync(story)
    first, answer, last = theirs
    assert [(one.sign, one.mine) for one in first.reactions] == [("👍", True)]
    assert answer.reply_to == asked.mid
    assert (last.text, [one.text for one in last.history]) == (TAKEN_BACK, ["Wrong window, sorry."])
    await story.therapist.react(story.thread, asked.mid, None)
    _, theirs = await both_sync(story)
    assert theirs[0].reactions == ()


async def test_nobody_edits_or_takes_back_for_somebody_else(story: Story) -> None:
    await story.turn_to(MORNING)
    sent = await story.client.send(story.thread, "Mine.")
    await story.therapist.sync()
    with pytest.raises(NoSuchMessage):
        await story.therapist.edit(story.thread, sent.mid, "Yours.")
    with pytest.raises(NoSuchMessage):
        await story.therapist.react(story.thread, bytes(16), "👍")
    await deliver(story, story.therapist, PayloadKind.EDIT, Change(sent.mid, "Yours.").pack())
    await story.client.sync()
    mine, forged = await story.client.messages(story.thread)
    assert mine.text == "Mine." and not mine.history
    assert [one.kind for one in forged.findings] == [Kind.FOREIGN_CHANGE]
    assert Kind.FOREIGN_CHANGE in [one.kind for one in story.client.findings]


async def test_an_appointment_is_proposed_accepted_and_cancelled(story: Story) -> None:
    await story.turn_to(MORNING)
    proposed = await story.therapist.propose_appointment(
        story.thread, MEETING, 50, zone="America/New_York", place="Harbour Street 4"
    )
    await story.client.sync()
    with pytest.raises(NoSuchMessage):
        await story.therapist.answer_appointment(story.thread, proposed.mid, "accept")
    await story.client.answer_appointment(story.thread, proposed.mid, "accept", "I shall be there.")
    _, theirs = await both_sync(story)
    assert theirs[0].meeting is not None
    assert (theirs[0].meeting.state, theirs[0].meeting.start) == ("accepted", MEETING)
    assert "Tue 9 Jun 2026, 11:00 (America/New_York), 50 minutes, Harbour Street 4" in (theirs[0].text or "")
    await story.therapist.answer_appointment(story.thread, proposed.mid, "cancel", "I am ill.")
    mine, _ = await both_sync(story)
    assert mine[0].meeting is not None and mine[0].meeting.state == "cancelled"
    with pytest.raises(NoSuchMessage):
        await story.client.answer_appointment(story.thread, proposed.mid, "accept")
    with pytest.raises(BadForm):
        await story.client.propose_appointment(story.thread, datetime(2026, 6, 9, 15, 0))  # noqa: DTZ001


async def test_a_safety_plan_has_versions_and_the_newest_is_shown_also_without_a_network(
    story: Story,
) -> None:
    await story.turn_to(MORNING)
    await story.client.share_safety_plan(story.thread, {"signs": ["I stop answering"], "coping": ["Walk"]})
    await story.therapist.sync()
    before = await story.therapist.safety_plan(story.thread)
    assert before is not None and isinstance(before.body, SafetyPlan)
    await story.therapist.share_safety_plan(
        story.thread, SafetyPlan(1, before.body.signs, ("Walk", "Call Mira"))
    )
    await both_sync(story)
    with pytest.raises(BadForm):
        await story.client.share_safety_plan(story.thread, {"sings": ["x"]})
    with pytest.raises(BadForm):
        await story.client.share_safety_plan(story.thread, {})
    await story.client.close()
    offline = Session(story.client.profile, Transport("http://127.0.0.1:9"))
    found = await offline.safety_plan(story.thread)
    assert found is not None and isinstance(found.body, SafetyPlan)
    assert (found.body.version, found.body.coping) == (2, ("Walk", "Call Mira"))
    assert len(await offline.messages(story.thread)) == 2
    await offline.close()


async def test_a_check_in_carries_numbers_and_nothing_of_the_instrument(story: Story) -> None:
    await story.turn_to(MORNING)
    await story.client.check_in(story.thread, "phq-9", {1: 2, 2: 0}, {"total": 2}, MORNING)
    _, (shown,) = await both_sync(story)
    assert shown.text == (
        "[check-in phq-9, taken 2 Jun 2026, 13:00 UTC]\nscores: total 2\nanswers: 1: 2, 2: 0"
    )
    with pytest.raises(BadForm):
        await story.client.check_in(story.thread, "phq-9", {}, {"feeling down": 2})


async def test_what_is_too_long_or_says_nothing_is_not_sent(story: Story) -> None:
    with pytest.raises(TooLong):
        await story.client.send_letter(story.thread, "x" * 61_000)
    with pytest.raises(TooLong):
        await story.client.send_letter(story.thread, "x" * 62_000, "A subject")
    with pytest.raises(BadForm):
        await story.client.send_letter(story.thread, "x", "two\nlines")
    assert (await story.client.retry_outbox()).sent == ()
    assert await story.client.waiting(story.thread) == []


async def test_a_side_from_which_nothing_comes_is_shown_as_not_heard_since_and_never_as_well(
    story: Story,
) -> None:
    """AT-43: what the server keeps back for a night looks like silence, and is shown as that."""
    await story.turn_to(MORNING)
    await story.client.send(story.thread, "Good morning.")
    await story.turn_to(NIGHT + timedelta(days=1))
    await story.client.send(story.thread, "Nobody sees this before the morning.")
    await story.therapist.send(story.thread, "Are you there?")
    await story.therapist.sync()
    (view,) = await story.therapist.threads()
    assert view.heard_at == MORNING and view.last_placed_at == NIGHT + timedelta(days=1)
    assert any("since Tue 2 Jun 2026, 13:00" in line for line in show_thread(view, "UTC"))
    await story.turn_to(MORNING + timedelta(days=1))
    await story.therapist.sync()
    (view,) = await story.therapist.threads()
    assert view.heard_at == view.last_placed_at == MORNING + timedelta(days=1)
    assert not any("since" in line for line in show_thread(view, "UTC"))


async def deliver(
    story: Story, author: Session, kind: int, body: Any, service_class: int = 1, raw: Any = None
) -> bytes:
    """Send what no honest program would; the mid."""
    desk = author.desk(story.thread)
    async with desk.lock:
        await desk.catch_up()
        commit = desk.log.epochs.newest
        assert commit is not None
        payload = Payload(kind, body, author.device_time(), desk.view(), raw=raw)
        sealed = seal_message(
            payload, secret=desk.state.secrets[commit.commit_hash], commit=commit,
            key=author.keys.sign, service_class=service_class,
        )  # fmt: skip
    await author.transport.call(endpoints.send_message, SendMessage(B64(sealed)), thread=story.thread)
    return parse_envelope(sealed).header.mid


async def rows(server: RunningServer, mids: list[bytes]) -> list[dict[str, Any]]:
    """What the database keeps of these messages, without ids, times, hashes and random bytes."""
    connection = await connect(server.store.operate_dsn, timeout=10, name="tests")
    try:
        found = [await connection.fetchrow("SELECT * FROM message WHERE mid = $1", mid) for mid in mids]
    finally:
        await connection.close()
    return [dict(row) for row in found if row is not None]


ITS_OWN = {
    "mid", "item_hash", "envelope", "header_hash", "accepted_order", "n", "promise", "promise_hash",
    "leaf_id",
    "leaf_salt", "accepted_at", "counted_from", "placed_at", "release_at", "decision", "window_at",
    "reply_by", "question",
}  # fmt: skip


async def test_the_kind_of_a_message_is_in_no_column_no_answer_and_no_header(story: Story) -> None:
    """AT-48: two kinds of one class and size differ in random bytes only; unknown ones are shown."""
    await story.turn_to(MORNING)
    seen = View(0, bytes(32), 1, bytes(32))
    plan = SafetyPlan(1, signs=("x",)).pack()
    mids = [
        await deliver(story, story.client, PayloadKind.SAFETY_PLAN, plan, 5),
        await deliver(story, story.client, PayloadKind.CHECK_IN, {0: "phq-9", 1: 5, 2: [[1, 2]]}, 5),
        await deliver(story, story.client, 77, "", 5, raw={0: 77, 1: "newer", 2: 5, 3: {0: seen.n}}),
    ]
    kept = await rows(story.server, mids)
    first, *others = [{name: value for name, value in row.items() if name not in ITS_OWN} for row in kept]
    assert others == [first, first]
    asked = [msgspec.json.decode(row["question"])["attempt"] for row in kept]
    assert [one | {"at": ""} for one in asked] == [asked[0] | {"at": ""}] * 3
    headers = [parse_envelope(row["envelope"]).header for row in kept]
    assert len({header._replace(mid=b"", nonce=b"", com=b"") for header in headers}) == 1
    await story.therapist.sync()
    found = await story.therapist.messages(story.thread)
    assert [one.kind for one in found] == [3, 2, 77]
    assert found[-1].text == UNKNOWN and found[-1].payload is not None and found[-1].payload.raw
