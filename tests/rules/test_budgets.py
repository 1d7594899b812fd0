"""Budgets of messages: how many count, what is left, and what happens beyond (S-10)."""

import pytest

from etherapy.rules import Attempt, Facts, decide
from etherapy.rules.rule import Counted
from tests.rules.spending import FOURTH, USED, WEEK_OF_THREE, count, hart, open_with, sent
from tests.rules.world import client_sends, utc, words_of

# --- S-10 ---


def test_s10_without_a_budget_the_fourth_message_is_released_on_friday():
    assert client_sends(hart(), FOURTH, USED).release_at == utc("2026-05-22T09:00")


def test_s10_a_deferred_message_waits_for_the_first_opening_of_the_next_week():
    decision = client_sends(hart(WEEK_OF_THREE), FOURTH, USED)
    assert decision.code == "held"
    assert decision.not_before == utc("2026-05-24T23:00")  # Mon 25 May 00:00 in London, a holiday
    assert decision.release_at == decision.recall_until == utc("2026-05-27T09:00")
    assert decision.reply_by == utc("2026-05-29T11:00")
    assert (decision.counts_at, decision.left) == (utc("2026-05-24T23:00"), 2)
    assert decision.closed_until == utc("2026-05-22T09:00")
    assert {"deferred", "closed_date"} <= words_of(decision)
    assert decision.by["counts_at"].words == "deferred"


def test_s10_a_declined_message_says_from_when_on_it_would_be_taken():
    decision = client_sends(hart(WEEK_OF_THREE | {"over": "decline_keep_draft"}), FOURTH, USED)
    assert (decision.code, decision.retry_from) == ("declined", utc("2026-05-24T23:00"))
    assert (decision.release_at, decision.reply_by, decision.left) == (None, None, 0)
    assert decision.by["code"].words == "budget_exhausted"


@pytest.mark.parametrize("over", ["defer_to_next_period", "decline_keep_draft", "accept_and_flag"])
def test_s10_a_recall_refunds_the_slot(over):
    refunded = Facts(sent=USED.sent[:2])
    decision = client_sends(hart(WEEK_OF_THREE | {"over": over}), FOURTH, refunded)
    assert (decision.code, decision.release_at) == ("held", utc("2026-05-22T09:00"))
    assert (decision.counts_at, decision.left) == (utc(FOURTH), 0)


@pytest.mark.parametrize("over", ["defer_to_next_period", "decline_keep_draft", "accept_and_flag"])
def test_s10_an_urgent_message_is_exempt(over):
    decision = client_sends(hart(WEEK_OF_THREE | {"over": over}), FOURTH, USED, urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc(FOURTH))
    assert (decision.counts_at, decision.left, decision.not_before) == (None, None, None)


def test_s10_the_next_ones_of_the_new_week_count_with_the_deferred_one():
    deferred = Counted(utc(FOURTH), utc("2026-05-24T23:00"))
    facts = Facts(sent=(*USED.sent, deferred))
    fifth = client_sends(hart(WEEK_OF_THREE), "2026-05-21T17:30", facts)
    assert (fifth.counts_at, fifth.left) == (utc("2026-05-24T23:00"), 1)
    monday = client_sends(hart(WEEK_OF_THREE), "2026-05-26T10:00", facts)
    assert (monday.counts_at, monday.left) == (utc("2026-05-26T10:00"), 1)


# --- what counts ---


def test_beyond_the_number_a_message_can_be_accepted_and_flagged():
    decision = client_sends(hart(WEEK_OF_THREE | {"over": "accept_and_flag"}), FOURTH, USED)
    assert (decision.code, decision.release_at) == ("held", utc("2026-05-22T09:00"))
    assert (decision.left, decision.counts_at, decision.not_before) == (0, utc(FOURTH), None)
    assert "over_flagged" in words_of(decision)


def test_what_counts_in_no_budget_uses_nothing():
    free = Facts(sent=tuple(Counted(row.at) for row in USED.sent))
    assert client_sends(hart(WEEK_OF_THREE), FOURTH, free).left == 2


