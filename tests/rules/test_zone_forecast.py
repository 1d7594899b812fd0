"""What zone data forecasts, and what newer data moves."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules.calendar import offset_at, zone, zone_names
from etherapy.rules.zone_forecast import FORECAST_DAYS, moved_spans, zone_forecast
from tests.rules.world import utc

SINCE = date(2026, 6, 1)
BEGINS = datetime(2026, 6, 1, tzinfo=UTC)
FORECAST = zone_forecast(SINCE)


@given(st.sampled_from(zone_names()), st.integers(0, FORECAST_DAYS * 1440 - 1))
def test_the_forecast_has_the_offset_of_each_minute(name, minutes):
    at = BEGINS + timedelta(minutes=minutes)
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    said = [offset for since, offset in FORECAST[name] if since <= ms][-1]
    assert timedelta(seconds=said) == offset_at(zone(name), at)


def test_new_york_changes_its_clock_at_the_known_instants():
    winter, spring = FORECAST["America/New_York"][1:3]
    assert winter == [int(utc("2026-11-01T06:00").timestamp()) * 1000, -5 * 3600]
    assert spring == [int(utc("2027-03-14T07:00").timestamp()) * 1000, -4 * 3600]


def test_equal_data_moves_nothing():
    assert all(moved_spans(one, one, utc("2028-01-01T00:00")) == [] for one in FORECAST.values())


def test_a_summer_time_that_ends_a_week_earlier_moves_that_week():
    new = FORECAST["America/New_York"]
    week = 7 * 86_400_000
    old = [new[0], [new[1][0] - week, new[1][1]], *new[2:]]
    begins, ends = utc("2026-10-25T06:00"), utc("2026-11-01T06:00")
    assert moved_spans(old, new, utc("2027-06-01T00:00")) == [(begins, ends)]
    assert moved_spans(old, new, utc("2026-10-26T00:00")) == [(begins, utc("2026-10-26T00:00"))]
    assert moved_spans(old, new, utc("2026-10-20T00:00")) == []


def test_a_forecast_that_was_made_earlier_is_compared_from_where_the_newer_begins():
    new = zone_forecast(date(2026, 11, 15))["America/New_York"]
    assert moved_spans(FORECAST["America/New_York"], new, utc("2027-06-01T00:00")) == []
