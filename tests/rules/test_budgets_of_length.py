"""Budgets of length and of exchanges, and what is refused when any budget is written."""

from datetime import timedelta

import pytest

from etherapy.rules import BadRule, Facts, Layer, resolve
from etherapy.rules.rule import Counted
from tests.rules.spending import ALWAYS, FOURTH, WEEK_OF_THREE, count, open_with, sent
from tests.rules.world import client_sends, utc, words_of

# --- length ---


def test_a_message_that_is_too_long_is_declined_counted_double_or_flagged():
    length = {"kind": "budget.length", "message_bytes": 1024}
    at = "2026-05-18T09:30"
    assert client_sends(open_with(length), at, size=1024).code == "at_once"
    declined = client_sends(open_with(length), at, size=1025)
    assert (declined.code, declined.retry_from) == ("declined", None)
    assert declined.by["code"].words == "message_too_long"
    double = open_with(WEEK_OF_THREE, length | {"over": "count_double"})
    assert client_sends(double, at, size=1025).left == 1
    assert client_sends(double, FOURTH, sent("2026-05-18T09:00", size=2000), size=1025).left is not None
    two_long = sent("2026-05-18T09:00", size=2000)
    assert client_sends(double, FOURTH, two_long, size=100).left == 0
    assert client_sends(double, FOURTH, two_long, size=1025).counts_at == utc("2026-05-24T23:00")
    flagged = client_sends(open_with(length | {"over": "accept_and_flag"}), at, size=1025)
    assert flagged.code == "at_once"
    assert "long_flagged" in words_of(flagged)


def test_the_length_of_a_period_is_deferred_declined_or_flagged():
    length = {"kind": "budget.length", "period_bytes": 3000, "per": "week"}
    facts = sent("2026-05-18T09:30", "2026-05-20T09:10", size=1500)
    assert client_sends(open_with(length), FOURTH, Facts(sent=facts.sent[:1]), size=1500).code == "at_once"
    assert client_sends(open_with(length), FOURTH, facts, size=512).not_before == utc("2026-05-24T23:00")
    declined = client_sends(
        open_with(length | {"period_over": "decline_keep_draft"}), FOURTH, facts, size=512
    )
    assert (declined.code, declined.retry_from) == ("declined", utc("2026-05-24T23:00"))
    flagged = client_sends(open_with(length | {"period_over": "accept_and_flag"}), FOURTH, facts, size=512)
    assert flagged.code == "at_once"


def test_two_budgets_wait_for_a_period_in_which_both_have_room():
    rules = open_with(
        count({"n": 1, "per": "day"}),
        {"kind": "budget.length", "period_bytes": 1000, "per": "hours", "hours": 36},
    )
    facts = sent("2026-05-19T20:00", size=1000)  # 36 hours end on Thu 21 May, 9:00 in London
    later = Counted(utc("2026-05-19T21:00"), utc("2026-05-20T23:00"))  # and Thursday is taken
    decision = client_sends(rules, "2026-05-20T10:00", Facts(sent=(*facts.sent, later)), size=500)
    assert decision.not_before == decision.counts_at == utc("2026-05-21T23:00")


# --- exchanges ---

PACKAGE = {"kind": "budget.exchange", "exchanges": 2, "package_from": "2026-05-01", "valid_days": 31}


def test_an_exchange_is_a_turn_and_a_further_message_in_it_costs_nothing():
    rules = open_with(PACKAGE)
    assert client_sends(rules, "2026-05-02T10:00").left == 1
    begun = sent("2026-05-02T10:00")
    assert client_sends(rules, "2026-05-02T11:00", begun).left == 1
    next_turn = Facts(sent=begun.sent, turn=1)
    assert client_sends(rules, "2026-05-03T10:00", next_turn).left == 0
    both = (*begun.sent, Counted(utc("2026-05-03T10:00"), utc("2026-05-03T10:00"), turn=1))
    assert client_sends(rules, "2026-05-03T11:00", Facts(sent=both, turn=1)).code == "at_once"
    third = client_sends(rules, "2026-05-04T10:00", Facts(sent=both, turn=2))
    assert (third.code, third.left) == ("declined", 0)
    assert third.by["code"].words == "package_used_up"
    flagged = client_sends(
        open_with(PACKAGE | {"over": "accept_and_flag"}), "2026-05-04T10:00", Facts(sent=both, turn=2)
    )
    assert flagged.code == "at_once"


