"""Rules of several kinds about one message: limits and covers, declines and their ends, reasons and times."""

import time
from datetime import timedelta

import pytest

from etherapy.rules import Facts, Layer, Rules, resolve
from etherapy.rules.calendar import milliseconds
from etherapy.rules.explain import Parties, explain_to_client
from etherapy.rules.resolved import Cover
from etherapy.rules.rule import Counted
from tests.rules.world import VALE_HOURS, client_sends, policy, rules_of, target, utc, weekly

AWAY = {"kind": "absence", "away_from": "2026-08-10", "back_on": "2026-08-24", "planned": False}
LIND = rules_of(
    weekly("America/Chicago", (["mon", "tue", "wed", "thu"], "10:00", "15:00")),
    target("business_days", n=1, at="end_of_last_segment"),
)
READING = "2026-08-17T16:00"  # Monday 11:00 in Chicago, while Dr Vale is away
DECLINES = policy("decline_keep_draft") | {"other_route": "call the office"}
THREE = {"kind": "budget.count", "limits": [{"n": 3, "per": "week"}]}


def covered(therapist: list[dict], agreement: list[dict]) -> Rules:
    """Dr Vale is away, and Dr Lind reads for this client."""
    rules = resolve([Layer("therapist", [VALE_HOURS, AWAY, *therapist], 3), Layer("agreement", agreement, 2)])
    since, until = milliseconds(utc("2026-08-07T16:00")), milliseconds(utc("2026-08-24T04:00"))
    return rules.covered_by([Cover("1d" * 16, "Dr Lind", since, until, LIND.entries)])


def used(*moments: str) -> Facts:
    return Facts(sent=tuple(Counted(utc(at), utc(at)) for at in moments))


# --- limits are those of the thread, whoever reads ---


def test_a_message_that_a_cover_reads_counts_in_the_budget_of_the_thread():
    decision = client_sends(covered([], [THREE]), READING, used("2026-08-17T15:30"))
    assert decision.cover is not None and decision.code == "at_once"
    assert (decision.left, decision.counts_at) == (1, utc(READING))
    assert decision.by["left"].origin == "agreement/2"


def test_a_cover_does_not_lift_the_budget_of_the_thread():
    facts = used("2026-08-17T15:00", "2026-08-17T15:10", "2026-08-17T15:20")
    decision = client_sends(covered([], [THREE]), READING, facts)
    assert decision.not_before == utc("2026-08-24T04:00")
    assert decision.release_at == utc("2026-08-24T13:00")
    assert decision.cover is None


def test_a_budget_of_days_lets_the_cover_read_on_the_next_one():
    a_day = {"kind": "budget.count", "limits": [{"n": 1, "per": "day"}]}
    decision = client_sends(covered([], [a_day]), READING, used("2026-08-17T15:00"))
    assert decision.cover is not None
    assert decision.release_at == utc("2026-08-18T15:00")
    assert decision.by["not_before"].kind == "budget.count"


def test_what_the_owner_would_decline_for_the_hour_is_read_by_a_cover():
    decision = client_sends(covered([DECLINES], []), READING)
    assert (decision.code, decision.release_at) == ("at_once", utc(READING))
    assert decision.cover is not None


def test_a_pause_declines_whoever_covers():
    pause = {"kind": "pause", "by": "both", "since": "2026-08-15T00:00:00Z", "until": "2026-08-20T00:00:00Z"}
    decision = client_sends(covered([], [pause]), READING)
    assert (decision.code, decision.cover) == ("declined", None)


# --- from when on a declined message would be taken ---


def test_where_one_rule_cannot_say_until_when_it_declines_no_other_one_says_it():
    pause = {"kind": "pause", "by": "client", "since": "2026-06-01T00:00:00Z"}
    rules = resolve([Layer("therapist", [VALE_HOURS, DECLINES]), Layer("client", [pause])])
    decision = client_sends(rules, "2026-06-02T03:40")
    assert (decision.code, decision.retry_from) == ("declined", None)
    assert "retry_from" not in decision.by


