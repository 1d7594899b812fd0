"""Timetables: fixed cases of odd clocks and dates, and what must hold for every policy."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.timetable import HORIZON_MS, Closing, Timetable
from etherapy.rules.windows import Span, joined, span_of
from tests.rules.world import utc

EVERY_DAY = range(7)
CLOSED = Closing("window.exception", "", "")


def table(zone: str, *windows: tuple[Any, str, str]) -> Timetable:
    """A timetable of (weekdays from 0, start, end)."""
    spans = [[span_of(start, end) for days, start, end in windows if day in days] for day in range(7)]
    return Timetable().with_weekly(zone, spans)


def spans_on(timetable: Timetable, day: str) -> list[tuple[str, str]]:
    shown = timetable.segments_of(date.fromisoformat(day))
    return [(f"{start:%m-%dT%H:%M}", f"{end:%m-%dT%H:%M}") for start, end in shown]


# --- fixed cases ---


def test_a_window_inside_the_gap_does_not_happen():
    nightly = table("Europe/London", (EVERY_DAY, "01:15", "01:45"))
    assert spans_on(nightly, "2026-03-29") == []
    assert nightly.next_open(utc("2026-03-29T00:30")) == utc("2026-03-30T00:15")


def test_windows_on_both_sides_of_the_gap_touch():
    split = table("Europe/London", (EVERY_DAY, "00:30", "01:15"), (EVERY_DAY, "01:45", "03:00"))
    assert spans_on(split, "2026-03-29") == [("03-29T00:30", "03-29T02:00")]


def test_half_an_hour_on_lord_howe():
    early = table("Australia/Lord_Howe", (EVERY_DAY, "01:00", "03:00"))
    assert spans_on(early, "2026-10-04") == [("10-03T14:30", "10-03T16:00")]
    assert spans_on(early, "2026-04-05") == [("04-04T14:00", "04-04T16:30")]


def test_two_hours_at_troll():
    early = table("Antarctica/Troll", (EVERY_DAY, "00:30", "04:00"))
    assert spans_on(early, "2026-03-29") == [("03-29T00:30", "03-29T02:00")]
    assert spans_on(early, "2026-10-25") == [("10-24T22:30", "10-25T04:00")]


def test_a_change_at_midnight_does_not_split_the_night():
    night = table("Asia/Beirut", (EVERY_DAY, "22:00", "02:00"))
    assert spans_on(night, "2026-10-24") == [("10-24T19:00", "10-25T00:00")]
    assert spans_on(night, "2026-03-28") == [("03-28T20:00", "03-28T23:00")]


def test_a_date_that_the_zone_skipped_has_no_segments():
    daily = table("Pacific/Apia", (EVERY_DAY, "09:00", "17:00"))
    assert spans_on(daily, "2011-12-30") == []
    assert daily.next_open(utc("2011-12-30T03:00")) == utc(
        "2011-12-30T19:00"
    )  # Thursday is over; then Saturday


def test_a_night_into_a_skipped_date_ends_with_the_date():
    night = table("Pacific/Apia", ([3], "22:00", "03:00"))
    assert spans_on(night, "2011-12-29") == [("12-30T08:00", "12-30T10:00")]


def test_a_quarter_hour_offset():
    assert spans_on(table("Asia/Kathmandu", (EVERY_DAY, "09:15", "09:45")), "2026-11-24") == [
        ("11-24T03:30", "11-24T04:00")
    ]
    assert spans_on(table("Pacific/Chatham", (EVERY_DAY, "02:45", "04:00")), "2026-09-27") == [
        ("09-26T14:00", "09-26T14:15")
    ]


def test_the_clocks_of_two_countries_part_for_three_weeks():
    hours = table("America/New_York", (EVERY_DAY, "09:00", "17:00"))
    assert hours.next_open(utc("2026-03-07T05:00")) == utc("2026-03-07T14:00")
    assert hours.next_open(utc("2026-03-09T05:00")) == utc("2026-03-09T13:00")


# --- single dates ---

NIGHTS = table("Europe/Paris", (EVERY_DAY, "20:00", "02:00"))


def test_a_closed_date_masks_the_tail_of_the_night_before_and_its_own_night():
    closed = NIGHTS.with_closed({date(2026, 12, 25): CLOSED})
    assert spans_on(closed, "2026-12-24") == [("12-24T19:00", "12-24T23:00")]
    assert spans_on(closed, "2026-12-25") == []
    assert spans_on(closed, "2026-12-26") == [("12-26T19:00", "12-27T01:00")]


def test_a_replaced_date_leaves_the_tail_of_the_night_before():
    replaced = NIGHTS.with_replaced([date(2026, 12, 25)], [])
    assert spans_on(replaced, "2026-12-24") == [("12-24T19:00", "12-25T01:00")]
    assert spans_on(replaced, "2026-12-25") == []


def test_an_added_window_stands_besides_the_weekly_ones():
    added = NIGHTS.with_added([date(2026, 12, 25)], [span_of("09:00", "10:00"), span_of("19:00", "21:00")])
    assert spans_on(added, "2026-12-25") == [("12-25T08:00", "12-25T09:00"), ("12-25T18:00", "12-26T01:00")]


def test_a_replaced_date_lifts_a_holiday_but_no_closed_date():
    day, hours = date(2026, 12, 25), [span_of("10:00", "12:00")]
    assert spans_on(NIGHTS.with_holidays({day: CLOSED}).with_replaced([day], hours), "2026-12-25") == [
        ("12-25T09:00", "12-25T11:00")
    ]
    assert spans_on(NIGHTS.with_replaced([day], hours).with_closed({day: CLOSED}), "2026-12-25") == []


def test_an_added_window_opens_a_closed_date():
    day, hours = date(2026, 12, 25), [span_of("10:00", "12:00")]
    for closed in (NIGHTS.with_closed({day: CLOSED}), NIGHTS.with_holidays({day: CLOSED})):
        assert spans_on(closed.with_added([day], hours), "2026-12-25") == [("12-25T09:00", "12-25T11:00")]
        assert spans_on(closed.with_added([day], hours), "2026-12-24") == [("12-24T19:00", "12-24T23:00")]


def test_the_end_is_outside_and_the_start_inside():
    hours = table("Etc/UTC", (EVERY_DAY, "09:00", "17:00"))
    assert hours.is_open(utc("2026-06-01T09:00:00"))
    assert hours.is_open(utc("2026-06-01T16:59:59.999"))
    assert not hours.is_open(utc("2026-06-01T17:00:00"))
    assert not hours.is_open(utc("2026-06-01T08:59:59.999"))


def test_open_day_and_night_never_closes():
    always = table("Europe/Paris", (EVERY_DAY, "00:00", "24:00"))
    assert always.is_open(utc("2026-03-29T00:59"))
    assert always.closes_at(utc("2026-06-01T12:00")) is None
    assert always.with_closed({date(2026, 12, 25): CLOSED}).closes_at(utc("2026-06-01T12:00")) == utc(
        "2026-12-24T23:00"
    )


def test_the_horizon_is_four_hundred_days():
    at = utc("2026-06-01T00:00")
    last = Timetable().with_added([date(2027, 7, 6)], [(0, 60)])
    assert last.next_open(at) == at + timedelta(days=400)
    assert last.closes_at(at) is None
    assert last.next_open(at - timedelta(milliseconds=1)) is None
    assert last.after_open_minutes(at, 0) == at + timedelta(days=400)
    assert last.after_open_minutes(at, 1) is None


def test_fifty_windows_and_two_hundred_exceptions_are_quick():
    windows = [
        (EVERY_DAY, f"{m // 60:02d}:{m % 60:02d}", f"{m // 60:02d}:{m % 60 + 10:02d}")
        for m in range(0, 1440, 30)
    ]
    busy = table("Europe/Paris", *windows)
    busy = busy.with_closed({date(2026, 6, 1) + timedelta(days=2 * offset): CLOSED for offset in range(200)})
    import time

    begun = time.perf_counter()
    assert busy.after_open_minutes(utc("2026-06-01T12:00"), 5000) is not None
    assert time.perf_counter() - begun < 0.05  # milliseconds in truth; the margin is for busy machines


# --- what holds for every policy ---

ZONES = [
    *("Europe/London", "America/New_York", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Beirut"),
    *("America/Havana", "Asia/Kolkata", "Pacific/Chatham", "Africa/Casablanca", "America/Santiago"),
]
CHANGES = [utc(f"2026-{md}T00:00") for md in ("03-08", "03-29", "04-05", "04-24", "10-04", "10-25", "11-01")]
spans = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda p: (p[0], p[0] + p[1]))
weeks = st.lists(st.lists(spans, max_size=2), min_size=7, max_size=7)
days = st.integers(-3, 5)
MONDAYS = [date(2026, 1, 5).toordinal() + 7 * number for number in range(8)]
seldom = st.tuples(spans, st.integers(2, 8), st.sampled_from(MONDAYS))
rare = st.lists(st.lists(seldom, max_size=1), min_size=7, max_size=7)


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    near = draw(st.sampled_from(CHANGES))
    return near + timedelta(minutes=draw(st.integers(-2880, 2880)), milliseconds=draw(st.integers(0, 59_999)))


@st.composite
def timetables(draw: st.DrawFn) -> tuple[Timetable, datetime]:
    """A timetable with exceptions near an instant, which is near a change of some clock."""
    at = draw(instants())
    zone, era = draw(st.sampled_from(ZONES)), (at + timedelta(days=draw(days))).date()
    timetable = Timetable().with_weekly(zone, draw(weeks), draw(rare), ends=era)
    timetable = timetable.with_weekly(zone, draw(weeks), draw(rare), begins=era)
    for offset in draw(st.sets(days, max_size=3)):
        day = (at + timedelta(days=offset)).date()
        what = draw(st.sampled_from(["closed", "replaced", "added"]))
        if what == "closed":
            timetable = timetable.with_closed({day: CLOSED})
        elif what == "replaced":
            timetable = timetable.with_replaced([day], draw(st.lists(spans, max_size=2)))
        else:
            timetable = timetable.with_added([day], draw(st.lists(spans, max_size=2)))
    return timetable, at


def _week(timetable: Timetable) -> list[list[Span]]:
    """What is open in each week of the first era."""
    return [list(spans) for spans in timetable._weekly[0].every]


def _with_week(timetable: Timetable, zone: str, week: list[list[Span]]) -> Timetable:
    """The same timetable with another week in the first era."""
    first, *rest = timetable._weekly
    first = first._replace(every=tuple(joined(spans) for spans in week))
    dated = timetable._closed, timetable._holidays, timetable._replaced, timetable._added
    return Timetable(zone, (first, *rest), *dated)


def _at_or_before(first: datetime | None, second: datetime | None) -> bool:
    return second is None or (first is not None and first <= second)


@given(timetables())
def test_it_is_open_exactly_when_the_next_opening_is_now(asked):
    timetable, at = asked
    inside = any(start <= at < end for start, end in timetable.merged_from(at))
    assert timetable.is_open(at) == inside == (timetable.next_open(at) == at)


@given(timetables())
def test_the_next_opening_is_open_and_is_its_own_next_opening(asked):
    timetable, at = asked
    opens = timetable.next_open(at)
    if opens is not None:
        assert at <= opens <= at + timedelta(milliseconds=HORIZON_MS)
        assert timetable.is_open(opens)
        assert timetable.next_open(opens) == opens


@given(timetables(), st.integers(0, 10_000))
def test_the_next_opening_never_goes_back(asked, later):
    timetable, at = asked
    assert _at_or_before(timetable.next_open(at), timetable.next_open(at + timedelta(minutes=later)))


@given(timetables())
def test_it_closes_where_it_says_and_not_before(asked):
    timetable, at = asked
    opens, closes = timetable.next_open(at), timetable.closes_at(at)
    if opens is not None and closes is not None:
        assert opens < closes
        assert not timetable.is_open(closes)
        assert timetable.is_open(closes - timedelta(milliseconds=1))
        assert timetable.closes_at(opens) == closes


@given(timetables(), st.integers(0, 6), spans, st.integers(0, 2000))
def test_one_window_more_closes_nothing_and_delays_nothing(asked, weekday, span, minutes):
    timetable, at = asked
    week = _week(timetable)
    week[weekday].append(span)
    more = _with_week(timetable, timetable.zone_name, week)
    assert more.is_open(at) or not timetable.is_open(at)
    assert _at_or_before(more.next_open(at), timetable.next_open(at))
    assert _at_or_before(more.after_open_minutes(at, minutes), timetable.after_open_minutes(at, minutes))


@given(timetables(), days, st.integers(0, 3000))
def test_one_closed_date_more_opens_nothing(asked, offset, minutes):
    timetable, at = asked
    closed = timetable.with_closed({(at + timedelta(days=offset)).date(): CLOSED})
    probe = at + timedelta(minutes=minutes)
    assert timetable.is_open(probe) or not closed.is_open(probe)


@given(timetables(), st.integers(0, 6), st.data())
def test_a_window_in_two_pieces_is_the_same_window(asked, weekday, data):
    timetable, at = asked
    week = _week(timetable)
    if week[weekday]:
        start, end = week[weekday].pop()
        cut = data.draw(st.integers(start, end))
        week[weekday] += [(start, cut), (cut, end)] if cut < 1440 else [(start, end)]
        split = _with_week(timetable, timetable.zone_name, week)
        for ask in (Timetable.is_open, Timetable.next_open, Timetable.closes_at):
            assert ask(split, at) == ask(timetable, at)


@given(st.lists(spans, max_size=5), st.randoms())
def test_the_order_of_windows_does_not_matter(listed, rng):
    shuffled = list(listed)
    rng.shuffle(shuffled)
    assert joined(shuffled) == joined(listed)


@given(timetables(), st.integers(0, 3000), st.integers(1, 3000))
def test_open_minutes_add_up(asked, first, second):
    timetable, at = asked
    both, half = timetable.after_open_minutes(at, first + second), timetable.after_open_minutes(at, first)
    if both is not None and half is not None:
        assert timetable.after_open_minutes(half, second) == both


@given(timetables(), st.integers(1, 3000))
def test_open_minutes_are_real_minutes_of_open_time(asked, minutes):
    timetable, at = asked
    due = timetable.after_open_minutes(at, minutes)
    if due is not None:
        counted = sum(
            (min(end, due) - max(start, at) for start, end in timetable.merged_from(at) if start < due),
            timedelta(),
        )
        assert counted == timedelta(minutes=minutes)


@given(timetables(), st.sampled_from(ZONES))
def test_how_an_instant_is_written_does_not_matter(asked, zone):
    from etherapy.rules.calendar import zone as zone_of

    timetable, at = asked
    there = at.astimezone(zone_of(zone))
    assert timetable.next_open(there) == timetable.next_open(at)
    assert timetable.is_open(there) == timetable.is_open(at)


@given(timetables())
def test_the_fold_of_an_instant_in_utc_does_not_matter(asked):
    timetable, at = asked
    for ask in (Timetable.is_open, Timetable.next_open, Timetable.closes_at, Timetable.opening):
        assert ask(timetable, at.replace(fold=1)) == ask(timetable, at)


@given(timetables(), st.integers(0, 10_000))
def test_nothing_is_answered_beyond_the_horizon(asked, minutes):
    timetable, at = asked
    found = (timetable.next_open(at), timetable.closes_at(at), timetable.after_open_minutes(at, minutes))
    assert all(one is None or at <= one <= at + timedelta(milliseconds=HORIZON_MS) for one in found)


@given(timetables(), st.lists(instants(), min_size=1, max_size=5))
def test_many_instants_are_answered_as_each_alone(asked, instants_asked):
    timetable, _ = asked
    together = [timetable.next_open(at) for at in instants_asked]
    alone = [
        _with_week(timetable, timetable.zone_name, _week(timetable)).next_open(at) for at in instants_asked
    ]
    assert together == alone


@given(timetables())
def test_a_timetable_that_was_asked_before_answers_the_same(asked):
    timetable, at = asked
    fresh = _with_week(timetable, timetable.zone_name, _week(timetable))
    for hours in (0, 100, -100):
        timetable.closes_at(at + timedelta(hours=hours))
    assert fresh.next_open(at) == timetable.next_open(at)
    assert fresh.closes_at(at) == timetable.closes_at(at)


@given(st.integers(0, 52), weeks)
@settings(max_examples=30)
def test_zones_of_one_offset_have_the_same_timetable(week_number, week):
    at = utc("2026-01-05T03:00") + timedelta(weeks=week_number)
    one = Timetable().with_weekly("Asia/Kolkata", week)
    other = Timetable().with_weekly("Asia/Colombo", week)
    assert one.next_open(at) == other.next_open(at)
    assert one.closes_at(at) == other.closes_at(at)


@pytest.mark.parametrize("host", ["Pacific/Apia", "Etc/UTC", "America/St_Johns"])
def test_the_host_s_own_zone_does_not_matter(host, monkeypatch):
    import time

    monkeypatch.setenv("TZ", host)
    time.tzset()
    try:
        hours = table("Europe/London", (EVERY_DAY, "01:30", "03:00"))
        assert hours.next_open(utc("2026-03-28T23:50")) == utc("2026-03-29T01:00")
        assert milliseconds(instant(0)) == 0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_opening_is_where_the_segment_begins_that_lasts_or_comes_next() -> None:
    weekdays = table("America/New_York", (range(5), "09:00", "17:00"))
    nine = utc("2026-06-02T13:00")
    assert weekdays.opening(nine - timedelta(hours=5)) == nine
    assert weekdays.opening(nine) == weekdays.opening(nine + timedelta(hours=7, minutes=59)) == nine
    assert weekdays.opening(nine + timedelta(hours=8)) == nine + timedelta(days=1)
    assert table("Etc/UTC").opening(nine) is None