def test_a_turn_in_which_everything_was_urgent_or_recalled_costs_nothing():
    urgent_only = Facts(sent=(Counted(utc("2026-05-02T10:00")),), turn=1)
    assert client_sends(open_with(PACKAGE), "2026-05-03T10:00", urgent_only).left == 1


def test_a_long_message_makes_its_exchange_count_as_two():
    rules = open_with(PACKAGE | {"oversize_bytes": 4096})
    assert client_sends(rules, "2026-05-02T10:00", size=5000).left == 0
    begun = sent("2026-05-02T10:00", size=500)
    assert client_sends(rules, "2026-05-02T11:00", begun, size=5000).left == 0
    one_left = Facts(sent=begun.sent, turn=1)
    declined = client_sends(rules, "2026-05-02T11:00", one_left, size=5000)
    assert declined.by["code"].words == "package_needs_two"
    strict = open_with(PACKAGE | {"oversize_bytes": 4096, "oversize": "decline_keep_draft"})
    assert client_sends(strict, "2026-05-02T10:00", size=5000).code == "declined"


def test_a_package_lasts_from_its_first_date_to_before_the_end_of_its_last():
    rules = open_with(PACKAGE)
    assert client_sends(rules, "2026-04-30T22:59").left is None
    assert client_sends(rules, "2026-04-30T23:00").left == 1
    assert client_sends(rules, "2026-05-31T22:59:59").left == 1
    expired = client_sends(rules, "2026-05-31T23:00")
    assert (expired.code, expired.by["code"].words) == ("declined", "package_expired")


# --- writing them ---


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (count({"n": 3, "per": "hours"}), "budget.count.limits[0].hours"),
        (count({"n": 3, "per": "week", "hours": 3}), "budget.count.limits[0].hours"),
        (count({"n": 0, "per": "week"}), "budget.count.limits[0].n"),
        (WEEK_OF_THREE | {"zone": "London"}, "budget.count.zone"),
        ({"kind": "budget.length", "per": "hours"}, "budget.length.hours"),
        (
            {"kind": "budget.length", "message_bytes": 2000, "period_bytes": 1000},
            "budget.length.period_bytes",
        ),
        ({"kind": "budget.exchange", "exchanges": 5}, "budget.exchange.package_from"),
    ],
)
def test_what_makes_no_budget_is_refused_by_its_field(document, field):
    with pytest.raises(BadRule) as refused:
        open_with(document)
    assert refused.value.field == field
    assert refused.value.mend


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        ({"n": 3, "per": "week"}, True),
        ({"n": 2, "per": "week"}, False),
        ({"n": 1, "per": "day"}, True),
        ({"n": 12, "per": "month"}, False),
        ({"n": 14, "per": "month"}, True),
        ({"n": 1, "per": "hours", "hours": 56}, True),
        ({"n": 1, "per": "hours", "hours": 57}, False),
        ({"n": 1, "per": "month", "kinds": ["letter"]}, True),
    ],
)
def test_a_budget_is_not_stricter_than_the_practice_allows(limit, fits):
    bounds = Layer("practice", [{"kind": "bounds", "min_budget_per_week": 3}])
    layers = [bounds, Layer("therapist", [ALWAYS]), Layer("agreement", [count(limit)])]
    if fits:
        resolve(layers)
        return
    with pytest.raises(BadRule) as refused:
        resolve(layers)
    assert refused.value.field == "budget.count.limits[0].n"
    assert "bound is 3" in refused.value.problem


def test_how_far_back_messages_are_asked_for_covers_the_longest_period():
    assert open_with().lookback == timedelta()
    assert open_with(WEEK_OF_THREE).lookback >= timedelta(days=7)
    assert open_with(count({"n": 1, "per": "hours", "hours": 2400})).lookback >= timedelta(hours=2400)
    assert open_with(PACKAGE).lookback >= timedelta(days=31)
