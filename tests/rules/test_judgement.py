"""How one message is judged: the safety floor, the policies, the targets, the turn."""

from datetime import datetime, timedelta

import pytest

from etherapy.rules import Attempt, Decision, Facts, decide
from tests.rules.world import (
    HART,
    VALE,
    VALE_HOURS,
    WORKDAYS,
    client_sends,
    policy,
    rules_of,
    target,
    utc,
    weekly,
    words_of,
)

NIGHT = "2026-06-02T03:40"  # Monday 23:40 in New York
MORNING = utc("2026-06-02T13:00")


def vale(*documents: dict[str, object]):
    return rules_of(VALE_HOURS, *documents)


def test_an_urgent_message_is_never_held():
    decision = client_sends(VALE, NIGHT, urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc(NIGHT))
    assert decision.recall_until is None
    assert decision.ack is False
    assert decision.closed_until == MORNING
    assert decision.reply_by == utc("2026-06-03T21:00")
    assert "urgent_never_held" in words_of(decision)


def test_an_urgent_message_is_not_held_even_if_nothing_ever_opens():
    decision = client_sends(rules_of(weekly("America/New_York")), NIGHT, urgent=True)
    assert (decision.code, decision.release_at, decision.closed_until) == ("urgent", utc(NIGHT), None)


@pytest.mark.parametrize("name", ["hold", "hold_with_ack"])
def test_without_any_opening_the_sender_is_told_instead_of_waiting_for_ever(name):
    decision = client_sends(rules_of(weekly("America/New_York"), policy(name)), NIGHT)
    assert decision.code == "no_future_window"
    assert decision.release_at is decision.reply_by is decision.recall_until is None
    assert decision.ack is False
    assert decision.long_wait is True


def test_an_opening_after_four_hundred_days_is_too_far():
    far = {"kind": "window.exception", "effect": "add", "windows": [{"start": "09:00", "end": "10:00"}]}
    near_enough = rules_of(weekly("Etc/UTC"), far | {"date": "2027-07-06"})
    assert client_sends(near_enough, "2026-06-01T09:00").release_at == utc("2027-07-06T09:00")
    too_far = rules_of(weekly("Etc/UTC"), far | {"date": "2027-07-07"})
    assert client_sends(too_far, "2026-06-01T09:00").code == "no_future_window"


def test_deliver_normal_delivers_at_night_and_counts_from_the_morning():
    decision = client_sends(vale(policy("deliver_normal"), target("window_minutes", n=60)), NIGHT)
    assert (decision.code, decision.release_at) == ("at_once", utc(NIGHT))
    assert decision.reply_by == MORNING + timedelta(hours=1)
    assert decision.recall_until is None
    assert decision.ack is False
    assert decision.closed_until == MORNING


def test_a_plain_hold_is_not_acknowledged():
    decision = client_sends(vale(policy("hold")), NIGHT)
    assert (decision.code, decision.ack) == ("held", False)


def test_the_therapist_is_delivered_at_once_and_owed_no_reply():
    decision = decide(
        VALE, Attempt(utc(NIGHT), by_client=False), Facts(turn_reply_by=utc("2026-06-01T12:00"))
    )
    assert (decision.code, decision.release_at) == ("at_once", utc(NIGHT))
    assert decision.reply_by is decision.recall_until is decision.closed_until is None
    assert (decision.ack, decision.long_wait) == (False, False)


def test_a_message_that_expects_no_reply_is_held_without_a_deadline():
    decision = client_sends(VALE, NIGHT, Facts(turn_reply_by=utc("2026-06-02T20:00")), service_class=3)
    assert (decision.code, decision.release_at, decision.reply_by) == ("held", MORNING, None)
    assert "no_reply_expected" in words_of(decision)


# --- targets (docs/rules.md 5) ---