def test_too_long_a_message_is_not_promised_to_be_taken_in_the_next_period():
    length = {
        "kind": "budget.length",
        "message_bytes": 4096,
        "period_bytes": 8192,
        "period_over": "decline_keep_draft",
    }
    facts = Facts(sent=(Counted(utc("2026-06-02T14:00"), utc("2026-06-02T14:00"), size=8000),))
    decision = client_sends(rules_of(VALE_HOURS, length), "2026-06-02T15:00", facts, size=5000)
    assert (decision.code, decision.retry_from) == ("declined", None)


def test_where_nothing_is_taken_outside_the_hours_the_end_of_a_pause_means_the_next_opening():
    pause = {
        "kind": "pause",
        "by": "client",
        "since": "2026-06-01T00:00:00Z",
        "until": "2026-06-06T12:00:00Z",
    }
    rules = resolve([Layer("therapist", [VALE_HOURS, DECLINES]), Layer("client", [pause])])
    decision = client_sends(rules, "2026-06-02T15:00")
    assert decision.retry_from == utc("2026-06-08T13:00")
    assert client_sends(rules, "2026-06-08T13:00").code == "at_once"
    assert client_sends(rules, "2026-06-06T12:00").code == "declined"


# --- each time has its reason ---


def test_a_replacement_that_still_waits_for_a_limit_does_not_say_that_nothing_keeps_it_back():
    rules = rules_of(VALE_HOURS, THREE)
    decision = client_sends(rules, "2026-06-02T15:00", ready_at=utc("2026-06-03T15:00"))
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-03T15:00"))
    for field in ("code", "release_at", "not_before"):
        assert decision.by[field].words == "still_kept"
        assert decision.by[field] in decision.because
    lines = explain_to_client(decision, rules, Parties("Dr Vale", "America/New_York"))
    assert lines[0] == "It waits as long as the message before it."


def test_a_notice_that_waits_for_the_end_of_quiet_hours_says_so():
    rest = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
    rules = rules_of(VALE_HOURS, policy("deliver_normal"), rest)
    decision = client_sends(rules, "2026-06-03T03:10")
    assert decision.notice_at == utc("2026-06-03T12:00")
    assert (decision.by["notice_at"].kind, decision.by["notice_at"].words) == (
        "therapist.outbound",
        "told_later",
    )


# --- nothing is slow ---


@pytest.mark.parametrize(
    "documents",
    [
        [{"kind": "budget.count", "limits": [{"n": 1000, "per": "hours", "hours": 2400}]}],
        [
            {"kind": "budget.count", "limits": [{"n": 9, "per": "hours", "hours": 240}]},
            {"kind": "pacing", "coalesce_minutes": 30},
        ],
    ],
)
def test_thousands_of_messages_before_it_keep_nobody_waiting(documents):
    begun = utc("2026-05-01T00:00")
    moments = [begun + timedelta(minutes=number) for number in range(4000)]
    facts = Facts(sent=tuple(Counted(at, at, turn=nr // 9) for nr, at in enumerate(moments)))
    rules, started = rules_of(VALE_HOURS, *documents), time.process_time()
    assert client_sends(rules, "2026-05-06T00:00", facts).not_before is not None
    assert time.process_time() - started < 1


def test_years_of_absences_are_compiled_in_one_go():
    first = utc("2026-01-01T00:00").date()
    away = [
        AWAY
        | {
            "away_from": str(first + timedelta(days=400 * number)),
            "back_on": str(first + timedelta(days=400 * number + 400)),
        }
        for number in range(400)
    ]
    started = time.process_time()
    assert client_sends(rules_of(VALE_HOURS, *away), "2026-06-02T15:00").code == "no_future_window"
    assert time.process_time() - started < 3
