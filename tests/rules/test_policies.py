"""What happens outside the hours under each policy, and when an acknowledgement is shown."""

import pytest

from etherapy.rules import BadRule, Facts, Layer, Rules, resolve
from etherapy.rules.rule import Counted
from tests.rules.world import VALE_HOURS, client_sends, policy, rules_of, target, utc, weekly, words_of

NIGHT = "2026-06-02T03:40"  # Monday 23:40 in New York
MORNING = utc("2026-06-02T13:00")
DECLINES = policy("decline_keep_draft") | {"other_route": "call the office"}
ABSENCE = {"kind": "absence", "away_from": "2026-06-02", "back_on": "2026-06-05"}


def vale(*documents: dict) -> Rules:
    return rules_of(VALE_HOURS, *documents)


def acknowledging(*on: str, **fields) -> dict:
    return {"kind": "ack", "on": list(on), **fields}


def test_delivered_quietly_it_is_there_at_once_and_its_reader_is_told_in_the_morning():
    decision = client_sends(vale(policy("deliver_silent"), target("window_minutes", n=60)), NIGHT)
    assert (decision.code, decision.release_at) == ("silent", utc(NIGHT))
    assert decision.notice_at == decision.closed_until == MORNING
    assert decision.reply_by == utc("2026-06-02T14:00")
    assert (decision.recall_until, decision.ack) == (None, False)
    assert decision.by["notice_at"].words == decision.by["code"].words == "deliver_silent"


def test_inside_the_hours_nothing_is_quiet_or_declined():
    for document in (policy("deliver_silent"), DECLINES):
        decision = client_sends(vale(document), "2026-06-02T15:00")
        assert (decision.code, decision.notice_at, decision.closed_until) == ("at_once", None, None)


def test_nothing_is_delivered_quietly_of_which_nobody_would_ever_be_told():
    rules = rules_of(weekly("America/New_York"), policy("deliver_silent"))
    assert client_sends(rules, NIGHT).code == "no_future_window"


def test_a_declined_message_names_the_next_opening_and_the_other_way():
    decision = client_sends(vale(DECLINES), NIGHT)
    assert (decision.code, decision.retry_from, decision.release_at) == ("declined", MORNING, None)
    reason = decision.by["code"]
    assert (reason.words, reason.label) == ("decline_keep_draft", "call the office")
    assert decision.ack is False


def test_a_policy_that_declines_names_another_way_to_a_person():
    for route in ("", "  "):
        with pytest.raises(BadRule) as refused:
            vale(policy("decline_keep_draft") | {"other_route": route})
        assert refused.value.field == "off_hours.policy.other_route"


def test_a_first_contact_is_never_declined():
    decision = client_sends(vale(DECLINES), NIGHT, Facts(first_contact=True))
    assert (decision.code, decision.release_at, decision.ack) == ("held", MORNING, True)
    assert "first_contact_kept" in words_of(decision)


def test_with_closer_support_nothing_is_declined():
    participants = {
        "kind": "participants",
        "support_tier": "enhanced",
        "urgent_route": "the on-call number of the clinic",
        "safety_plan": True,
    }
    practice = [participants, {"kind": "bounds", "longest_closed_days": 3}]
    rules = rules_of(VALE_HOURS, DECLINES, practice=tuple(practice))
    decision = client_sends(rules, NIGHT)
    assert (decision.code, decision.release_at, decision.ack) == ("held", MORNING, True)
    assert "enhanced_kept" in words_of(decision)


@pytest.mark.parametrize("name", ["deliver_silent", "deliver_normal", "decline_keep_draft", "hold"])
def test_an_urgent_message_is_the_same_under_every_policy(name):
    rules = vale(policy(name) | {"other_route": "call the office"})
    decision = client_sends(rules, NIGHT, urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc(NIGHT))
    assert (decision.notice_at, decision.retry_from, decision.ack) == (None, None, False)
    assert decision.closed_until == MORNING


@pytest.mark.parametrize("name", ["hold", "hold_with_ack", "deliver_silent", "deliver_normal"])
def test_what_limits_keep_back_waits_for_an_opening_under_every_policy(name):
    spent = {"kind": "budget.count", "limits": [{"n": 1, "per": "day"}]}
    facts = Facts(sent=(Counted(utc("2026-06-02T13:30"), utc("2026-06-02T13:30")),))
    decision = client_sends(vale(policy(name), spent), "2026-06-02T14:00", facts)
    assert decision.not_before == utc("2026-06-03T04:00")
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-03T13:00"))
    assert decision.closed_until is None


