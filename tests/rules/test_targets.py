"""Reply times that count something else than windows and days: tables, slots, sessions, several targets."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Facts, Layer, Rules, decide, resolve
from etherapy.rules.calendar import zone
from etherapy.rules.entries import Entry
from etherapy.rules.kinds import read_rule
from etherapy.rules.readings import readings
from tests.rules.differential import Lot
from tests.rules.world import (
    US_HOLIDAYS,
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

NEW_YORK = "America/New_York"


def bands(*rows: tuple[str, str, int, str], days: list[str] = WORKDAYS) -> dict[str, Any]:
    """A cut-off table of (from, until, due_day_offset, due_time)."""
    names = ("from", "until", "due_day_offset", "due_time")
    return target(
        "cutoff_table", bands=[{"days": days, **dict(zip(names, row, strict=True))} for row in rows]
    )


MORNING = bands(
    ("07:00", "11:00", 0, "15:00"), ("11:00", "16:00", 0, "19:00"), ("16:00", "07:00", 1, "10:00")
)
EVENING = bands(
    ("09:00", "14:00", 0, "18:00"), ("14:00", "19:00", 0, "22:00"), ("19:00", "09:00", 1, "14:00")
)
"""The two schedules that Talkspace publishes (rules.md 3.4)."""


def talkspace(table: dict[str, Any]) -> Rules:
    return rules_of(weekly(NEW_YORK, (WORKDAYS, "07:00", "22:00")), US_HOLIDAYS, table)


def due(rules: Rules, sent: str, **attempt: Any) -> str | None:
    """When a reply is due to a message sent at that time of the wall in New York, on the same wall."""
    place = zone(NEW_YORK)
    at = datetime.fromisoformat(sent).replace(tzinfo=place)
    found = client_sends(rules, f"{at.astimezone(zone('Etc/UTC')):%Y-%m-%dT%H:%M:%S}", **attempt).reply_by
    return None if found is None else f"{found.astimezone(place):%a %m-%d %H:%M}"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-06-01T07:00:00", "Mon 06-01 15:00"),
        ("2026-06-01T10:59:59", "Mon 06-01 15:00"),
        ("2026-06-01T11:00:00", "Mon 06-01 19:00"),
        ("2026-06-01T15:59:59", "Mon 06-01 19:00"),
        ("2026-06-01T16:00:00", "Tue 06-02 10:00"),
        ("2026-06-01T23:59:59", "Tue 06-02 10:00"),
        ("2026-06-02T02:00:00", "Tue 06-02 10:00"),  # still Monday's band: its offset counts from Monday
        ("2026-06-02T06:59:59", "Tue 06-02 10:00"),
        ("2026-06-05T16:00:00", "Mon 06-08 10:00"),  # Friday evening: the next working day
        ("2026-06-06T02:00:00", "Mon 06-08 10:00"),  # the tail of Friday's band
        ("2026-06-06T07:00:00", "Mon 06-08 15:00"),  # Saturday is in no band: Monday's first
        ("2026-06-07T23:00:00", "Mon 06-08 15:00"),
        ("2026-07-02T17:00:00", "Mon 07-06 10:00"),  # Friday 3 July is closed
        ("2026-07-03T12:00:00", "Mon 07-06 15:00"),
    ],
)
def test_the_morning_schedule_is_exact(sent, expected):
    assert due(talkspace(MORNING), sent) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2026-06-01T09:00:00", "Mon 06-01 18:00"),
        ("2026-06-01T13:59:59", "Mon 06-01 18:00"),
        ("2026-06-01T14:00:00", "Mon 06-01 22:00"),
        ("2026-06-01T18:59:59", "Mon 06-01 22:00"),
        ("2026-06-01T19:00:00", "Tue 06-02 14:00"),
        ("2026-06-02T08:59:59", "Tue 06-02 14:00"),
        ("2026-06-05T19:00:00", "Mon 06-08 14:00"),
        ("2026-06-06T09:00:00", "Mon 06-08 18:00"),
    ],
)
def test_the_evening_schedule_is_exact(sent, expected):
    assert due(talkspace(EVENING), sent) == expected


def test_a_letter_by_tuesday_noon_is_answered_by_thursday_five():
    tuesday = bands(("00:00", "12:00", 2, "17:00"), days=["tue"])
    table = (
        tuesday["target"]["bands"] + bands(("12:00", "24:00", 2, "17:00"), days=["tue"])["target"]["bands"]
    )
    table[1]["due_day_offset"] = 7  # what comes later is for the Thursday of the week after
    rules = rules_of(VALE_HOURS, target("cutoff_table", bands=table))
    assert due(rules, "2026-06-02T11:59:59") == "Thu 06-04 17:00"
    assert due(rules, "2026-06-02T12:00:00") == "Thu 06-11 17:00"
    assert due(rules, "2026-06-03T09:00:00") == "Thu 06-11 17:00"  # in no band: next Tuesday's


def test_a_table_counts_from_acceptance_and_may_run_out_before_the_opening():
    early = rules_of(
        weekly(NEW_YORK, (WORKDAYS, "15:00", "18:00")), bands(("00:00", "12:00", 0, "13:00"), days=WORKDAYS)
    )
    decision = client_sends(early, "2026-06-01T14:00")
    assert (decision.release_at, decision.reply_by) == (utc("2026-06-01T19:00"), utc("2026-06-01T17:00"))
    assert "runs_through_closed" in words_of(decision)


def test_a_band_that_the_clock_skips_does_not_happen():
    nightly = bands(("02:00", "03:00", 0, "12:00"), ("04:00", "05:00", 0, "20:00"), days=["sun"])
    rules = rules_of(weekly(NEW_YORK, (["sun"], "09:00", "12:00")), nightly)
    assert due(rules, "2026-03-08T01:30:00") == "Sun 03-08 20:00"
    assert due(rules, "2026-03-15T01:30:00") == "Sun 03-15 12:00"


def test_where_nothing_ever_opens_no_band_starts():
    decision = client_sends(rules_of(weekly(NEW_YORK), MORNING, policy("deliver_normal")), "2026-06-01T14:00")
    assert (decision.reply_by, "beyond_horizon" in words_of(decision)) == (None, True)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (("07:00", "11:00", 0, "10:59"), "response.target.due_time"),
        (("16:00", "07:00", 0, "19:00"), "response.target.due_time"),
        (("16:00", "07:00", 1, "06:59"), "response.target.due_time"),
        (("07:00", "07:00", 1, "10:00"), "response.target.until"),
        (("24:00", "07:00", 1, "10:00"), "response.target.from"),
        (("7:00", "11:00", 0, "12:00"), "response.target.from"),
        (("07:00", "11:00", -1, "12:00"), "response.target.target.bands[0].due_day_offset"),
    ],
)
def test_a_band_that_makes_no_sense_is_refused(row, field):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", [bands(row)])
    assert caught.value.field == field
    assert caught.value.mend


@pytest.mark.parametrize(
    ("first", "second", "days"),
    [
        (("07:00", "11:00", 1, "12:00"), ("10:59", "12:00", 1, "12:00"), WORKDAYS),
        (("07:00", "11:00", 1, "12:00"), ("22:00", "07:01", 1, "12:00"), WORKDAYS),
        (("22:00", "07:01", 1, "12:00"), ("07:00", "08:00", 1, "12:00"), ["sun", "mon"]),
    ],
)
def test_bands_that_overlap_are_refused_over_midnight_and_over_sunday_too(first, second, days):
    with pytest.raises(BadRule, match="two bands overlap"):
        Layer("therapist", [bands(first, second, days=days)])


# --- from a slot, to a session ---


def test_forty_eight_hours_after_the_slot():
    rules = rules_of(VALE_HOURS, US_HOLIDAYS, target("from_slot", weekday="mon", at="12:00", hours=48))
    assert due(rules, "2026-06-01T12:00:00") == "Wed 06-03 12:00"
    assert due(rules, "2026-06-01T12:00:01") == "Wed 06-10 12:00"
    assert due(rules, "2026-05-29T18:00:00") == "Wed 06-03 12:00"


def test_a_slot_on_a_closed_date_does_not_take_place():
    rules = rules_of(VALE_HOURS, US_HOLIDAYS, target("from_slot", weekday="fri", at="12:00", hours=24))
    assert due(rules, "2026-07-02T10:00:00") == "Sat 07-11 12:00"  # Friday 3 July is a holiday


def test_hours_after_a_slot_are_real_hours():
    rules = rules_of(VALE_HOURS, target("from_slot", weekday="sat", at="20:00", hours=24))
    assert due(rules, "2026-10-30T12:00:00") == "Sun 11-01 19:00"  # the clock goes back in that night


def test_what_is_kept_for_the_session_has_no_time_and_says_so():
    decision = client_sends(rules_of(VALE_HOURS, target("deferred_to_session")), "2026-06-01T14:00")
    assert decision.reply_by is None
    assert "deferred_to_session" in words_of(decision)
    with pytest.raises(BadRule, match=r"response\.target\.firm"):
        rules_of(VALE_HOURS, target("deferred_to_session") | {"firm": True})


# --- several targets ---

HOURS = {n: {"count": "wall_hours", "n": n} for n in (24, 36, 48, 72, 96)}
MANY: dict[str, Any] = {
    "kind": "response.target",
    "target": HOURS[24],
    "longer": [{"above_bytes": 4096, "target": HOURS[36]}, {"above_bytes": 16384, "target": HOURS[48]}],
    "by_role": {"prescriber": HOURS[72]},
    "by_kind": {"letter": HOURS[96], "structured": {"count": "none"}},
}


@pytest.mark.parametrize(
    ("attempt", "role", "hours", "field"),
    [
        ({"size": 4096}, "therapist", 24, "target"),
        ({"size": 4097}, "therapist", 36, "longer"),
        ({"size": 16385}, "therapist", 48, "longer"),
        ({"size": 16385}, "prescriber", 72, "by_role"),
        ({"size": 16385, "service_class": 4}, "prescriber", 96, "by_kind"),
        ({"service_class": 2}, "trainee", 24, "target"),
    ],
)
def test_the_target_that_says_more_of_the_message_holds(attempt, role, hours, field):
    rules = rules_of(VALE_HOURS, MANY, {"kind": "participants", "owner_role": role})
    decision = client_sends(rules, "2026-06-01T14:00", **attempt)
    assert decision.reply_by is not None and decision.accepted_at is not None
    assert (decision.reply_by - decision.accepted_at).total_seconds() == hours * 3600
    assert decision.by["reply_by"].field == field


def test_a_kind_without_a_target_of_its_own_is_promised_nothing():
    decision = client_sends(rules_of(VALE_HOURS, MANY), "2026-06-01T14:00", service_class=5)
    assert (decision.reply_by, "none" in words_of(decision)) == (None, True)


def test_a_message_that_expects_no_reply_has_a_time_only_where_its_kind_has_one():
    silent = client_sends(rules_of(VALE_HOURS, MANY), "2026-06-01T14:00", service_class=3)
    assert (silent.reply_by, "no_reply_expected" in words_of(silent)) == (None, True)
    answered = rules_of(VALE_HOURS, {"kind": "response.target", "by_kind": {"no_reply": HOURS[24]}})
    assert client_sends(answered, "2026-06-01T14:00", service_class=3).reply_by == utc("2026-06-02T14:00")


def test_a_kind_to_which_no_answer_is_agreed_has_a_time_only_where_one_is_set_for_it():
    quiet = {"kind": "kinds", "no_reply": ["logistics"]}
    silent = client_sends(rules_of(VALE_HOURS, quiet), "2026-06-01T14:00", service_class=2)
    assert (silent.reply_by, "no_reply_expected" in words_of(silent)) == (None, True)
    answered = {"kind": "response.target", "by_kind": {"logistics": HOURS[24]}}
    both = client_sends(rules_of(VALE_HOURS, quiet, answered), "2026-06-01T14:00", service_class=2)
    assert both.reply_by == utc("2026-06-02T14:00")


def test_lengths_out_of_order_are_refused():
    twisted = MANY | {"longer": list(reversed(MANY["longer"]))}
    with pytest.raises(BadRule, match=r"response\.target\.longer"):
        rules_of(VALE_HOURS, twisted)


def test_the_layer_that_set_the_target_of_a_kind_is_named():
    rules = rules_of(
        VALE_HOURS,
        {"kind": "response.target", "by_kind": {"letter": HOURS[96]}},
        practice=(target("wall_hours", n=24),),
    )
    assert client_sends(rules, "2026-06-01T14:00").by["reply_by"].origin == "practice"
    assert client_sends(rules, "2026-06-01T14:00", service_class=4).by["reply_by"].origin == "therapist"


def test_a_message_that_a_limit_keeps_back_counts_from_when_it_may_go():
    rules = rules_of(VALE_HOURS, target("wall_hours", n=24))
    later = client_sends(rules, "2026-06-01T14:00", Facts(), ready_at=utc("2026-06-03T14:00"))
    assert later.reply_by == utc("2026-06-04T14:00")


@pytest.mark.parametrize(
    ("promised", "field"),
    [
        (target("wall_hours", n=73), "target"),
        (target("business_days", n=4), "target"),
        (target("next_windows", n=4), "target"),
        (target("window_minutes", n=3 * 1440 + 1), "target"),
        (bands(("07:00", "11:00", 4, "15:00")), "target"),
        (target("from_slot", weekday="mon", at="12:00", hours=1), "target"),
        ({"kind": "response.target", "by_kind": {"letter": HOURS[96]}}, "by_kind.letter"),
        ({"kind": "response.target", "by_role": {"trainee": HOURS[96]}}, "by_role.trainee"),
        (
            {"kind": "response.target", "longer": [{"above_bytes": 1, "target": HOURS[96]}]},
            "longer[0].target",
        ),
    ],
)
def test_the_practice_bounds_every_target(promised, field):
    bound = ({"kind": "bounds", "max_target_days": 3},)
    with pytest.raises(BadRule) as caught:
        rules_of(VALE_HOURS, promised, practice=bound)
    assert caught.value.field == f"response.target.{field}"
    assert "the practice allows 3" in caught.value.problem
    assert rules_of(VALE_HOURS, target("wall_hours", n=72), practice=bound)


# --- "24 business hours" ---

FRIDAY = utc("2026-06-05T20:00")


def test_twenty_four_hours_have_four_readings_days_apart():
    found = readings(24, rules_of(VALE_HOURS).timetable, FRIDAY)
    assert found == [
        ({"count": "wall_hours", "n": 24}, utc("2026-06-06T20:00")),
        ({"count": "business_days", "n": 1, "at": "16:00"}, utc("2026-06-08T20:00")),
        ({"count": "business_days", "n": 1, "at": "end_of_last_segment"}, utc("2026-06-08T21:00")),
        ({"count": "window_minutes", "n": 1440}, utc("2026-06-10T20:00")),
    ]


def test_each_reading_is_a_target_that_decides_what_it_said():
    for document, promised in readings(48, rules_of(VALE_HOURS).timetable, FRIDAY):
        rules = resolve([Layer("therapist", [VALE_HOURS, {"kind": "response.target", "target": document}])])
        assert client_sends(rules, "2026-06-05T20:00").reply_by == promised


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ({"target": {"count": "business_hours", "n": 24}}, "target"),
        ({"target": {"count": "hours", "n": 24}}, "target"),
        ({"target": {"count": "business hours", "n": 24}}, "target"),
        ({"target": {"n": 24}}, "target"),
        ({"target": {"hours": 24}}, "target"),
        ({"target": 24}, "target"),
        ({"target": "24"}, "target"),
        ({"target": "24 business hours"}, "target"),
        ({"target": "24h"}, "target"),
        ({"by_kind": {"letter": {"count": "hours", "n": 24}}}, "by_kind.letter"),
        ({"by_role": {"trainee": 24}}, "by_role.trainee"),
        ({"longer": [{"above_bytes": 1, "target": {"count": "hours", "n": 24}}]}, "longer[0].target"),
    ],
)
def test_hours_alone_are_refused_with_the_four_meanings_and_their_dates(written, field):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", [{"kind": "response.target", **written}])
    assert caught.value.field == f"response.target.{field}"
    for shown in (
        '{"count": "wall_hours", "n": 24} Sat 6 Jun 2026 16:00',
        '{"count": "business_days", "n": 1, "at": "16:00"} Mon 8 Jun 2026 16:00',
        '{"count": "business_days", "n": 1, "at": "end_of_last_segment"} Mon 8 Jun 2026 17:00',
        '{"count": "window_minutes", "n": 1440} Wed 10 Jun 2026 16:00',
    ):
        assert shown in caught.value.mend


@pytest.mark.parametrize(
    "written", [None, [], True, {}, {"count": None}, {"count": 5, "n": 24}, "soon", {"count": "fortnights"}]
)
def test_other_nonsense_is_refused_without_a_guess(written):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", [{"kind": "response.target", "target": written}])
    assert "four meanings" not in caught.value.problem


# --- what holds for every target and all hours ---


def lot_of(seed: int) -> tuple[Rules, datetime, dict[str, Any]]:
    """Rules by lot near a change of the clock, an instant there, and the target."""
    lot = Lot(random.Random(seed), "America/New_York", utc("2026-11-01T06:00"))
    hours, wanted = lot.everything(), lot.target()
    practice = [{"kind": "bounds", "longest_closed_days": 400}, *hours.practice]
    own = [*hours.therapist, {"kind": "response.target", "target": wanted}]
    return resolve([Layer("practice", practice), Layer("therapist", own)]), lot.now(), wanted


seeds = st.integers(0, 2**32)


@given(seeds)
def test_a_reply_time_lies_ahead_and_within_the_horizon(seed):
    rules, now, wanted = lot_of(seed)
    decision = decide(rules, Attempt(now, by_client=True), Facts())
    if decision.reply_by is not None:
        assert now <= decision.reply_by <= now + timedelta(days=400)
        assert decision.by["reply_by"].field == "target"
        if wanted["count"] not in ("wall_hours", "cutoff_table"):
            assert decision.release_at is not None and decision.reply_by >= decision.release_at


@given(seeds, st.integers(0, 5000))
def test_who_writes_later_is_not_answered_earlier(seed, minutes):
    rules, now, wanted = lot_of(seed)
    if wanted["count"] == "cutoff_table":
        return  # its author sets what each band means
    first, second = (
        decide(rules, Attempt(at, by_client=True), Facts()).reply_by
        for at in (now, now + timedelta(minutes=minutes))
    )
    assert first is None or second is None or first <= second


@given(seeds)
def test_rules_by_lot_come_back_from_their_bytes_and_decide_the_same(seed):
    rules, now, _ = lot_of(seed)
    again = Rules.from_canonical(rules.canonical())
    assert again == rules
    attempt = Attempt(now, by_client=True)
    assert decide(again, attempt, Facts()) == decide(rules, attempt, Facts())


@given(seeds, st.integers(-5, 15))
def test_one_absence_more_releases_nothing_earlier(seed, offset):
    rules, now, _ = lot_of(seed)
    away = (now + timedelta(days=offset)).date()
    more = {"kind": "absence", "away_from": str(away), "back_on": str(away + timedelta(days=2))}
    entries = [*Rules(rules.entries).entries, Entry({"*": "exception"}, read_rule(more))]
    attempt = Attempt(now, by_client=True)
    before, after = (decide(one, attempt, Facts()).release_at for one in (rules, Rules(entries)))
    assert after is None or (before is not None and before <= after)