@pytest.mark.parametrize(
    ("documented", "due"),
    [
        (target("business_days", n=0), "2026-06-08T21:00"),
        (target("business_days", n=1), "2026-06-09T21:00"),
        (target("business_days", n=5), "2026-06-15T21:00"),
        (target("business_days", n=1, at="12:00"), "2026-06-09T16:00"),
        (target("business_days", n=1, at="20:00"), "2026-06-09T21:00"),
        (target("business_days", n=1, at="08:00"), "2026-06-09T13:00"),
        (target("business_days", n=0, at="08:00"), "2026-06-08T21:00"),
        (target("next_windows", n=0), "2026-06-08T21:00"),
        (target("next_windows", n=2), "2026-06-10T21:00"),
        (target("window_minutes", n=0), "2026-06-08T13:00"),
        (target("window_minutes", n=480), "2026-06-08T21:00"),
        (target("window_minutes", n=481), "2026-06-09T13:01"),
        (target("wall_hours", n=72), "2026-06-08T22:00"),
    ],
)
def test_a_target_counts_from_monday_morning_for_a_message_of_friday_evening(documented, due):
    decision = client_sends(vale(documented), "2026-06-05T22:00")
    assert decision.release_at == utc("2026-06-08T13:00")
    assert decision.reply_by == utc(due)


def test_twenty_four_open_hours_are_not_the_next_day():
    decision = client_sends(vale(target("window_minutes", n=24 * 60)), "2026-06-05T20:00")
    assert decision.reply_by == utc("2026-06-10T20:00")  # Wednesday 16:00: twenty-four hours of open time


def test_no_target_promises_no_reply():
    decision = client_sends(vale(target("none")), NIGHT)
    assert decision.reply_by is None
    assert "none" in words_of(decision)


def test_hours_that_run_through_the_night_are_marked_when_they_end_before_the_opening():
    decision = client_sends(vale(target("wall_hours", n=24)), "2026-06-05T22:00")
    assert decision.reply_by == utc("2026-06-06T22:00")
    assert "runs_through_closed" in words_of(decision)


def test_a_target_in_the_lunch_break_is_due_before_it():
    rules = rules_of(
        weekly("Etc/UTC", (WORKDAYS, "09:00", "12:00"), (WORKDAYS, "14:00", "18:00")),
        target("business_days", n=1, at="13:00"),
    )
    assert client_sends(rules, "2026-06-01T10:00").reply_by == utc("2026-06-02T12:00")


def test_a_time_after_midnight_lies_in_the_night_that_began_on_the_day():
    rules = rules_of(weekly("Etc/UTC", (["sat"], "22:00", "03:00")), target("business_days", n=0, at="01:00"))
    assert client_sends(rules, "2026-06-06T22:30").reply_by == utc("2026-06-07T01:00")
    assert client_sends(rules, "2026-06-07T02:00").reply_by == utc("2026-06-07T03:00")


def test_the_tail_of_a_night_belongs_to_the_day_on_which_it_began():
    rules = rules_of(
        weekly("Etc/UTC", (["sat"], "22:00", "03:00"), (["sun"], "10:00", "12:00")),
        target("business_days", n=1),
    )
    assert client_sends(rules, "2026-06-07T01:00").reply_by == utc("2026-06-07T12:00")


def test_windows_that_touch_at_midnight_are_one():
    rules = rules_of(
        weekly("Etc/UTC", (["mon"], "20:00", "24:00"), (["tue"], "00:00", "02:00")),
        target("next_windows", n=0),
    )
    assert client_sends(rules, "2026-06-01T21:00").reply_by == utc("2026-06-02T02:00")


def test_open_day_and_night_is_counted_by_days():
    always = [*WORKDAYS, "sat", "sun"]
    rules = rules_of(weekly("Etc/UTC", (always, "00:00", "24:00")), target("next_windows", n=1))
    assert client_sends(rules, "2026-06-01T21:00").reply_by == utc("2026-06-03T00:00")


