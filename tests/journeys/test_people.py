"""Threads with more people than two: cover, couple, everything lost, leaving and being left out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.binary import B64
from etherapy.crypto.grants import make_grant
from etherapy.protocol import endpoints
from etherapy.protocol.membership import GiveHistory
from etherapy.protocol.problems import NoSeat, NoSuchThread, Unverified
from etherapy.sdk.entering.enrolling import join
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.faults import BadForm, NotConfirmed, NothingHeld, NotInThread, NotYours
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.threads.causes import Wish
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.granting import grant_history
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.promises import verify_bundle
from etherapy.tep.epoch import CommitReason
from tests.journeys.conftest import VALE, Story

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)  # Monday 22:40 in Chicago
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)  # Tuesday 09:00 in New York


def texts(messages: tuple[Message, ...] | list[Message]) -> list[str | None]:
    return [one.text for one in messages]


async def partner(story: Story, role: str = "client") -> Session:
    """One more person, who answered an invitation into the story's thread."""
    link = await story.therapist.invite_into(story.thread, role)
    session, thread, _ = await join(link.text, Profile.in_memory())
    assert thread == story.thread
    await story.server.make_rounds()
    return await story.stack.enter_async_context(session)


async def let_in(story: Story, newcomer: Session, *, history: bool = False) -> None:
    """The therapist proposes, the client agrees, everybody syncs."""
    complete = await story.therapist.admit(story.thread, newcomer.chain, history=history)
    if not complete:
        await story.client.sync()
        [question] = await story.client.consents(story.thread)
        assert await story.client.consent(story.thread, question.consent)
    for one in (newcomer, story.client, story.therapist):
        await one.sync()


async def test_s_18_a_couple_reads_from_the_day_on_which_both_agreed(story: Story) -> None:
    await story.turn_to(MORNING)
    await story.client.send(story.thread, "Before Paul.")
    await story.therapist.sync()
    paul = await partner(story)
    assert [one.standing for one in await paul.threads()] == ["awaited"]
    assert (await paul.sync()).messages == ()
    assert not await story.therapist.admit(story.thread, paul.chain)
    await story.client.sync()
    [question] = await story.client.consents(story.thread)
    assert question.mine and not question.history and "not see anything" in question.words
    assert await story.client.consent(story.thread, question.consent)

    await paul.sync()
    assert [one.standing for one in await paul.threads()] == ["open"]
    assert texts(await paul.messages(story.thread)) == []
    sent = await story.client.send(story.thread, "Now both of us.")
    assert sent.state == "placed"
    for one in (paul, story.therapist):
        news = await one.sync()
        assert texts(news.messages)[-1:] == ["Now both of us."]
        assert news.findings == ()
    mine = await paul.send(story.thread, "I am here.")
    for one in (story.client, story.therapist):
        assert texts((await one.sync()).messages)[-1:] == ["I am here."]
    bundle = verify_bundle(await paul.export_receipt(story.thread, mine.mid))
    assert bundle.mid == mine.mid and (await paul.replay(story.thread, mine.mid)).same
    assert [(one.role, one.standing) for one in await story.therapist.who(story.thread)].count(
        ("client", "present")
    ) == 2


async def test_in_a_couple_s_thread_neither_can_take_back_what_the_other_wrote(story: Story) -> None:
    """S-18."""
    paul = await partner(story)
    await let_in(story, paul)
    await story.turn_to(NIGHT)
    sent = await story.client.send(story.thread, "Only mine to take back.")
    assert await paul.waiting(story.thread) == []
    with pytest.raises(NothingHeld):
        await paul.recall(story.thread, sent.mid)
    with pytest.raises(NotYours):
        await paul.exclude_device(story.thread, story.client.keys.device_id)
    desk = paul.desk(story.thread)
    with pytest.raises(Unverified):  # the server refuses, and so would every other member's device
        await settle_epoch(desk, wish=Wish(users=frozenset({story.client.chain})))
    await story.turn_to(MORNING)
    for one in (paul, story.therapist):
        assert texts((await one.sync()).messages)[-1:] == ["Only mine to take back."]


