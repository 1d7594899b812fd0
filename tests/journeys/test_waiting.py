"""What waits while the thread changes: corrected, sealed anew, kept by another device, returned (A-4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from etherapy.binary import B64, Id16
from etherapy.crypto.messages import seal_message
from etherapy.protocol import endpoints
from etherapy.protocol.messages import AllWaiting, Waiting, WaitingPlace
from etherapy.protocol.messages import WaitingMessage as WaitingItem
from etherapy.protocol.problems import AlreadyPlaced, NoSuchThread
from etherapy.sdk.entering.enrolling import join
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.faults import NothingHeld, NotInThread, NotSentYet, NotYours
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.messages.replacing import keep_waiting
from etherapy.sdk.session import Session
from etherapy.sdk.verifying.message import Message, WaitingMessage
from etherapy.signing import SigningKey
from etherapy.store.connection import connect
from etherapy.tep.epoch import CommitReason
from etherapy.tep.payload import Payload
from tests.journeys.conftest import VALE, Story
from tests.sdk.furnished import LossyTransport, LyingTransport

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)  # Monday 22:40 in Chicago
LATER = NIGHT + timedelta(hours=3)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)  # Tuesday 09:00 in New York


def texts(messages: tuple[Message, ...] | list[Message]) -> list[str | None]:
    return [one.text for one in messages]


async def second_device(story: Story) -> Session:
    """One more device of the client."""
    fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    await story.server.make_rounds()
    await fresh.sync()
    return await story.stack.enter_async_context(fresh)


async def test_a_message_of_the_night_is_read_in_the_morning_across_a_new_epoch(story: Story) -> None:
    """AT-90."""
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Sealed in the old epoch.")
    await story.turn_to(LATER)
    fresh = await second_device(story)
    newest = fresh.desk(story.thread).log.epochs.newest
    assert newest is not None and newest.core.epoch == 1
    await story.turn_to(MORNING)
    for one in (story.therapist, story.client, fresh):
        news = await one.sync()
        assert texts(news.messages) == ["Sealed in the old epoch."]
        assert not any(found.grave for found in news.findings)
    [shown] = await story.therapist.messages(story.thread)
    assert shown.mid == sent.mid and shown.standing == "good"
    assert shown.promise is not None and shown.promise.counted_from == sent.promise.accepted_at
    assert shown.promise.release_at == MORNING == shown.placed_at


async def test_a_waiting_text_is_corrected_and_keeps_its_time(story: Story) -> None:
    """AT-89: never later, counted from the same instant; what else waits is left alone."""
    await story.turn_to(NIGHT)
    first = await story.client.send(story.thread, "I hate everything.")
    await story.turn_to(NIGHT + timedelta(minutes=1))
    other = await story.client.send(story.thread, "And another thing.")
    await story.turn_to(LATER)
    better = await story.client.replace(story.thread, first.mid, "Today was hard.")
    assert better.promise.counted_from == first.promise.accepted_at
    assert better.promise.release_at == first.promise.release_at
    assert better.promise.reply_by == first.promise.reply_by
    waiting = await story.client.waiting(story.thread)
    assert {one.text: one.promise.release_at for one in waiting} == {
        "Today was hard.": MORNING,
        "And another thing.": other.promise.release_at,
    }
    await story.turn_to(MORNING)
    news = await story.therapist.sync()
    assert texts(news.messages) == ["Today was hard.", "And another thing."]
    assert news.findings == ()
    assert (await story.client.sync()).findings == () and story.client.findings == ()
    with pytest.raises(AlreadyPlaced):
        await story.client.recall(story.thread, first.mid)  # the old id leads to what took its place


async def test_a_correction_that_comes_too_late_leaves_the_old_text(story: Story) -> None:
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "The first words.")
    item = story.client.desk(story.thread).state.own[sent.mid]
    await story.turn_to(MORNING - timedelta(milliseconds=1))
    assert item.state == "held"
    await story.turn_to(MORNING)
    await story.therapist.sync()
    with pytest.raises(NothingHeld):
        await story.client.replace(story.thread, sent.mid, "Other words.")
    assert texts(await story.therapist.messages(story.thread)) == ["The first words."]


async def test_a_lost_answer_to_a_correction_costs_nothing(story: Story) -> None:
    """AT-88."""
    lossy = LossyTransport(story.server.origin)
    me = Session(story.client.profile, lossy)
    await me.login.current()
    await story.turn_to(NIGHT)
    sent = await me.send(story.thread, "Once.")
    lossy.losing.append("replace_message")
    with pytest.raises(NotSentYet):
        await me.replace(story.thread, sent.mid, "Once and for all.")
    news = await me.sync()
    assert [one.state for one in news.sent] == ["held"]
    assert texts_of_waiting(await me.waiting(story.thread)) == ["Once and for all."]
    await lossy.close()
    await story.turn_to(MORNING)
    assert texts((await story.therapist.sync()).messages) == ["Once and for all."]


def texts_of_waiting(waiting: list[WaitingMessage]) -> list[str | None]:
    return [one.text for one in waiting]


async def test_one_waiting_message_is_sent_urgently_and_takes_nothing_with_it(story: Story) -> None:
    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "This can wait.")
    sent = await story.client.send(story.thread, "This cannot.")
    urgent = await story.client.send_urgently(story.thread, sent.mid)
    assert urgent.state == "placed"
    news = await story.therapist.sync()
    assert [(one.text, one.urgent) for one in news.messages] == [("This cannot.", True)]
    assert texts_of_waiting(await story.client.waiting(story.thread)) == ["This can wait."]


async def test_what_another_device_took_back_or_changed_accuses_nobody(story: Story) -> None:
    """AT-87: a Recall signed by a device of the sender's own chain is honest, and is shown to the others."""
    await story.turn_to(NIGHT)
    gone = await story.client.send(story.thread, "From the first device.")
    changed = await story.client.send(story.thread, "Also from the first device.")
    fresh = await second_device(story)
    await fresh.recall(story.thread, gone.mid)
    await fresh.replace(story.thread, changed.mid, "From the second device.")
    await story.turn_to(MORNING + timedelta(minutes=5))
    news = await story.client.sync()
    assert texts(news.messages) == ["From the second device."]
    assert not any(found.grave for found in news.findings) and story.client.findings == ()
    own = story.client.desk(story.thread).state.own
    assert (own[gone.mid].state, own[changed.mid].state) == ("recalled", "replaced")


