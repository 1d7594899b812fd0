"""A message is never lost and never sent twice, whatever breaks (A-9), against a real server."""

from pathlib import Path
from typing import Any

import pytest

from etherapy.clock import TestClock
from etherapy.crypto.errors import BadCode
from etherapy.crypto.messages import open_message, seal_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol.problems import NoSuchLink
from etherapy.sdk import Profile, Session, Therapist, enrol, join, recover
from etherapy.sdk.entering.staff_link import new_staff_link
from etherapy.sdk.faults import (
    AlreadyEnrolled,
    BadLink,
    ForeignMid,
    NoSuchPerson,
    NotEnrolled,
    NotSentYet,
    Refuted,
    TooLong,
    WrongServer,
)
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.sending import deliver
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.transport import Unreachable
from etherapy.tep.envelope import parse_envelope
from tests.sdk.conftest import MORNING, NIGHT, Pair
from tests.sdk.furnished import LossyTransport, Practice


def seal_once_more(desk: ThreadDesk, item: OwnItem) -> bytes:
    """The same text under the same mid, with other bytes."""
    commit = desk.log.epochs.newest
    assert commit is not None
    assert item.envelope is not None
    secret = desk.state.secrets[commit.commit_hash]
    text = open_message(item.envelope, secret, commit).payload_bytes
    return seal_message(text, secret=secret, commit=commit, key=desk.link.keys.sign, mid=item.mid)


@pytest.fixture
def cable(practice: Practice) -> LossyTransport:
    return LossyTransport(practice.server.origin)


async def test_a_message_whose_answer_was_lost_is_sent_again_and_arrives_once(
    practice: Practice, pair: Pair, clock: TestClock, cable: LossyTransport, tmp_path: Path
):
    place = tmp_path / "ben"
    link = (await pair.vale.invite()).text
    ben, thread, _ = await join(link, Profile.open(place), clock=clock, transport=cable)
    await clock.turn_to(NIGHT)
    cable.losing.append("send_message")
    with pytest.raises(NotSentYet) as unsent:
        await ben.send(thread, "Did you get this?")
    (before,) = ben.desk(thread).state.own.values()
    assert before.state == "outbox"
    await ben.close()
    ben.profile.close()
    profile = Profile.open(place)
    again = await Session.open(profile, clock=clock)
    news = await again.sync()
    assert [one.mid for one in news.sent] == [unsent.value.mid]
    (after,) = again.desk(thread).state.own.values()
    assert after.attempts == before.attempts
    assert after.state == "held"
    await clock.turn_to(MORNING)
    assert [one.text for one in (await pair.vale.sync()).messages] == ["Did you get this?"]
    assert (await again.sync()).sent == ()
    await again.close()
    profile.close()


class CutTransport(LossyTransport):
    """A real connection over which chosen requests never leave."""

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        if endpoint.name in self.losing:
            self.losing.remove(endpoint.name)
            raise Unreachable("there is no net")
        return await super().call(endpoint, body, **more)


async def test_what_was_said_beside_a_message_is_said_again_after_a_restart(
    practice: Practice, pair: Pair, clock: TestClock, tmp_path: Path
):
    """The card that was confirmed, and the reason for sending now: without them it would not go."""
    quiet = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
    nobody = {"kind": "urgent.channel", "confirm_card": True}
    link = await practice.staff_link(["therapist"], "Dr Lind")
    cable, places = CutTransport(practice.server.origin), (tmp_path / "lind", tmp_path / "ben")
    lind, _ = await enrol(link, Profile.open(places[0]), Therapist, clock=clock, transport=cable)
    await lind.set_rules([quiet | {"override": "reason_required"}, nobody])
    other = CutTransport(practice.server.origin)
    invitation = (await lind.invite()).text
    ben, thread, _ = await join(invitation, Profile.open(places[1]), clock=clock, transport=other)
    await practice.server.make_rounds()
    await lind.sync()
    await clock.turn_to(NIGHT)
    card = (await ben.preview(thread, "Now", urgent=True)).words.card.card_id
    cable.losing.append("send_message")
    other.losing.append("send_message")
    with pytest.raises(NotSentYet):
        await lind.send(thread, "Good night", at_once_because="travel")
    with pytest.raises(NotSentYet):
        await ben.send(thread, "Now", urgent=True, card=card)
    for one, kind, place in ((lind, Therapist, places[0]), (ben, Session, places[1])):
        await one.close()
        one.profile.close()
        profile = Profile.open(place)
        again = await kind.open(profile, clock=clock)
        news = await again.sync()
        assert [sent.state for sent in news.sent] == ["placed"] and news.refused == ()
        await again.close()
        profile.close()