async def test_everything_lost_ends_with_the_history_back_by_the_therapist_s_own_hand(story: Story) -> None:
    """AT-54: a new identity gets no history before the digits were compared, whoever says it is the same
    person; AT-53, AT-75: commit first, grant afterwards."""
    vale, thread = story.therapist, story.thread
    await story.turn_to(MORNING)
    await story.client.send(thread, "From the phone that is lost now.")
    await vale.sync()
    await vale.send(thread, "An old answer.")
    lost = story.client.chain

    await vale.remove(thread, lost)
    back = await partner(story)
    assert await vale.admit(thread, back.chain, history=True)
    news = await back.sync()
    assert [one.text for one in news.messages] == [None, None]
    assert {one.kind for one in news.findings} == {Kind.NO_ROW, Kind.UNREADABLE}
    with pytest.raises(NotConfirmed):
        await vale.grant_history(thread, back.chain)
    assert texts((await back.sync()).messages) == []

    assert await vale.comparison(thread, back.chain) == await back.comparison(thread, vale.chain)
    await vale.confirm(thread, back.chain)
    assert await vale.grant_history(thread, back.chain) == 2  # the new phone, and its recovery code
    news = await back.sync()
    assert texts(news.messages) == ["From the phone that is lost now.", "An old answer."]
    assert texts(await back.messages(thread)) == ["From the phone that is lost now.", "An old answer."]
    await back.send(thread, "It is me again.")
    assert texts((await vale.sync()).messages)[-1:] == ["It is me again."]
    [former] = [one for one in await vale.who(thread) if one.standing == "left"]
    assert former.chain == lost
    assert vale.findings == () and back.findings == ()


async def test_whoever_leaves_gets_back_what_waits_and_the_others_go_on_without(story: Story) -> None:
    paul = await partner(story)
    await let_in(story, paul)
    await story.turn_to(NIGHT)
    await paul.send(story.thread, "I am not sure any more.")
    kept = await story.client.send(story.thread, "I stay.")
    await paul.leave(story.thread)
    with pytest.raises(NotInThread):
        await paul.send(story.thread, "One more.")
    assert [one.standing for one in await paul.threads()] == ["ended"]
    await story.client.sync()
    newest = story.client.desk(story.thread).log.epochs.newest
    assert newest is not None and newest.core.users() == {story.client.chain, story.therapist.chain}
    assert newest.core.reason == CommitReason.USER_REMOVED and len(newest.core.consents) == 1
    await story.turn_to(MORNING)
    news = await story.therapist.sync()
    assert texts(news.messages) == ["I stay."] and news.findings == ()
    await story.client.sync()
    [shown] = [one for one in await story.client.messages(story.thread) if one.text == "I stay."]
    assert shown.promise is not None and shown.promise.counted_from == kept.promise.counted_from


async def test_the_therapist_removes_somebody_who_has_something_waiting(story: Story) -> None:
    paul = await partner(story)
    await let_in(story, paul)
    await story.turn_to(NIGHT)
    await paul.send(story.thread, "This is not to be read by you alone.")
    await story.therapist.remove(story.thread, paul.chain)
    with pytest.raises(NoSuchThread):
        await paul.desk(story.thread).catch_up()
    await paul.sync()
    await story.turn_to(MORNING)
    await story.client.sync()
    assert texts((await story.therapist.sync()).messages) == []
    sent = await story.client.send(story.thread, "Only the two of us.")
    assert sent.state == "placed"
    assert paul.desk(story.thread).log.n < sent.n  # type: ignore[operator]