def test_a_target_beyond_the_horizon_is_said_and_not_guessed():
    rules = rules_of(weekly("Etc/UTC", (["mon"], "09:00", "09:01")), target("window_minutes", n=1000))
    decision = client_sends(rules, NIGHT)
    assert (decision.code, decision.reply_by) == ("held", None)
    assert "beyond_horizon" in words_of(decision)


# --- turns ---


def test_messages_of_one_turn_share_the_earliest_deadline():
    facts = Facts(turn_reply_by=utc("2026-06-02T21:00"))
    decision = client_sends(VALE, "2026-06-02T14:00", facts)
    assert decision.reply_by == utc("2026-06-02T21:00")
    assert "same_turn" in words_of(decision)


def test_a_later_deadline_of_the_turn_does_not_postpone_an_earlier_one():
    facts = Facts(turn_reply_by=utc("2026-06-20T21:00"))
    assert client_sends(VALE, "2026-06-02T14:00", facts).reply_by == utc("2026-06-03T21:00")


def test_a_deadline_that_passed_before_the_release_gives_way_to_the_own_one():
    facts = Facts(turn_reply_by=utc("2026-06-02T12:59"))
    decision = client_sends(VALE, NIGHT, facts)
    assert decision.reply_by == utc("2026-06-03T21:00")
    assert "same_turn" not in words_of(decision)


def test_a_deadline_at_the_release_itself_still_holds():
    assert client_sends(VALE, NIGHT, Facts(turn_reply_by=MORNING)).reply_by == MORNING


# --- waits and records ---


def test_the_longest_wait_is_that_to_the_reply_and_exactly_the_bound_is_not_too_long():
    rules = vale(target("wall_hours", n=7 * 24))
    assert client_sends(rules, NIGHT).long_wait is False
    assert client_sends(vale(target("wall_hours", n=7 * 24 + 1)), NIGHT).long_wait is True
    bound = ({"kind": "bounds", "longest_wait_days": 8},)
    longer = rules_of(VALE_HOURS, target("wall_hours", n=7 * 24 + 1), practice=bound)
    assert client_sends(longer, NIGHT).long_wait is False


def test_without_a_reply_the_wait_is_that_to_the_release():
    decision = client_sends(HART, "2026-12-23T12:05", service_class=3)
    assert decision.long_wait is False  # six days and 22 hours
    bound = rules_of(
        weekly("Europe/London", (["mon"], "10:00", "12:00")),
        practice=({"kind": "bounds", "longest_wait_days": 3},),
    )
    assert client_sends(bound, "2026-06-02T00:00", service_class=3).long_wait is True


@pytest.mark.parametrize(
    "at", ["2026-06-02T03:40:00", "2026-06-02T03:40:00+02:00", "2026-06-02T03:40:00.0001+00:00"]
)
def test_an_attempt_has_an_instant_in_utc_of_whole_milliseconds(at):
    with pytest.raises(ValueError):
        Attempt(datetime.fromisoformat(at), by_client=True)


def test_a_decision_names_the_zone_data_it_used():
    from etherapy.rules.calendar import tzdata_checksum, tzdata_version

    decision = client_sends(HART, NIGHT)
    assert (decision.zone, decision.tzdata_version) == ("Europe/London", tzdata_version())
    assert decision.tzdata_checksum == tzdata_checksum()


def test_the_same_question_has_the_same_answer_and_survives_json():
    import msgspec

    first, second = client_sends(VALE, NIGHT), client_sends(VALE, NIGHT)
    assert first == second
    assert msgspec.json.decode(msgspec.json.encode(first), type=Decision) == first
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


def test_reasons_name_the_layer_that_set_the_field():
    rules = rules_of(VALE_HOURS, practice=(policy("hold"), target("wall_hours", n=48)))
    origins = {(reason.kind, reason.origin) for reason in client_sends(rules, NIGHT).because}
    assert origins == {
        ("window.weekly", "therapist"),
        ("off_hours.policy", "practice"),
        ("response.target", "practice"),
    }
