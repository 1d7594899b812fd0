"""Conversations: changes, reactions and answers belong to whose they may change, and nothing is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.sdk.finding_kinds import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.verifying.conversation import Conversation, fold
from etherapy.sdk.verifying.kind_words import TAKEN_BACK, UNKNOWN, text_of, wall_time
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.thread_log import ThreadLog
from etherapy.tep import cbor
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.kinds import (
    Act,
    Answer,
    Body,
    Change,
    Measure,
    Notice,
    Proposal,
    Reaction,
    SafetyPlan,
    Text,
    kind_of,
)
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload, View
from tests.sdk.small_world import RULES, SmallWorld
from tests.tep.world import NOW, Person

START = 1_780_927_200_000
"""Monday 8 June 2026, 10:00 in New York."""


class Talk:
    """Anna and Vale write to each other; a device of Vale reads."""

    def __init__(self) -> None:
        self.world = SmallWorld()
        self.log: ThreadLog = self.world.log(self.world.vale)
        self.world.read(self.log, self.world.vale)
        self.own: dict[bytes, OwnItem] = {}

    def say(self, by: Person, body: Body | Payload, service_class: int | None = None) -> bytes:
        """Place what somebody says; its mid."""
        if isinstance(body, Body):
            seen = View(self.world.n, self.world.ts[-1], 1, RULES)
            payload = Payload(kind_of(body), body.pack(), NOW, seen)
        else:
            payload = body
        classes = {PayloadKind.CHECK_IN: 5, PayloadKind.SAFETY_PLAN: 5, PayloadKind.REACTION: 3}
        chosen = service_class or classes.get(payload.kind, 1)  # type: ignore[call-overload]
        sealed = self.world.write("", by, payload=payload, service_class=chosen)
        envelope = parse_envelope(sealed)
        if by is self.world.vale:
            self.own[envelope.header.mid] = OwnItem(mid=envelope.header.mid, attempts=[envelope.item_hash])
        self.world.deliver(sealed)
        return envelope.header.mid

    def anna(self, body: Body | Payload, **more: Any) -> bytes:
        return self.say(self.world.anna, body, **more)

    def vale(self, body: Body | Payload, **more: Any) -> bytes:
        return self.say(self.world.vale, body, **more)

    def read(self) -> list[Message]:
        """The conversation as Vale's device shows it."""
        self.world.read(self.log, self.world.vale, own=self.own)
        return self.log.letters.conversation.shown()


@pytest.fixture
def talk() -> Talk:
    return Talk()


def kinds(message: Message) -> list[Kind]:
    return [one.kind for one in message.findings]


def test_the_last_edit_wins_and_every_wording_is_kept(talk: Talk):
    first = talk.anna(Text("Tuesday"))
    talk.anna(Change(first, "Wednesday"))
    talk.anna(Change(first, "Thursday"))
    (shown,) = talk.read()
    assert shown.text == "Thursday"
    assert [one.text for one in shown.history] == ["Tuesday", "Wednesday"]
    assert shown.edited_at is not None and shown.edited_at > shown.placed_at
    assert [one.text for one in talk.log.messages][1:] == [
        "[changes an earlier message; it now says:]\nWednesday",
        "[changes an earlier message; it now says:]\nThursday",
    ]


def test_a_message_that_was_taken_back_says_so_and_stays_in_its_history(talk: Talk):
    first = talk.anna(Text("I regret this"))
    talk.anna(Change(first), service_class=3)
    (shown,) = talk.read()
    assert shown.text == TAKEN_BACK
    assert [one.text for one in shown.history] == ["I regret this"]
    assert shown.taken_back_at is not None


def test_nothing_changes_what_was_taken_back(talk: Talk):
    first = talk.anna(Text("one"))
    talk.anna(Change(first))
    talk.anna(Change(first, "two"))
    shown, late = talk.read()
    assert shown.text == TAKEN_BACK
    assert kinds(late) == [Kind.LOOSE_CHANGE] and late.standing == "noticed"


@pytest.mark.parametrize("change", ["other words", None])
def test_nobody_changes_what_somebody_else_wrote_and_the_attempt_is_shown(talk: Talk, change: str | None):
    first = talk.vale(Text("Please bring the diary."))
    talk.anna(Change(first, change))
    shown, attempt = talk.read()
    assert shown.text == "Please bring the diary." and not shown.history
    assert kinds(attempt) == [Kind.FOREIGN_CHANGE]
    assert attempt.findings[0].grave
    assert Kind.FOREIGN_CHANGE in [one.kind for one in talk.log.findings]