async def test_a_recall_that_nobody_signed_is_found_out(story: Story) -> None:
    """AT-87."""
    await story.turn_to(NIGHT)
    gone = await story.client.send(story.thread, "Not to be taken out by anybody.")
    fresh = await second_device(story)
    await fresh.recall(story.thread, gone.mid)
    await forget_recall(story)
    await story.turn_to(MORNING + timedelta(minutes=5))
    [found] = [one for one in (await story.client.sync()).findings if one.grave]
    assert found.kind == Kind.DROPPED and "status" in found.proof


async def forget_recall(story: Story) -> None:
    """The server drops the evidence for what it did."""
    connection = await connect(story.server.store.operate_dsn, timeout=10, name="tests")
    await connection.execute("UPDATE message SET recall = NULL WHERE recall IS NOT NULL")
    await connection.close()


async def test_another_device_keeps_what_a_lost_one_has_waiting(story: Story) -> None:
    """AT-92."""
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "From the phone that I lose tomorrow.")
    fresh = await second_device(story)
    assert await keep_waiting(fresh, story.client.keys.device_id) == 1
    await fresh.devices.revoke(story.client.keys.device_id)
    await story.server.make_rounds()
    await story.turn_to(MORNING)
    news = await story.therapist.sync()
    assert texts(news.messages) == ["From the phone that I lose tomorrow."] and news.findings == ()
    [shown] = news.messages
    assert shown.device == fresh.keys.device_id and shown.promise is not None
    assert shown.promise.counted_from == sent.promise.accepted_at


@dataclass
class OtherHand:
    """A key with another device's name and no right to sign for it."""

    public: bytes

    def sign(self, message: bytes) -> bytes:
        return SigningKey(bytes(32)).sign(message)


@pytest.mark.parametrize("forged", ["planted", "replayed"])
async def test_words_that_no_own_device_signed_or_that_were_read_before_are_not_kept(
    story: Story, forged: str
) -> None:
    """AT-92: everybody who reads an epoch could seal in another's name, and the server says what waits."""
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Mine.")
    desk, lost = story.client.desk(story.thread), story.client.keys
    envelope = desk.state.own[sent.mid].envelope
    newest = desk.log.epochs.newest
    assert newest is not None and envelope is not None
    if forged == "planted":
        envelope = seal_message(
            Payload(1, "I want to stop the therapy.", 0, desk.view()),
            secret=desk.state.secrets[newest.commit_hash],
            commit=newest,
            key=OtherHand(lost.sign.public),  # type: ignore[arg-type]
            mid=sent.mid,
        )
    else:
        await story.turn_to(MORNING)
        await story.server.make_rounds()
    fresh = await second_device(story)
    await fresh.sync()
    receipt = B64(sent.promise.receipt)
    lie = WaitingItem(
        Id16(sent.mid), B64(envelope), receipt, sent.decision, "returned" if forged == "replayed" else "held"
    )
    lying = LyingTransport(story.server.origin)
    places = AllWaiting([WaitingPlace(Id16(story.thread), Id16(lost.device_id), 1, 0)])
    lying.lies = {"read_waiting": lambda _: Waiting([lie]), "read_all_waiting": lambda _: places}
    async with await Session.open(fresh.profile, clock=story.server.clock, transport=lying) as me:
        assert await keep_waiting(me, lost.device_id) == 0
        with pytest.raises(NothingHeld):
            await me.send_urgently(story.thread, sent.mid)
        if forged == "planted":
            assert [one.text for one in await me.waiting(story.thread)] == [None]
            assert Kind.NOT_MINE in [one.kind for one in me.findings]
    await story.turn_to(MORNING)
    assert texts((await story.therapist.sync()).messages) == ["Mine."]


