"""Rules that change while a message waits (S-9), and the same answer in every process."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.rules import Attempt, BadRule, Facts, Layer, Rules, decide, resolve
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import KINDS
from etherapy.rules.replacing import take_place
from etherapy.rules.replay import keep_decision
from etherapy.rules.rule import Counted
from tests.rules.world import (
    US_HOLIDAYS,
    VALE,
    VALE_HOURS,
    client_sends,
    policy,
    rules_of,
    target,
    utc,
    weekly,
    words_of,
)

# --- S-9 ---

REST = [US_HOLIDAYS, target("business_days", n=1, at="end_of_last_segment"), policy("hold_with_ack")]
FEWER = weekly("America/New_York", (["tue", "thu"], "13:00", "17:00"))
V4 = rules_of(VALE_HOURS | {"ends": "2026-09-14"}, FEWER | {"begins": "2026-09-14"}, *REST)
HELD = client_sends(VALE, "2026-09-11T22:30")
APPROVED = utc("2026-09-12T19:10")


def weighed_again(rules: Rules):
    return decide(rules, Attempt(APPROVED, by_client=True, ready_at=APPROVED), Facts())


def test_s9_the_promise_of_friday_is_that_of_version_three():
    assert (HELD.release_at, HELD.reply_by) == (utc("2026-09-14T13:00"), utc("2026-09-15T21:00"))


def test_s9_version_four_alone_would_promise_later_and_the_promise_is_kept():
    fresh = weighed_again(V4)
    assert (fresh.release_at, fresh.reply_by) == (utc("2026-09-15T17:00"), utc("2026-09-17T21:00"))
    kept = take_place(HELD, fresh)
    assert (kept.release_at, kept.reply_by) == (HELD.release_at, HELD.reply_by)
    assert "kept_first_time" in words_of(kept)


def test_s9_a_new_message_of_monday_is_judged_by_version_four():
    new = client_sends(V4, "2026-09-14T14:00")
    assert (new.release_at, new.reply_by) == (utc("2026-09-15T17:00"), utc("2026-09-17T21:00"))


def test_s9_before_monday_version_three_still_holds():
    assert client_sends(V4, "2026-09-11T18:00").code == "at_once"


def test_s9_an_extra_opening_on_sunday_brings_it_forward():
    extra = {
        "kind": "window.exception",
        "date": "2026-09-13",
        "effect": "add",
        "windows": [{"start": "15:00", "end": "16:00"}],
    }
    fresh = weighed_again(rules_of(VALE_HOURS, *REST, extra))
    assert (fresh.release_at, fresh.reply_by) == (utc("2026-09-13T19:00"), utc("2026-09-14T21:00"))
    moved = take_place(HELD, fresh)
    assert (moved.release_at, moved.reply_by) == (fresh.release_at, fresh.reply_by)


# --- dates with which nothing can be counted ---


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9900-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    ("document", "field"),
    [
        (VALE_HOURS | {"begins": "DAY"}, "window.weekly.begins"),
        ({"kind": "window.exception", "date": "DAY", "effect": "closed"}, "window.exception.date"),
        (US_HOLIDAYS | {"dates": [{"date": "DAY"}]}, "holiday.calendar.dates[0].date"),
        ({"kind": "budget.exchange", "exchanges": 3, "package_from": "DAY"}, "budget.exchange.package_from"),
        (
            {"kind": "phase", "phases": [{"name": "standard"}, {"name": "closing", "announced": "DAY"}]},
            "phase.phases[1].announced",
        ),
    ],
)
def test_a_date_that_is_too_far_away_is_refused_by_its_field(document, field, day):
    text = canonical_json(document).decode().replace("DAY", day)
    with pytest.raises(BadRule) as refused:
        rules_of(VALE_HOURS | {"zone": "Asia/Kolkata"}, practice=(json.loads(text),))
    assert refused.value.field == field
    assert "1900 to 9899" in refused.value.mend


def test_bytes_that_hold_such_a_date_are_no_rules():
    early = rules_of(VALE_HOURS, policy("hold") | {"begins": "2026-06-01"}).canonical()
    with pytest.raises(BadRule):
        Rules.from_canonical(early.replace(b"2026-06-01", b"0001-01-01"))


# --- the zone ---


@pytest.mark.parametrize("when", [{"begins": "2026-07-01"}, {"ends": "2026-07-01"}])
def test_a_zone_for_some_dates_is_refused_as_it_would_move_the_hours_of_all(when):
    tokyo = {"kind": "window.weekly", "zone": "Asia/Tokyo"}
    with pytest.raises(BadRule) as refused:
        rules_of(tokyo | when, practice=(VALE_HOURS,))
    assert refused.value.field == "window.weekly.zone"
    assert rules_of(tokyo, practice=(VALE_HOURS,)).timetable.zone_name == "Asia/Tokyo"


# --- one answer everywhere ---


def everything() -> Rules:
    """Something of every kind, in its layer, with the fields that it cannot do without."""
    needed = {
        "window.weekly": VALE_HOURS,
        "window.exception": {"date": "2026-06-05", "effect": "closed", "label": "Fête – staff day"},
        "holiday.calendar": US_HOLIDAYS,
        "absence": {"away_from": "2026-08-10", "back_on": "2026-08-12"},
        "pause": {"by": "client", "since": "2026-06-09T00:00:00Z", "until": "2026-06-10T00:00:00Z"},
        "budget.count": {"limits": [{"n": 4, "per": "week"}, {"n": 2, "per": "hours", "hours": 30}]},
        "budget.length": {"message_bytes": 2048, "over": "count_double"},
        "pacing": {"min_interval_minutes": 20, "recall_minutes": 5, "reflection_hours": 2},
        "pacing.escalation": {"most": 2},
        "therapist.outbound": {"quiet_start": "20:00", "quiet_end": "08:00"},
        "ack": {"on": ["off_hours", "over_budget", "first_of_turn"]},
    }
    said: dict[str, list[dict]] = {"practice": [], "therapist": [], "agreement": [], "client": []}
    for name, kind in KINDS.items():
        layer = next(one for one in ("agreement", "therapist", "practice", "client") if one in kind.layers)
        said[layer].append({**needed.get(name, {}), "kind": name})
    return resolve([Layer(name, documents, 1) for name, documents in said.items()])


def all_answers() -> str:
    """A hash of the rules and of what they decide in a fortnight."""
    rules, digest = everything(), hashlib.sha256()
    digest.update(rules.canonical())
    for number in range(60):
        at = utc("2026-06-01T03:10") + timedelta(hours=7 * number)
        sent = tuple(Counted(at - timedelta(hours=n), at - timedelta(hours=n), size=900) for n in (9, 5, 1))
        for by_client in (True, False):
            decision = decide(rules, Attempt(at, by_client, size=3000), Facts(sent=sent))
            digest.update(keep_decision(decision))
    return digest.hexdigest()


@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "America/New_York", "LC_ALL": "de_DE.UTF-8"},
    ],
)
def test_another_process_with_other_surroundings_gives_the_same_bytes(surroundings):
    said = subprocess.run(
        [sys.executable, "-c", "from tests.rules.test_rule_change import all_answers; print(all_answers())"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == all_answers()