def test_a_change_to_nothing_that_is_here_is_shown_and_changes_nothing(talk: Talk):
    talk.anna(Change(bytes(16), "other"))
    (shown,) = talk.read()
    assert kinds(shown) == [Kind.LOOSE_CHANGE]


def test_only_texts_have_other_wordings_but_a_plan_can_be_taken_back(talk: Talk):
    plan = talk.anna(SafetyPlan(1, signs=("x",)))
    talk.anna(Change(plan, "words"))
    refused = talk.read()[-1]
    assert kinds(refused) == [Kind.LOOSE_CHANGE]
    talk.anna(Change(plan))
    assert talk.read()[0].text == TAKEN_BACK
    assert talk.log.letters.conversation.newest_plan() is None


def test_a_letter_has_its_subject_and_a_new_one_when_it_is_edited(talk: Talk):
    letter = talk.anna(Text("Dear Dr Vale", "The summer"), service_class=4)
    (shown,) = talk.read()
    assert (shown.subject, shown.service_class, shown.text) == ("The summer", 4, "Dear Dr Vale")
    talk.anna(Change(letter, "Dear all", "Autumn"))
    (shown,) = talk.read()
    assert (shown.subject, shown.text, shown.history[0].subject) == ("Autumn", "Dear all", "The summer")


def test_one_reaction_a_person_replaced_and_taken_away(talk: Talk):
    first = talk.vale(Text("See you on Tuesday."))
    talk.anna(Reaction(first, "👍"))
    talk.vale(Reaction(first, "✅"))
    talk.anna(Reaction(first, "❤"))
    (shown,) = talk.read()
    assert [(one.sign, one.mine) for one in shown.reactions] == [("✅", True), ("❤", False)]
    talk.anna(Reaction(first))
    (shown,) = talk.read()
    assert [one.sign for one in shown.reactions] == ["✅"]


def test_an_appointment_is_answered_by_the_others_and_cancelled_by_who_agreed(talk: Talk):
    meeting = talk.vale(Proposal(Act.PROPOSE, START, "America/New_York", 50, "Room 4", "Bring the diary."))
    (shown,) = talk.read()
    assert shown.meeting is not None and shown.meeting.state == "proposed"
    assert shown.text == (
        "[proposes an appointment: Mon 8 Jun 2026, 10:00 (America/New_York), 50 minutes, Room 4]\n"
        "Bring the diary."
    )
    talk.vale(Answer(Act.ACCEPT, meeting))
    assert kinds(talk.read()[-1]) == [Kind.FOREIGN_CHANGE]
    talk.anna(Answer(Act.CANCEL, meeting))
    assert kinds(talk.read()[-1]) == [Kind.FOREIGN_CHANGE]
    talk.anna(Answer(Act.ACCEPT, meeting, "Gladly."))
    found = talk.read()
    assert found[0].meeting is not None and found[0].meeting.state == "accepted"
    assert found[-1].text == "[accepts the appointment]\nGladly."
    talk.anna(Answer(Act.CANCEL, meeting, "I am ill."))
    found = talk.read()
    assert found[0].meeting is not None
    assert found[0].meeting.state == "cancelled"
    assert [(one.act, one.note) for one in found[0].meeting.replies] == [(Act.CANCEL, "I am ill.")]
    talk.anna(Answer(Act.ACCEPT, meeting))
    assert kinds(talk.read()[-1]) == [Kind.LOOSE_CHANGE]


def test_an_appointment_that_one_person_declines_is_declined(talk: Talk):
    meeting = talk.vale(Proposal(Act.PROPOSE, START, "UTC", 50))
    talk.anna(Answer(Act.ACCEPT, meeting))
    talk.anna(Answer(Act.DECLINE, meeting))
    found = talk.read()[0].meeting
    assert found is not None and found.state == "declined"


def test_the_newest_plan_is_the_highest_version_and_of_equal_ones_the_last(talk: Talk):
    talk.anna(SafetyPlan(2, signs=("second",)))
    talk.anna(SafetyPlan(1, signs=("first, shown late",)))
    talk.vale(SafetyPlan(2, signs=("second, by the therapist",)))
    talk.read()
    newest = talk.log.letters.conversation.newest_plan()
    assert newest is not None and isinstance(newest.body, SafetyPlan)
    assert newest.body.signs == ("second, by the therapist",)
    assert newest.text is not None and "Warning signs that a crisis may be coming:" in newest.text