LIND: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": "America/Chicago",
        "windows": [{"days": ["mon", "tue", "wed", "thu"], "start": "10:00", "end": "15:00"}],
    },
    {"kind": "response.target", "target": {"count": "business_days", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
]
"""Dr Lind of the fixed test world, who covers."""
AWAY = [
    *VALE,
    *({"kind": "window.exception", "date": f"2026-08-{day}", "effect": "closed"} for day in range(10, 24)),
]
FRIDAY = datetime(2026, 8, 7, 16, 0, tzinfo=UTC)  # 7 August, noon in New York
SATURDAY = datetime(2026, 8, 15, 15, 0, tzinfo=UTC)
MONDAY = datetime(2026, 8, 17, 15, 0, tzinfo=UTC)  # 10:00 in Chicago
TUESDAY = datetime(2026, 8, 18, 17, 0, tzinfo=UTC)
BACK = datetime(2026, 8, 24, 4, 0, tzinfo=UTC)  # midnight in New York
OPEN = datetime(2026, 8, 24, 13, 0, tzinfo=UTC)


async def test_s_8_a_cover_with_keys_and_exact_times(story: Story) -> None:
    """AT-55: without the history a colleague opens nothing from before; AT-98: nothing after the end."""
    vale, noor = story.therapist, story.client
    lind: Therapist = await story.enrol(Therapist, "therapist", "Dr Lind")
    ben, bens = await story.another_client()
    await vale.sync()
    await story.turn_to(datetime(2026, 8, 5, 15, 0, tzinfo=UTC))
    await noor.send(story.thread, "Something from July.")
    await vale.set_rules(AWAY)
    await lind.set_rules(LIND)

    await story.turn_to(FRIDAY)
    await story.server.make_rounds()
    await vale.sync()
    colleague = next(one for one in await vale.colleagues() if one.name == "Dr Lind")
    for thread in (story.thread, bens):
        assert not await vale.propose_cover(thread, bytes(colleague.chain), None, BACK)
    await noor.sync()
    [question] = await noor.consents(story.thread)
    assert "Dr Lind" in question.words and "23 Aug 2026, 23:00 CDT" in question.words and question.mine
    assert await noor.consent(story.thread, question.consent)
    await lind.sync()
    assert [one.thread for one in await lind.threads()] == [story.thread]
    assert texts(await lind.messages(story.thread)) == []

    await story.turn_to(SATURDAY)
    held = await noor.send(story.thread, "The dream came back.")
    assert (held.state, held.promise.release_at) == ("held", MONDAY)
    assert held.promise.reply_by == datetime(2026, 8, 18, 20, 0, tzinfo=UTC)
    seen = await ben.preview(bens, "And I cannot sleep.")
    assert seen.decision.release_at == OPEN and seen.decision.long_wait
    waits = await ben.send(bens, "And I cannot sleep.")
    assert waits.promise.release_at == OPEN
    assert waits.promise.reply_by == datetime(2026, 8, 25, 21, 0, tzinfo=UTC)

    await story.turn_to(MONDAY)
    await story.server.make_rounds()
    news = await lind.sync()
    assert texts(news.messages) == ["The dream came back."] and news.findings == ()
    await lind.send(story.thread, "I am here until the 23rd.")

    await story.turn_to(TUESDAY)
    await ben.sync()
    [question] = await ben.consents(bens)
    assert await ben.consent(bens, question.consent)
    assert await ben.waiting(bens) == []
    await ben.sync()
    [own] = [one for one in await ben.messages(bens) if one.mine]
    assert own.promise is not None and own.placed_at == TUESDAY
    assert own.promise.counted_from == SATURDAY and own.promise.accepted_at == TUESDAY
    assert own.promise.reply_by == datetime(2026, 8, 19, 20, 0, tzinfo=UTC)
    news = await lind.sync()
    assert texts(news.messages)[-1:] == ["And I cannot sleep."] and news.findings == ()
    assert ben.findings == () and noor.findings == ()

    await story.turn_to(datetime(2026, 8, 23, 15, 0, tzinfo=UTC))
    late = await noor.send(story.thread, "Sunday, and over the end.")
    assert (late.state, late.promise.release_at) == ("held", OPEN)
    await story.turn_to(BACK)
    await story.server.make_rounds()
    await lind.sync()
    with pytest.raises(NotInThread):
        await lind.send(story.thread, "One more word.")
    assert {one.standing for one in await lind.threads()} == {"ended"}
    assert [one for one in await lind.messages(story.thread) if one.text == "The dream came back."]

    await story.turn_to(OPEN)
    await noor.sync()
    assert {one.role for one in await noor.who(story.thread) if one.standing == "present"} == {
        "client",
        "therapist",
    }
    news = await vale.sync()
    assert "Sunday, and over the end." in texts(news.messages) and news.findings == ()
    assert "I am here until the 23rd." in texts(await vale.messages(story.thread))
    waiting = {turn.thread for turn in await vale.inbox()}
    assert waiting == {story.thread, bens}  # what the cover left unanswered: ids and counts, no text
    await lind.sync()
    assert lind.desk(story.thread).log.n < vale.desk(story.thread).log.n


async def test_a_colleague_who_covers_once_more_reads_from_her_second_time_on(story: Story) -> None:
    """AT-55, AT-97: she is let in again by the owner's new word, keeps to the same owner, and writes by
    the rules of now, although there were others meanwhile that had no part for her."""
    vale, noor, thread = story.therapist, story.client, story.thread
    lind: Therapist = await story.enrol(Therapist, "therapist", "Dr Lind")
    await story.turn_to(MORNING)
    for week, text in enumerate(("First time.", "Second time.")):
        await story.server.make_rounds()
        await vale.sync()
        until = MORNING + timedelta(weeks=week, days=1)
        assert not await vale.propose_cover(thread, lind.chain, None, until)
        await noor.sync()
        [question] = await noor.consents(thread)
        assert await noor.consent(thread, question.consent)
        await lind.sync()
        await noor.send(thread, text)
        assert texts((await lind.sync()).messages)[-1:] == [text]
        assert (await lind.send(thread, "I am here for now.")).state == "placed"
        await story.turn_to(until + timedelta(hours=1))
        await story.server.make_rounds()
        for one in (noor, vale, lind):
            await one.sync()
        await noor.send(thread, "Between the times.")
        await story.turn_to(MORNING + timedelta(weeks=week + 1))
    assert texts(await lind.messages(thread)) == ["Second time.", "I am here for now."]
    assert lind.desk(thread).state.owner == vale.chain
    assert lind.findings == () and noor.findings == () and vale.findings == ()


async def test_a_grant_with_another_secret_plants_nothing(story: Story) -> None:
    """AT-53: what was granted is held against what each epoch promised to everybody."""
    await story.turn_to(MORNING)
    await story.client.send(story.thread, "From before.")
    await story.therapist.sync()
    paul = await partner(story)
    await let_in(story, paul, history=True)
    desk, device = story.therapist.desk(story.thread), paul.keys.device_id
    person = story.therapist.people.person(paul.chain)
    assert person is not None
    wrong = make_grant(story.thread, story.therapist.keys, person.chain.devices[device], {0: bytes(32)})
    body = GiveHistory([B64(wrong)])
    await story.therapist.transport.call(endpoints.give_history, body, thread=desk.thread)
    await paul.sync()
    assert [one.kind for one in paul.findings] == [Kind.BAD_GRANT]
    assert [one.text for one in await paul.messages(story.thread)] == [None]
    await story.therapist.confirm(story.thread, paul.chain)
    await story.therapist.grant_history(story.thread, paul.chain)
    await paul.sync()
    assert texts(await paul.messages(story.thread)) == ["From before."]


async def test_history_is_given_to_nobody_outside_the_newest_epoch(story: Story) -> None:
    """AT-75: refused by the giver's own device, and by the server."""
    await story.turn_to(MORNING)
    lost = story.client.keys.device_id
    fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    await story.stack.enter_async_context(fresh)
    await story.server.make_rounds()
    await story.therapist.sync()
    await story.therapist.exclude_device(story.thread, lost)
    await fresh.sync()
    desk = fresh.desk(story.thread)
    assert await grant_history(desk, fresh.chain, [lost]) == 0
    person = fresh.people.person(fresh.chain)
    assert person is not None
    secret = next(iter(desk.state.secrets.values()))
    forced = make_grant(story.thread, fresh.keys, person.chain.devices[lost], {0: secret})
    with pytest.raises((NoSeat, Unverified)):
        body = GiveHistory([B64(forced)])
        await fresh.transport.call(endpoints.give_history, body, thread=story.thread)
    stranger: Therapist = await story.enrol(Therapist, "therapist", "Dr Lind")
    with pytest.raises(NotInThread):
        await grant_history(desk, stranger.chain)


async def test_a_device_that_is_left_out_with_a_message_waiting_goes_on_elsewhere(story: Story) -> None:
    """A-5: the thread that is closed to it keeps no other back, and its person's devices show where it is
    left out."""
    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "From the device that is left out.")
    fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    await story.stack.enter_async_context(fresh)
    await story.server.make_rounds()
    left_out = story.client.keys.device_id
    await fresh.exclude_device(story.thread, left_out)
    await story.turn_to(MORNING)
    await story.client.sync()
    with pytest.raises(NotInThread):
        await story.client.send(story.thread, "Nothing more from here.")
    assert [one.standing for one in await story.client.threads()] == ["ended"]
    listed = {one.device: one.narrowed for one in await fresh.devices.list()}
    assert listed[left_out] == (story.thread,) and listed[fresh.keys.device_id] == ()
    with pytest.raises(NotYours, match="recovery code"):
        recovery = next(one.device for one in await fresh.devices.list() if one.recovery)
        await fresh.exclude_device(story.thread, recovery)