def test_kinds_that_are_exempt_or_not_counted_are_left_alone():
    logistics_free = open_with(WEEK_OF_THREE | {"exempt": ["logistics"]})
    decision = client_sends(logistics_free, FOURTH, USED, service_class=2)
    assert (decision.code, decision.counts_at, decision.left) == ("at_once", None, None)
    letters = open_with(count({"n": 1, "per": "month", "kinds": ["letter"]}))
    assert client_sends(letters, FOURTH, USED).left is None
    assert client_sends(letters, FOURTH, USED, service_class=4).left == 0
    used = sent("2026-05-02T09:00", service_class=4)
    assert client_sends(letters, FOURTH, used, service_class=4).counts_at == utc("2026-05-31T23:00")


def test_of_several_limits_all_must_have_room():
    rules = open_with(count({"n": 1, "per": "day"}, {"n": 3, "per": "week"}))
    two = sent("2026-05-18T09:30", "2026-05-19T09:10")
    decision = client_sends(rules, "2026-05-19T10:00", two)
    assert (decision.counts_at, decision.left) == (utc("2026-05-19T23:00"), 0)
    three = sent("2026-05-18T09:30", "2026-05-19T09:10", "2026-05-20T09:10")
    assert client_sends(rules, "2026-05-20T10:00", three).counts_at == utc("2026-05-24T23:00")


def test_a_rolling_limit_frees_a_slot_when_the_oldest_falls_out():
    rules = open_with(count({"n": 2, "per": "hours", "hours": 24}))
    facts = sent("2026-05-19T09:30", "2026-05-19T20:00")
    decision = client_sends(rules, "2026-05-20T09:00", facts)
    assert (decision.not_before, decision.left) == (utc("2026-05-20T09:30"), 0)
    assert client_sends(rules, "2026-05-20T09:30", facts).code == "at_once"


def test_a_week_begins_where_the_rule_says():
    rules = open_with(WEEK_OF_THREE | {"week_starts": "sat", "zone": "America/New_York"})
    assert client_sends(rules, FOURTH, USED).counts_at == utc("2026-05-23T04:00")


def test_the_therapist_has_no_budget():
    attempt = Attempt(utc(FOURTH), by_client=False)
    assert decide(open_with(WEEK_OF_THREE), attempt, USED).code == "at_once"


def test_limits_that_were_settled_are_neither_asked_nor_counted_again():
    decision = client_sends(hart(WEEK_OF_THREE), FOURTH, USED, ready_at=utc("2026-05-24T23:00"))
    assert decision.release_at == utc("2026-05-27T09:00")
    assert (decision.counts_at, decision.left) == (None, None)


def test_messages_shortly_after_each_other_in_one_turn_count_once():
    rules = open_with(WEEK_OF_THREE, {"kind": "pacing", "coalesce_minutes": 10})
    facts = sent("2026-05-18T09:30", "2026-05-18T09:35", "2026-05-18T09:39")
    assert client_sends(rules, "2026-05-18T09:40", facts).left == 2
    assert client_sends(rules, "2026-05-18T09:41", facts).left == 1
    other_turn = Facts(sent=facts.sent, turn=1)
    assert client_sends(rules, "2026-05-18T09:40", other_turn).left == 1
    first_recalled = Facts(sent=facts.sent[1:])
    assert client_sends(rules, "2026-05-18T09:45", first_recalled).left == 2


def test_what_counts_together_with_a_deferred_message_does_not_overtake_it():
    rules = hart(WEEK_OF_THREE, {"kind": "pacing", "coalesce_minutes": 10})
    deferred = Counted(utc(FOURTH), utc("2026-05-24T23:00"))
    facts = Facts(sent=(*USED.sent, deferred))
    decision = client_sends(rules, "2026-05-21T17:25", facts)
    assert decision.release_at == utc("2026-05-27T09:00")
    assert (decision.counts_at, decision.left) == (utc("2026-05-24T23:00"), 2)
    assert "coalesced" in words_of(decision)


def test_the_default_says_nothing():
    assert client_sends(open_with(), FOURTH, USED).left is None