async def test_what_was_returned_goes_out_again_by_another_device(story: Story) -> None:
    """AT-91: a revoked device's held item is returned, not placed; AT-31's sibling keeps its words."""
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Returned first.")
    fresh = await second_device(story)
    await story.therapist.sync()
    await story.therapist.exclude_device(story.thread, story.client.keys.device_id)
    await fresh.sync()
    [waiting] = await fresh.waiting(story.thread)
    assert (waiting.state, waiting.text) == ("returned", "Returned first.")
    assert await keep_waiting(fresh, story.client.keys.device_id) == 1
    await story.turn_to(MORNING)
    news = await story.therapist.sync()
    assert texts(news.messages) == ["Returned first."]
    [shown] = news.messages
    assert shown.promise is not None and shown.promise.counted_from == sent.promise.accepted_at


async def test_the_therapist_leaves_out_a_lost_device_until_its_person_acts(story: Story) -> None:
    """AT-76: the therapist's exclusion of a device is valid, and visible to everybody."""
    await story.turn_to(MORNING)
    fresh = await second_device(story)
    await story.therapist.sync()
    lost = story.client.keys.device_id
    await story.therapist.exclude_device(story.thread, lost)
    newest = story.therapist.desk(story.thread).log.epochs.newest
    assert newest is not None and newest.core.reason == CommitReason.NARROWING
    assert newest.core.row_of(lost) is None
    for one in (fresh, story.therapist):
        assert (await one.sync()).findings == ()
        [client] = [who for who in await one.who(story.thread) if who.role == "client"]
        assert client.left_out == 1
    await story.therapist.send(story.thread, "Not for the lost one.")
    with pytest.raises((NotInThread, NoSuchThread)):
        await story.client.desk(story.thread).catch_up()
    assert texts((await fresh.sync()).messages) == ["Not for the lost one."]
    await fresh.send(story.thread, "Safe here.")
    assert texts((await story.therapist.sync()).messages)[-1:] == ["Safe here."]
    with pytest.raises(NotYours):
        await fresh.exclude_device(story.thread, story.therapist.keys.device_id)


async def test_what_waits_is_listed_by_thread_and_device(story: Story) -> None:
    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "Waiting.")
    everything = await story.client.transport.call(endpoints.read_all_waiting)
    [place] = everything.places
    assert (place.thread, place.device, place.held, place.returned) == (
        story.thread,
        story.client.keys.device_id,
        1,
        0,
    )


async def test_a_message_written_just_after_somebody_left_is_closed_to_them(story: Story) -> None:
    """AT-97: the old roster is stale from that instant on, and the writer's device puts it right."""
    family = await family_member(story)
    await story.turn_to(MORNING)
    await story.client.sync()
    await family.leave(story.thread)
    sent = await story.client.send(story.thread, "Now they are gone.")
    assert sent.state == "placed"
    newest = story.client.desk(story.thread).log.epochs.newest
    assert newest is not None and family.chain not in newest.core.users()
    assert texts((await story.therapist.sync()).messages) == ["Now they are gone."]


async def family_member(story: Story) -> Session:
    """Somebody of the family, let in by all."""
    link = await story.therapist.invite_into(story.thread, "family")
    found, _, _ = await join(link.text, Profile.in_memory())
    await story.server.make_rounds()
    await story.therapist.admit(story.thread, found.chain)
    await story.client.sync()
    [question] = await story.client.consents(story.thread)
    assert await story.client.consent(story.thread, question.consent)
    await found.sync()
    await story.therapist.sync()
    return await story.stack.enter_async_context(found)


async def test_what_waits_long_under_an_old_epoch_is_sealed_anew_before_that_may_be_shredded(
    story: Story,
) -> None:
    """AT-99: the sender's device replaces it ten days after the epoch's successor."""
    closed = [
        {"kind": "window.exception", "date": f"2026-06-{day:02}", "effect": "closed"} for day in range(2, 30)
    ]
    await story.therapist.set_rules([*VALE, *closed])
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Before a long absence.")
    fresh = await second_device(story)
    await story.client.sync()
    own = story.client.desk(story.thread).state.own
    assert own[sent.mid].replaced_by is None
    await story.turn_to(NIGHT + timedelta(days=11))
    await story.server.make_rounds()
    await fresh.send(story.thread, "Urgent meanwhile.", urgent=True)
    await story.client.sync()
    assert own[sent.mid].state == "replaced"
    waiting = await story.client.waiting(story.thread)
    assert texts_of_waiting(waiting) == ["Before a long absence."]
    assert waiting[0].promise.counted_from == sent.promise.accepted_at
    assert waiting[0].promise.release_at == sent.promise.release_at