async def test_whoever_left_waits_for_nothing_and_whoever_was_removed_is_told(story: Story) -> None:
    """A-6: who answered an invitation once and left is shown as gone, not as still to be let in."""
    paul = await partner(story)
    await let_in(story, paul)
    await story.client.name(story.thread, paul.chain, "Paul")
    await paul.leave(story.thread)
    await story.client.sync()
    gone = {one.chain: (one.name, one.standing) for one in await story.client.who(story.thread)}
    assert gone[paul.chain] == ("Paul", "left")

    maria = await partner(story)
    await let_in(story, maria)
    await story.therapist.remove(story.thread, maria.chain)
    with pytest.raises(NotInThread, match="no part in it"):
        await maria.send(story.thread, "Am I still here?")
    assert [one.standing for one in await maria.threads()] == ["ended"]


async def test_of_several_clients_each_is_called_something_of_their_own(story: Story) -> None:
    """S-18: the name in the invitation is the first client's, and nobody else's."""
    assert await story.therapist.names(story.thread) == {}
    paul = await partner(story)
    await let_in(story, paul)
    named = await story.therapist.names(story.thread)
    assert named[story.client.chain] == "Noor" and named[paul.chain] == f"client {paul.chain.hex()[:6]}"


async def test_a_cover_that_is_over_before_it_begins_is_not_proposed(story: Story) -> None:
    lind: Therapist = await story.enrol(Therapist, "therapist", "Dr Lind")
    await story.turn_to(MORNING)
    for since, until in (
        (None, MORNING - timedelta(days=1)),
        (MORNING + timedelta(2), MORNING + timedelta(1)),
    ):
        with pytest.raises(BadForm, match="ends before it begins"):
            await story.therapist.propose_cover(story.thread, lind.chain, since, until)
    assert not await story.therapist.propose_cover(story.thread, lind.chain, None, MORNING + timedelta(1))
    story.client.zone = "America/Chicago"
    await story.client.sync()
    [asked], [proposed] = (
        await story.client.consents(story.thread),
        await story.therapist.consents(story.thread),
    )
    assert "until 3 Jun 2026, 08:00 CDT" in asked.words and "You may say no" in asked.words
    assert "your colleague" in proposed.words and "You may say no" not in proposed.words
