"""Decisions join: in whatever order rules are asked, the result is the same."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import NOTHING, Decision, Reason
from etherapy.rules.decision import because
from tests.rules.world import utc

instants = st.none() | st.integers(0, 5).map(lambda hours: utc("2026-06-02T00:00") + timedelta(hours=hours))
reasons = st.builds(
    Reason, st.sampled_from("ab"), st.just("field"), st.sampled_from("xyz"), st.sampled_from(["", "p"])
)
numbers = st.none() | st.integers(0, 3)
VALUES = {
    "code": st.sampled_from(["at_once", "silent", "held", "no_future_window", "declined", "urgent"]),
    **dict.fromkeys(("accepted_at", "not_before", "counts_at", "retry_from", "release_at"), instants),
    **dict.fromkeys(("reply_by", "recall_until", "notice_at", "ack_again_at", "closed_until"), instants),
    **dict.fromkeys(("left", "longest_wait_days"), numbers),
    "ack": st.sampled_from([None, True, False]),
    **dict.fromkeys(("long_wait", "card_first"), st.booleans()),
    **dict.fromkeys(("zone", "tzdata_version", "tzdata_checksum"), st.sampled_from(["", "a", "b"])),
}
decisions = st.just(NOTHING) | st.builds(
    Decision,
    **VALUES,
    because=st.frozensets(reasons, max_size=3).map(lambda some: tuple(sorted(some))),
    by=st.dictionaries(st.sampled_from(sorted(VALUES)), reasons, max_size=len(VALUES)),
)


def test_every_field_of_a_decision_is_drawn():
    assert {*VALUES, "because", "by"} == set(Decision.__struct_fields__)


@given(decisions, decisions, decisions)
def test_the_order_in_which_rules_are_asked_does_not_matter(a, b, c):
    assert a | b == b | a
    assert a | (b | c) == (a | b) | c


@given(decisions)
def test_saying_it_twice_or_saying_nothing_changes_nothing(a):
    assert a | a == a
    assert a | NOTHING == a == NOTHING | a
    assert a | Decision() == a


@given(decisions, decisions)
def test_the_reason_of_a_field_is_of_one_that_said_what_was_joined(a, b):
    joined = a | b
    for field, reason in joined.by.items():
        assert any(
            one.by.get(field) == reason and getattr(one, field) == getattr(joined, field) for one in (a, b)
        )
    for one in (a, b):
        for field in one.by:
            assert field in joined.by or getattr(one, field) != getattr(joined, field)


def test_because_names_one_reason_for_each_value_it_gives():
    why = Reason("a", "f", "x")
    partial = because(Reason("b", "f", "x"), why, code="held", release_at=utc("2026-06-02T09:00"))
    assert partial.by == {"code": why, "release_at": why}
    later = because(Reason("c", "f", "x"), release_at=utc("2026-06-02T10:00"))
    assert (partial | later).by == {"code": why, "release_at": later.because[0]}


def test_the_gravest_code_the_latest_release_and_the_earliest_reply_win():
    a = Decision(code="held", release_at=utc("2026-06-02T09:00"), reply_by=utc("2026-06-03T09:00"), ack=True)
    b = Decision(release_at=utc("2026-06-02T10:00"), reply_by=utc("2026-06-02T23:00"), ack=False)
    joined = a | b
    assert joined.code == "held"
    assert joined.release_at == utc("2026-06-02T10:00")
    assert joined.reply_by == utc("2026-06-02T23:00")
    assert joined.ack is False


def test_all_reasons_are_kept_once_and_in_order():
    first, second = Reason("a", "f", "x"), Reason("b", "f", "x")
    assert (Decision(because=(second,)) | Decision(because=(first, second))).because == (first, second)