async def test_at_102_a_stale_epoch_is_verified_and_the_message_sealed_again_under_its_mid(
    practice: Practice, pair: Pair, clock: TestClock
):
    """AT-102."""
    await clock.turn_to(MORNING)
    await pair.vale.sync()
    second = await recover(
        practice.server.origin, practice.practice_id, pair.code, Profile.in_memory(), clock=clock
    )
    sent = await pair.vale.send(pair.thread, "to all your devices")
    item = pair.vale.desk(pair.thread).state.own[sent.mid]
    assert len(item.attempts) == 2
    assert sent.promise.item_hash == item.attempts[1]
    assert [one.text for one in (await second.sync()).messages] == ["to all your devices"]
    assert [one.text for one in (await pair.anna.sync()).messages] == ["to all your devices"]
    assert pair.vale.findings == pair.anna.findings == second.findings == ()
    await second.close()


async def test_at_102_an_earlier_sealing_that_arrived_after_all_gives_its_receipt_and_no_second_message(
    practice: Practice, pair: Pair, clock: TestClock, cable: LossyTransport
):
    """AT-102."""
    link = (await pair.vale.invite()).text
    ben, thread, _ = await join(link, Profile.in_memory(), clock=clock, transport=cable)
    await practice.server.make_rounds()
    await clock.turn_to(MORNING)
    cable.losing.append("send_message")
    with pytest.raises(NotSentYet):
        await ben.send(thread, "once")
    desk = ben.desk(thread)
    (item,) = desk.state.own.values()
    other = seal_once_more(desk, item)
    item.attempts.append(parse_envelope(other).item_hash)
    item.sealed = other
    news = await ben.sync()
    assert [one.promise.item_hash for one in news.sent] == [item.attempts[0]]
    assert [one.text for one in (await pair.vale.sync()).messages if one.thread == thread] == ["once"]
    assert ben.findings == ()
    await ben.close()


async def test_another_message_under_ones_own_id_is_an_alarm(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "mine")
    desk = pair.anna.desk(pair.thread)
    item = desk.state.own[sent.mid]
    other = seal_once_more(desk, item)
    item.state, item.attempts, item.sealed = "outbox", [parse_envelope(other).item_hash], other
    with pytest.raises(ForeignMid):
        await deliver(desk, item)
    assert [one.kind for one in pair.anna.findings] == [Kind.NOT_MINE]


async def test_a_text_too_long_is_refused_before_anything_happens(pair: Pair):
    with pytest.raises(TooLong):
        await pair.anna.send(pair.thread, "x" * 70_000)
    assert pair.anna.desk(pair.thread).state.own == {}


@pytest.mark.parametrize("lost", ["enrol_staff", "read_person"])
async def test_an_enrolment_whose_answer_was_lost_is_finished_with_the_same_code(
    practice: Practice, clock: TestClock, lost: str
):
    link, profile = await practice.staff_link(["therapist"], "Dr Lost"), Profile.in_memory()
    cable = LossyTransport(practice.server.origin)
    cable.losing.append(lost)
    with pytest.raises(Unreachable):
        await enrol(link, profile, Therapist, clock=clock, transport=cable)
    assert not profile.enrolled
    with pytest.raises(NotEnrolled):
        await Therapist.open(profile)
    pending = profile.kept.pending
    assert pending is not None
    promised = RecoveryCode(pending.code).text()
    lost_one, code = await enrol(link, profile, Therapist, clock=clock)
    assert code == promised
    assert profile.kept.pending is None
    assert (await lost_one.whoami()).display_name == "Dr Lost"
    with pytest.raises(AlreadyEnrolled):
        await enrol(link, profile, Therapist, clock=clock)
    await lost_one.close()


async def test_a_joining_whose_answer_was_lost_is_finished_in_the_same_thread(
    practice: Practice, pair: Pair, clock: TestClock, cable: LossyTransport
):
    link, profile = (await pair.vale.invite()).text, Profile.in_memory()
    cable.losing.append("join")
    with pytest.raises(Unreachable):
        await join(link, profile, clock=clock, transport=cable)
    ben, thread, _ = await join(link, profile, clock=clock)
    await clock.turn_to(MORNING)
    await ben.send(thread, "here I am")
    assert [one.text for one in (await pair.vale.sync()).messages] == ["here I am"]
    await ben.close()


