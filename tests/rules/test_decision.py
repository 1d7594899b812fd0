"""Decisions join: in whatever order rules are asked, the result is the same."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import NOTHING, Decision, Reason
from tests.rules.world import utc

instants = st.none() | st.integers(0, 5).map(lambda hours: utc("2026-06-02T00:00") + timedelta(hours=hours))
reasons = st.builds(
    Reason, st.sampled_from("ab"), st.just("field"), st.sampled_from("xyz"), st.sampled_from(["", "p"])
)
decisions = st.just(NOTHING) | st.builds(
    Decision,
    code=st.sampled_from(["at_once", "held", "no_future_window", "declined", "urgent"]),
    accepted_at=instants,
    release_at=instants,
    reply_by=instants,
    recall_until=instants,
    ack=st.sampled_from([None, True, False]),
    closed_until=instants,
    longest_wait_days=st.none() | st.integers(0, 3),
    long_wait=st.booleans(),
    because=st.frozensets(reasons, max_size=3).map(lambda some: tuple(sorted(some))),
    zone=st.sampled_from(["", "Etc/UTC"]),
)


@given(decisions, decisions, decisions)
def test_the_order_in_which_rules_are_asked_does_not_matter(a, b, c):
    assert a | b == b | a
    assert a | (b | c) == (a | b) | c


@given(decisions)
def test_saying_it_twice_or_saying_nothing_changes_nothing(a):
    assert a | a == a
    assert a | NOTHING == a == NOTHING | a
    assert a | Decision() == a


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
