"""Pacing: intervals, the time to take back, the time to think (S-14), and hints that block nothing."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.rules import Attempt, Decision, Facts, Rules, decide
from etherapy.rules.rule import Counted
from tests.rules.world import VALE_HOURS, client_sends, policy, rules_of, utc, words_of

TUESDAY = "2026-06-02T18:00"  # 14:00 in New York


def vale(**pacing: int) -> Rules:
    return rules_of(VALE_HOURS, {"kind": "pacing", **pacing})


def replies(rules: Rules, at: str, facts: Facts | None = None, **attempt) -> Decision:
    """The decision on a message of the therapist."""
    return decide(rules, Attempt(utc(at), by_client=False, role="therapist", **attempt), facts or Facts())


def sent(*ats: str) -> Facts:
    return Facts(sent=tuple(Counted(utc(at), utc(at)) for at in ats))


# --- the client ---


def test_a_message_waits_for_the_interval_after_the_one_before():
    rules, facts = vale(min_interval_minutes=30), sent(TUESDAY)
    decision = client_sends(rules, "2026-06-02T18:10", facts)
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-02T18:30"))
    assert decision.recall_until == utc("2026-06-02T18:30")
    assert decision.by["release_at"].words == "min_interval"
    assert client_sends(rules, "2026-06-02T18:30", facts).code == "at_once"


def test_an_interval_that_ends_after_the_hours_goes_on_to_the_next_opening():
    decision = client_sends(vale(min_interval_minutes=30), "2026-06-02T20:55", sent("2026-06-02T20:40"))
    assert decision.release_at == utc("2026-06-03T13:00")


def test_messages_that_count_as_one_do_not_wait_for_each_other():
    rules = vale(min_interval_minutes=30, coalesce_minutes=10)
    assert client_sends(rules, "2026-06-02T18:10", sent(TUESDAY)).code == "at_once"
    assert client_sends(rules, "2026-06-02T18:11", sent(TUESDAY)).release_at == utc("2026-06-02T18:30")
    paced = sent(TUESDAY, "2026-06-02T18:20")  # the second waits until 18:30, and so does what joins it
    assert client_sends(rules, "2026-06-02T18:25", paced).release_at == utc("2026-06-02T18:30")


def test_the_time_to_take_back_holds_what_would_go_at_once():
    decision = client_sends(vale(recall_minutes=5), TUESDAY)
    assert decision.code == "held"
    assert decision.release_at == decision.recall_until == utc("2026-06-02T18:05")
    assert (decision.closed_until, decision.ack) == (None, False)


def test_the_time_to_take_back_never_carries_a_message_into_the_night():
    rules = vale(recall_minutes=5)
    assert client_sends(rules, "2026-06-02T20:57").release_at == utc("2026-06-02T20:59")
    assert client_sends(rules, "2026-06-02T20:59:30").code == "at_once"
    assert client_sends(rules, "2026-06-02T21:00").release_at == utc("2026-06-03T13:00")
    normal = rules_of(VALE_HOURS, {"kind": "pacing", "recall_minutes": 5}, policy("deliver_normal"))
    assert client_sends(normal, "2026-06-02T21:00").code == "at_once"


# --- the therapist (S-14) ---


def test_s14_a_reply_waits_for_the_time_to_think():
    facts = Facts(turn_reply_by=utc("2026-06-03T21:00"))
    decision = replies(vale(reflection_hours=24), TUESDAY, facts)
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-03T18:00"))
    assert decision.recall_until == decision.release_at
    assert decision.by["release_at"].words == "reflection_hold"


def test_s14_the_time_to_think_ends_a_minute_before_the_promised_reply():
    facts = Facts(turn_reply_by=utc("2026-06-03T16:00"))  # Wednesday noon
    decision = replies(vale(reflection_hours=24), TUESDAY, facts)
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-03T15:59"))
    assert decision.by["release_at"].words == "reflection_shortened"
    now = replies(vale(reflection_hours=24), TUESDAY, facts, at_once_because="client_waits")
    assert (now.code, now.release_at) == ("at_once", utc(TUESDAY))
    assert "reflection_skipped" in words_of(now)


@pytest.mark.parametrize("due", ["2026-06-02T18:01", "2026-06-02T18:00", "2026-06-01T21:00"])
def test_s14_with_no_time_left_a_reply_goes_at_once(due):
    decision = replies(vale(reflection_hours=24), TUESDAY, Facts(turn_reply_by=utc(due)))
    assert (decision.code, decision.release_at) == ("at_once", utc(TUESDAY))
    assert "reflection_passed" in words_of(decision)


def test_a_reply_due_exactly_at_the_end_of_the_time_to_think_keeps_all_of_it():
    decision = replies(vale(reflection_hours=24), TUESDAY, Facts(turn_reply_by=utc("2026-06-03T18:00")))
    assert decision.release_at == utc("2026-06-03T18:00")


def test_an_answer_to_something_urgent_and_a_client_do_not_wait_to_think():
    assert replies(vale(reflection_hours=24), TUESDAY, Facts(turn_urgent=True)).code == "at_once"
    assert client_sends(vale(reflection_hours=24), TUESDAY).code == "at_once"


def test_the_time_to_think_does_not_end_in_quiet_hours():
    quiet = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
    rules = rules_of(VALE_HOURS, quiet, {"kind": "pacing", "reflection_hours": 8})
    assert replies(rules, TUESDAY).release_at == utc("2026-06-03T12:00")  # not at 22:00


@given(st.integers(0, 72), st.integers(1, 168), st.integers(0, 40_000))
@settings(max_examples=100, deadline=None)
def test_the_time_to_think_never_breaks_a_promise_that_could_be_kept(due_in, hours, minute):
    at = utc("2026-06-01T00:00") + timedelta(minutes=minute)
    due = at + timedelta(hours=due_in)
    decision = replies(vale(reflection_hours=hours), at.isoformat()[:16], Facts(turn_reply_by=due))
    assert decision.release_at is not None
    assert decision.release_at <= max(due, at)


# --- hints ---


def hinting(**fields) -> Rules:
    return rules_of(VALE_HOURS, {"kind": "pacing.escalation", **fields})


def weeks_of(*counts: int) -> Facts:
    """So many messages in each of the last weeks, the present seven days last."""
    at = utc(TUESDAY)
    ats = [
        at - timedelta(weeks=len(counts) - 1 - week, hours=5 * number + 1)
        for week, n in enumerate(counts)
        for number in range(n)
    ]
    return Facts(sent=tuple(Counted(one, one) for one in sorted(ats)))


def test_more_than_so_many_in_some_hours_give_a_hint_and_block_nothing():
    rules = hinting(most=3, hours=24, actions=["gentle", "suggest_session"])
    two = sent("2026-06-02T16:00", "2026-06-02T17:00")
    three = sent("2026-06-02T15:00", "2026-06-02T16:00", "2026-06-02T17:00")
    assert "gentle" not in words_of(client_sends(rules, TUESDAY, two))
    decision = client_sends(rules, TUESDAY, three)
    assert (decision.code, decision.release_at) == ("at_once", utc(TUESDAY))
    assert {"gentle", "suggest_session"} <= words_of(decision)
    assert {reason.kind for reason in decision.by.values()}.isdisjoint({"pacing.escalation"})
    day_before = sent("2026-06-01T18:00", "2026-06-02T16:00", "2026-06-02T17:00")
    assert "gentle" not in words_of(client_sends(rules, TUESDAY, day_before))


def test_a_week_is_compared_with_the_median_of_the_four_before():
    rules = hinting(times=2)
    usual = weeks_of(1, 2, 2, 9, 2, 3)
    assert "gentle" not in words_of(client_sends(rules, TUESDAY, usual))
    more = weeks_of(1, 2, 2, 9, 2, 4)
    assert "gentle" in words_of(client_sends(rules, TUESDAY, more))


def test_without_four_weeks_before_there_is_nothing_to_compare_with():
    assert "gentle" not in words_of(client_sends(hinting(times=2), TUESDAY, weeks_of(2, 2, 2, 9)))
    assert "gentle" not in words_of(client_sends(hinting(times=2), TUESDAY, weeks_of(1, 0, 0, 0, 0, 9)))


def test_nothing_urgent_is_answered_with_a_hint():
    assert "gentle" not in words_of(
        client_sends(hinting(most=1), TUESDAY, sent("2026-06-02T17:00"), urgent=True)
    )


def test_what_is_compared_is_asked_for():
    assert vale(min_interval_minutes=90).lookback >= timedelta(minutes=90)
    assert hinting(times=2).lookback >= timedelta(weeks=5)
    assert hinting(most=2, hours=72).lookback >= timedelta(hours=72)