def test_at_48_an_unknown_kind_is_kept_and_shown_and_a_malformed_body_is_said_to_be_one(talk: Talk):
    """AT-48: a visible placeholder, never a silent drop."""
    talk.anna(Payload(77, "", 0, raw={0: 77, 1: {0: "from the future"}}))
    seen = View(talk.world.n, talk.world.ts[-1], 1, RULES)
    talk.anna(Payload(PayloadKind.APPOINTMENT, {0: 9}, NOW, seen))
    unknown, malformed = talk.read()
    assert (unknown.text, kinds(unknown)) == (UNKNOWN, [Kind.UNKNOWN_KIND])
    assert unknown.payload is not None and unknown.payload.raw == {0: 77, 1: {0: "from the future"}}
    assert malformed.text == "[an appointment that this program cannot make sense of]"
    assert kinds(malformed) == [Kind.BODY] and malformed.standing == "noticed"


def test_a_reply_names_what_it_answers(talk: Talk):
    first = talk.anna(Text("Could we move Thursday?"))
    seen = View(talk.world.n, talk.world.ts[-1], 1, RULES)
    talk.vale(Payload(PayloadKind.TEXT, "Yes.", NOW, seen, reply_to=first))
    assert [one.reply_to for one in talk.read()] == [None, first]


def test_a_change_about_which_something_is_to_be_said_stays_visible_though_it_counts(talk: Talk):
    first = talk.anna(Text("one"))
    seen = View(talk.world.n, bytes(32), 1, RULES)
    talk.anna(Payload(PayloadKind.EDIT, Change(first, "two").pack(), NOW, seen))
    shown, change = talk.read()
    assert shown.text == "two"
    assert kinds(change) == [Kind.VIEW]


def test_an_instant_is_shown_on_the_wall_it_was_meant_on_and_in_utc_where_that_is_unknown():
    talk = Talk()
    talk.anna(Proposal(Act.PROPOSE, START, "Mars/Base", 30))
    (shown,) = talk.read()
    assert shown.text == "[proposes an appointment: Mon 8 Jun 2026, 14:00 (UTC), 30 minutes]"
    assert shown.meeting is not None
    assert wall_time(shown.meeting.start, "Asia/Tokyo").startswith("Mon 8 Jun 2026, 23:00")


def test_every_kind_has_words_and_none_of_them_shows_in_a_repr(talk: Talk):
    for body in (
        Text("canary"), Measure("phq-9", NOW, ((1, 2),), (("total", 2),)), SafetyPlan(1, signs=("canary",)),
        Notice("canary"), Proposal(Act.PROPOSE, NOW, "UTC", 50, "canary", "canary"),
    ):  # fmt: skip
        talk.anna(body)
    found = talk.read()
    assert all(one.text for one in found)
    assert "canary" not in repr(found)
    assert text_of(Payload(PayloadKind.ATTACHMENTS, "", NOW)).startswith("[attachments")


# --- the fold is a fold ------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(["anna", "vale"]),
        st.sampled_from(["text", "edit", "retract", "sign", "unsign"]),
        st.integers(0, 6),
    ),
    min_size=1, max_size=14,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(steps)
def test_a_reader_who_was_there_all_the_time_and_one_who_comes_late_see_the_same(plan):
    talk, mids = Talk(), [bytes(16)]
    for who, what, target in plan:
        mid = mids[target % len(mids)]
        body = {
            "text": Text("x"), "edit": Change(mid, "y"), "retract": Change(mid),
            "sign": Reaction(mid, "!"), "unsign": Reaction(mid),
        }[what]  # fmt: skip
        mids.append(talk.say(getattr(talk.world, who), body))
        talk.read()
    assert fold(talk.log.messages) == talk.log.letters.conversation.shown()
    again = Conversation()
    for message in talk.log.messages:
        again.take(message)
    assert again.shown() == talk.read()
    for message in again.shown():
        changed = [
            one for one in talk.log.messages if isinstance(one.body, Change) and one.body.mid == message.mid
        ]
        if message.history:
            assert any(one.author == message.author for one in changed)


def test_what_is_inside_is_never_bigger_than_what_was_sealed(talk: Talk):
    body = SafetyPlan(1, signs=("x" * 400,) * 20)
    assert len(cbor.encode(body.pack())) < 61_440
    talk.anna(body)
    assert len(talk.read()) == 1
