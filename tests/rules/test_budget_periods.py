"""What holds of all budgets: room is found where it first is, and what is left adds up."""

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.rules import Attempt, Decision, Facts, Rules, decide
from etherapy.rules.budget_periods import Periods
from etherapy.rules.calendar import instant, milliseconds, zone
from etherapy.rules.rule import Counted
from tests.rules.spending import WEEK_OF_THREE, count, hart, open_with
from tests.rules.world import utc

PERIODS = st.sampled_from(
    [
        Periods("day", 0, zone("America/New_York")),
        Periods("week", 0, zone("Europe/London"), 6),
        Periods("month", 0, zone("Asia/Tokyo")),
        Periods("hours", 30, zone("Etc/UTC")),
    ]
)
START = milliseconds(utc("2026-03-01T00:00"))
INSTANTS = st.integers(0, 60 * 24 * 2).map(lambda half_hours: START + half_hours * 1_800_000)
USES = st.lists(st.tuples(INSTANTS, st.integers(1, 2)), max_size=12)


@given(PERIODS, USES, st.integers(1, 4), st.integers(1, 2), INSTANTS)
@settings(max_examples=200, deadline=None)
def test_the_first_room_is_one_and_no_earlier_instant_has_room(periods, uses, most, much, at):
    found, much = periods.room(uses, most, much, at), min(much, most)
    assert found >= at
    assert periods.spent(uses, found) + much <= most
    earlier = {at, *(when for when, _ in uses), *range(at, found, 6 * 3_600_000), found - 1}
    for one in earlier:
        if at <= one < found:
            assert periods.spent(uses, one) + much > most


@given(st.integers(1, 4), st.lists(st.integers(0, 60 * 24 * 12), max_size=10, unique=True))
@settings(max_examples=100, deadline=None)
def test_what_is_left_is_the_limit_less_what_counts_and_no_period_has_too_many(n, minutes):
    rules, again = open_with(count({"n": n, "per": "week"})), Periods("week", 0, zone("Europe/London"))
    rows: list[Counted] = []
    for minute in sorted(minutes):
        at = instant(START + minute * 60_000)
        decision = _sends(rules, at, rows)
        assert decision == _sends(rules, at, rows)  # a retry is the same question
        assert decision.counts_at is not None and decision.release_at == decision.counts_at
        rows.append(Counted(at, decision.counts_at))
        uses = [(milliseconds(row.counts_at), 1) for row in rows if row.counts_at is not None]
        spent = again.spent(uses, milliseconds(decision.counts_at))
        assert spent <= n
        assert decision.left == n - spent


@given(st.lists(st.integers(0, 60 * 24 * 12), min_size=2, max_size=10, unique=True), st.data())
@settings(max_examples=60, deadline=None)
def test_a_recall_never_makes_the_next_message_later(minutes, data):
    rows: list[Counted] = []
    rules = open_with(count({"n": 2, "per": "day"}, {"n": 3, "per": "hours", "hours": 60}))
    *earlier, last = sorted(minutes)
    for minute in earlier:
        at = instant(START + minute * 60_000)
        rows.append(Counted(at, _sends(rules, at, rows).counts_at))
    gone = data.draw(st.integers(0, len(rows) - 1))
    at = instant(START + last * 60_000)
    before, after = _sends(rules, at, rows), _sends(rules, at, rows[:gone] + rows[gone + 1 :])
    assert after.release_at is not None and before.release_at is not None
    assert after.release_at <= before.release_at


@given(INSTANTS, st.lists(INSTANTS, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_budget_never_releases_earlier_than_no_budget(at_ms, used):
    rows = [Counted(instant(one), instant(one)) for one in sorted(used)]
    free, limited = _sends(hart(), instant(at_ms), rows), _sends(hart(WEEK_OF_THREE), instant(at_ms), rows)
    assert free.release_at is not None and limited.release_at is not None
    assert limited.release_at >= free.release_at


def test_a_date_that_began_does_not_end_when_the_clock_is_turned_back_over_midnight():
    periods = Periods("day", 0, zone("America/St_Johns"))  # in 2010, at 0:01 the wall went back to 23:01
    midnight = milliseconds(utc("2010-11-07T02:30"))
    again_before_midnight = midnight + 15 * 60_000
    assert periods.spent([(midnight, 1)], again_before_midnight) == 1
    assert periods.room([(midnight, 1)], 1, 1, again_before_midnight) == milliseconds(utc("2010-11-08T03:30"))


def _sends(rules: Rules, at: datetime, rows: list[Counted]) -> Decision:
    return decide(rules, Attempt(at, by_client=True), Facts(sent=tuple(rows)))
