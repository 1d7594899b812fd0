"""The longest wait to an answer: as a look at every single minute finds it, however the rules are."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etherapy.rules import Attempt, Facts, Layer, Rules, decide, resolve
from etherapy.rules.longest_wait import Wait, longest_wait
from tests.rules.test_cover import COVERED, covered
from tests.rules.world import HART, NIGHT_LINE, VALE, VALE_HOURS, policy, rules_of, target, utc, weekly

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def by_every_minute(rules: Rules, since, until) -> Wait | None:
    """What the exact search must find, slowly."""
    found, at = None, since
    while at < until:
        decision = decide(rules, Attempt(at, by_client=True, size=256), Facts())
        wait = Wait(at, decision.reply_by)
        if decision.code != "declined" and (found is None or wait.lasts > found.lasts):
            found = wait
        at += timedelta(minutes=1)
    return found


def same(exact: Wait | None, slow: Wait | None) -> bool:
    if exact is None or slow is None:
        return exact is slow
    return exact.lasts == slow.lasts


@pytest.mark.parametrize(
    ("rules", "sent", "reply"),
    [
        (VALE, "2026-06-04T21:00", "2026-06-08T21:00"),  # Thursday's end, answered at Monday's
        (HART, "2026-06-03T11:00", "2026-06-08T11:00"),
        (NIGHT_LINE, "2026-06-07T05:01", "2026-06-14T02:01"),  # a minute more than fits before it closes
    ],
)
def test_the_longest_wait_is_found_to_the_minute(rules, sent, reply):
    found = longest_wait(rules, utc("2026-06-01T00:00"), utc("2026-06-29T00:00"))
    assert found == Wait(utc(sent), utc(reply))


def test_s3_a_month_before_christmas_the_gap_is_in_sight():
    found = longest_wait(HART, utc("2026-11-23T00:00"), utc("2026-12-24T00:00"))
    assert found == Wait(utc("2026-12-23T12:00"), utc("2027-01-04T12:00"))


def test_a_wait_without_an_end_is_the_longest():
    rules = rules_of(weekly("America/New_York"))
    found = longest_wait(rules, utc("2026-06-01T00:00"), utc("2026-06-02T00:00"))
    assert found == Wait(utc("2026-06-01T00:00"), None)


def test_a_search_that_begins_between_two_minutes_stays_inside():
    since = utc("2026-06-02T03:40:30.500")
    found = longest_wait(VALE, since, since + timedelta(minutes=2))
    assert found is not None
    assert since <= found.sent_at < since + timedelta(minutes=2)


def test_a_cover_shortens_the_wait():
    since, until = utc("2026-08-12T00:00"), utc("2026-08-15T00:00")
    exact = longest_wait(COVERED, since, until)
    assert same(exact, by_every_minute(COVERED, since, until))
    alone = longest_wait(COVERED.covered_by([]), since, until)
    assert exact is not None
    assert alone is not None
    assert exact.lasts < alone.lasts


@pytest.mark.parametrize("theirs", [target("wall_hours", n=20), target("window_minutes", n=333)])
def test_an_answer_that_no_longer_fits_before_a_cover_ends_is_a_turning_point(theirs):
    until = utc("2026-08-13T17:37")
    lind = rules_of(weekly("America/Chicago", (DAYS, "08:00", "16:00")), theirs)
    rules = covered(COVERED.covered_by([]), lind, utc("2026-08-10T00:00"), until)
    since, last = utc("2026-08-12T16:00"), utc("2026-08-13T18:00")
    assert same(longest_wait(rules, since, last), by_every_minute(rules, since, last))


wall_times = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02d}:{quarter % 4 * 15:02d}")


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[str], str, str]:
    start, end = draw(st.lists(wall_times, min_size=2, max_size=2, unique=True))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True))
    return days, start, end


@st.composite
def targets(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["window_minutes", "business_days", "next_windows", "wall_hours"]))
    if kind == "window_minutes":
        return target(kind, n=draw(st.integers(0, 2000)))
    if kind == "business_days":
        at = draw(st.one_of(st.just("end_of_last_segment"), wall_times))
        return target(kind, n=draw(st.integers(0, 3)), at=at)
    return target(kind, n=draw(st.integers(1, 4)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(windows(), min_size=1, max_size=3),
    targets(),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.sampled_from(["hold", "hold_with_ack", "deliver_normal"]),
    st.sampled_from([0, 45]),
    st.sampled_from(["2026-10-31T12:00", "2026-04-04T01:00", "2026-06-02T03:41"]),
)
def test_no_minute_has_a_longer_wait(week, reply, place, off_hours, recall, since):
    pacing = {"kind": "pacing", "recall_minutes": recall}
    rules = rules_of(weekly(place, *week), reply, policy(off_hours), *([pacing] if recall else []))
    begin = utc(since)
    end = begin + timedelta(hours=36)
    assert same(longest_wait(rules, begin, end), by_every_minute(rules, begin, end))


WORKDAYS = DAYS[:5]
BANDS = [
    ("07:05", "11:00", 0, "15:00"),
    ("11:00", "16:20", 0, "19:00"),
    ("16:20", "07:05", 1, "10:00"),
]
TABLE = [
    {"days": WORKDAYS, "from": first, "until": last, "due_day_offset": offset, "due_time": due}
    for first, last, offset, due in BANDS
]
FROM_SLOT = target("from_slot", weekday="wed", at="12:10", hours=48)
PAUSE = {"kind": "pause", "by": "both", "since": "2026-06-01T11:07:00Z", "until": "2026-06-03T15:33:00Z"}


@pytest.mark.parametrize(
    "written",
    [
        (target("business_days", n=1, at="11:15"),),
        (target("cutoff_table", bands=TABLE), policy("deliver_normal")),
        (FROM_SLOT,),
        ({"kind": "response.target", "by_kind": {"message": {"count": "window_minutes", "n": 607}}},),
    ],
)
def test_times_of_day_slots_and_open_minutes_are_turning_points(written):
    rules = rules_of(VALE_HOURS, *written)
    begin, end = utc("2026-06-02T10:00"), utc("2026-06-04T03:00")
    assert same(longest_wait(rules, begin, end), by_every_minute(rules, begin, end))


def test_what_cannot_be_sent_waits_for_nothing():
    rules = resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", [PAUSE])])
    begin, end = utc("2026-06-01T11:07"), utc("2026-06-03T15:33")
    assert longest_wait(rules, begin, end) is None
    later = end + timedelta(hours=3)
    exact = longest_wait(rules, begin, later)
    assert exact is not None
    assert exact.sent_at == end
    assert same(exact, by_every_minute(rules, begin, later))