def test_off_hours_decide_before_a_limit_where_messages_are_declined():
    slow = {"kind": "pacing", "min_interval_minutes": 60}
    facts = Facts(sent=(Counted(utc("2026-06-02T03:30")),))
    assert client_sends(vale(DECLINES, slow), NIGHT, facts).code == "declined"


def test_what_was_taken_once_is_not_declined_when_the_policy_changes():
    decision = client_sends(vale(DECLINES), NIGHT, ready_at=utc(NIGHT))
    assert (decision.code, decision.release_at) == ("held", MORNING)
    freed = client_sends(vale(policy("deliver_normal")), NIGHT, ready_at=utc(NIGHT))
    assert (freed.code, freed.release_at) == ("at_once", utc(NIGHT))


def test_the_practice_says_which_policies_are_allowed():
    bounds = Layer("practice", [{"kind": "bounds", "allowed_policies": ["hold", "hold_with_ack"]}])
    resolve([bounds, Layer("therapist", [VALE_HOURS, policy("hold")])])
    with pytest.raises(BadRule) as refused:
        resolve([bounds, Layer("therapist", [VALE_HOURS, policy("deliver_normal")])])
    assert refused.value.field == "off_hours.policy.policy"
    assert "bound" in refused.value.problem
    assert "hold_with_ack" in refused.value.mend


# --- acknowledgements ---


def test_a_message_that_becomes_ready_inside_the_hours_was_still_sent_outside_them():
    slow = {"kind": "pacing", "min_interval_minutes": 60}
    facts = Facts(sent=(Counted(utc("2026-06-02T12:30")),))
    decision = client_sends(vale(slow), "2026-06-02T12:45", facts)
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-02T13:30"))
    assert (decision.ack, decision.closed_until) == (True, MORNING)


def test_an_acknowledgement_is_asked_for_by_what_the_rule_names():
    open_hours = "2026-06-02T15:00"
    assert client_sends(vale(), open_hours).ack is False
    assert client_sends(vale(acknowledging("always")), open_hours).ack is True
    assert client_sends(vale(acknowledging("absence")), NIGHT).ack is False
    assert client_sends(vale(acknowledging("absence"), ABSENCE), open_hours).ack is True
    assert client_sends(vale(acknowledging()), NIGHT).ack is False
    assert client_sends(vale(acknowledging("always"), policy("hold")), NIGHT).ack is True


def test_the_first_message_of_a_turn_can_be_acknowledged_alone():
    rules = vale(acknowledging("first_of_turn"))
    assert client_sends(rules, "2026-06-02T15:00").ack is True
    later = Facts(turn_reply_by=utc("2026-06-03T21:00"))
    assert client_sends(rules, "2026-06-02T15:00", later).ack is False


def test_a_message_beyond_a_budget_can_be_acknowledged():
    spent = {"kind": "budget.count", "limits": [{"n": 1, "per": "day"}]}
    facts = Facts(sent=(Counted(utc("2026-06-02T13:30"), utc("2026-06-02T13:30")),))
    rules = vale(acknowledging("over_budget"), spent)
    assert client_sends(rules, "2026-06-02T14:00", facts).ack is True
    assert client_sends(rules, "2026-06-02T14:00").ack is False


@pytest.mark.parametrize("on", ["always", "off_hours", "first_of_turn"])
def test_there_is_never_a_second_one_before_the_throttle_allows_it(on):
    rules = vale(acknowledging(on, throttle="hours", hours=6))
    first = client_sends(rules, NIGHT)
    assert (first.ack, first.ack_again_at) == (True, utc("2026-06-02T09:40"))
    known = Facts(acked_until=first.ack_again_at)
    second = client_sends(rules, "2026-06-02T09:39", known)
    assert (second.ack, second.ack_again_at) == (False, None)
    assert "acknowledged_lately" in words_of(second)
    assert client_sends(rules, "2026-06-02T09:40", known).ack is True


def test_inside_the_hours_the_next_one_comes_after_the_next_closed_period():
    decision = client_sends(vale(acknowledging("always")), "2026-06-02T15:00")
    assert decision.ack_again_at == utc("2026-06-03T13:00")
    assert client_sends(vale(), NIGHT).ack_again_at == MORNING


def test_a_throttle_of_hours_says_how_many():
    for fields in ({"throttle": "hours"}, {"hours": 3}):
        with pytest.raises(BadRule) as refused:
            vale(acknowledging("always", **fields))
        assert refused.value.field == "ack.hours"