async def test_a_used_link_lets_nobody_else_in_and_leaves_the_profile_empty(
    practice: Practice, clock: TestClock
):
    link = await practice.staff_link(["therapist"], "Dr First")
    first, _ = await enrol(link, Profile.in_memory(), Therapist, clock=clock)
    await first.close()
    second = Profile.in_memory()
    with pytest.raises(NoSuchLink):
        await enrol(link, second, Therapist, clock=clock)
    assert second.kept.identity is None


async def test_at_105_a_link_that_pins_another_server_is_refused(practice: Practice, clock: TestClock):
    """AT-105."""
    link = new_staff_link(practice.server.origin, practice.practice_id, bytes(32)).text
    profile = Profile.in_memory()
    with pytest.raises(WrongServer):
        await enrol(link, profile, clock=clock)
    assert profile.kept.identity is None


async def test_at_105_an_invitation_other_than_the_pinned_one_is_refused(
    practice: Practice, pair: Pair, clock: TestClock
):
    """AT-105."""
    link = (await pair.vale.invite()).text
    head, _, tail = link.partition("#2.")
    pinned, _, secret = tail.partition(".")
    swapped = ("B" if pinned[0] == "A" else "A") + pinned[1:]
    profile = Profile.in_memory()
    with pytest.raises(Refuted):
        await join(f"{head}#2.{swapped}.{secret}", profile, clock=clock)
    assert profile.kept.identity is None
    ben, _, _ = await join(link, profile, clock=clock)
    await ben.close()


@pytest.mark.parametrize(
    "text",
    ["", "hello", "https://therapy.example/", "https://therapy.example/j/AAAA#2.x.y", "ftp://x/j/A#2.A.B"],
)
async def test_what_is_no_link_is_refused_without_repeating_it(text: str):
    with pytest.raises(BadLink) as refused:
        await join(text, Profile.in_memory())
    assert not text or text not in str(refused.value)


async def test_a_client_link_is_not_for_staff(pair: Pair, clock: TestClock):
    link = (await pair.vale.invite()).text
    with pytest.raises(BadLink):
        await enrol(link, Profile.in_memory(), clock=clock)


@pytest.mark.parametrize("lost", ["add_link", "commit_epoch", "read_page"])
async def test_an_interrupted_recovery_is_simply_done_again(
    practice: Practice, pair: Pair, clock: TestClock, cable: LossyTransport, lost: str
):
    await clock.turn_to(MORNING)
    await pair.anna.send(pair.thread, "before")
    profile = Profile.in_memory()
    cable.losing.append(lost)
    where = (practice.server.origin, practice.practice_id, pair.code, profile)
    with pytest.raises(Unreachable):
        await recover(*where, clock=clock, transport=cable)
    assert not profile.enrolled
    again = await recover(*where, clock=clock)
    assert [one.text for one in await again.messages(pair.thread)] == ["before"]
    chain = again.people.person(again.chain)
    assert chain is not None
    assert len(chain.chain.active()) == 3  # the old device, the recovery device, and one new one
    assert (await again.send(pair.thread, "after")).state == "placed"
    assert again.findings == ()
    await again.close()


async def test_a_mistyped_or_foreign_code_changes_nothing(practice: Practice, pair: Pair, clock: TestClock):
    profile = Profile.in_memory()
    wrong = pair.code[:-1] + ("0" if pair.code[-1] != "0" else "1")
    with pytest.raises(BadCode):
        await recover("http://127.0.0.1:1", practice.practice_id, wrong, profile)  # nobody is asked
    with pytest.raises(NoSuchPerson):
        await recover(
            practice.server.origin,
            practice.practice_id,
            RecoveryCode.generate().text(),
            profile,
            clock=clock,
        )
    assert not profile.enrolled


async def test_no_secret_is_in_what_is_shown_of_things(pair: Pair, clock: TestClock):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "canary-7781")
    link = await pair.vale.invite("B.")
    shown = repr((sent, link, pair.anna.profile, pair.anna.profile.kept, pair.anna.desk(pair.thread).state))
    shown += repr((await pair.anna.waiting(pair.thread), pair.anna.keys, pair.anna.findings))
    secrets = [pair.anna.profile.identity.keys, *pair.anna.desk(pair.thread).state.secrets.values()]
    hidden = ["canary-7781", pair.code, link.text.partition("#")[2]]
    hidden += [text for one in secrets for text in (repr(one)[2:-1], one.hex())]
    assert not [one for one in hidden if one in shown]
    assert sent.mid.hex()  # what may be shown is not empty
