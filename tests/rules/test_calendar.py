"""Walls and instants, from the pinned zone data."""

import hashlib
import struct
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise

import pytest

from etherapy.rules import BadRule
from etherapy.rules.calendar import (
    day_bounds,
    even_midnight,
    first_instant,
    instant,
    milliseconds,
    tzdata_checksum,
    tzdata_version,
    wall_minute,
    zone,
    zone_names,
)
from tests.rules.scanner import clock_of
from tests.rules.world import utc


def at_wall(name: str, day: str, minute: int) -> datetime:
    return instant(first_instant(zone(name), wall_minute(date.fromisoformat(day).toordinal(), minute)))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "america/new_york", "../etc/passwd", "EST ", "Europe"])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(BadRule) as caught:
        zone(name)
    assert caught.value.field == "zone"
    assert caught.value.mend.startswith("write an IANA name such as ")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("europe/london", "Europe/London"), ("new york", "America/New_York"), ("Kathmandu", "Asia/Kathmandu")],
)
def test_a_zone_that_is_nearly_right_is_named(wrong, right):
    with pytest.raises(BadRule, match=right):
        zone(wrong)


def test_zones_come_from_the_package_and_never_from_the_system():
    script = (
        "import zoneinfo; zoneinfo.reset_tzpath(to=['/nowhere']);"
        "import builtins; opened = []; real = builtins.open;"
        "builtins.open = lambda f, *a, **k: (opened.append(str(f)), real(f, *a, **k))[1];"
        "from etherapy.rules.calendar import zone, offset_at; from datetime import datetime, UTC;"
        "print(offset_at(zone('America/Vancouver'), datetime(2027, 1, 1, tzinfo=UTC)));"
        "assert not [f for f in opened if 'zoneinfo' in f and 'tzdata' not in f], opened"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "-1 day, 17:00:00"  # British Columbia stopped changing clocks in 2026


def test_the_edition_is_that_of_the_installed_package():
    year, letter = tzdata_version()[:4], tzdata_version()[4]
    assert version("tzdata") == f"{year}.{ord(letter) - ord('a') + 1}"


def test_the_checksum_covers_each_zone():
    assert len(tzdata_checksum()) == len(hashlib.sha256().hexdigest())
    script = "from etherapy.rules.calendar import tzdata_checksum; print(tzdata_checksum())"
    again = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == tzdata_checksum()
    assert len(zone_names()) > 590


def test_a_wall_time_in_the_gap_is_the_first_instant_after_it():
    assert at_wall("Europe/London", "2026-03-29", 90) == utc("2026-03-29T01:00")
    assert at_wall("Europe/London", "2026-03-29", 60) == utc("2026-03-29T01:00")
    assert at_wall("Europe/London", "2026-03-29", 59) == utc("2026-03-29T00:59")
    assert at_wall("Europe/London", "2026-03-29", 120) == utc("2026-03-29T01:00")


def test_a_repeated_wall_time_is_its_first_pass():
    assert at_wall("America/New_York", "2026-11-01", 90) == utc("2026-11-01T05:30")
    assert at_wall("America/New_York", "2026-11-01", 120) == utc("2026-11-01T07:00")


def test_half_an_hour_is_skipped_on_lord_howe():
    assert at_wall("Australia/Lord_Howe", "2026-10-04", 135) == utc("2026-10-03T15:30")
    assert at_wall("Australia/Lord_Howe", "2026-10-04", 150) == utc("2026-10-03T15:30")


def test_two_hours_are_skipped_at_troll():
    assert at_wall("Antarctica/Troll", "2026-03-29", 61) == utc("2026-03-29T01:00")
    assert at_wall("Antarctica/Troll", "2026-03-29", 180) == utc("2026-03-29T01:00")


def test_a_date_may_begin_at_one_o_clock():
    assert day_bounds("Africa/Cairo", date(2026, 4, 24)) == (utc("2026-04-23T22:00"), utc("2026-04-24T21:00"))


def test_a_date_that_the_zone_skipped_has_no_length():
    assert day_bounds("Pacific/Apia", date(2011, 12, 30)) == (
        utc("2011-12-30T10:00"),
        utc("2011-12-30T10:00"),
    )


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Antarctica/Troll", date(2026, 10, 25), 26),
        ("Atlantic/Azores", date(2026, 10, 25), 25),
        ("Asia/Beirut", date(2026, 10, 24), 25),
    ],
)
def test_a_date_lasts_as_long_as_the_clock_makes_it(name, day, hours):
    start, end = day_bounds(name, day)
    assert end - start == timedelta(hours=hours)


def test_wall_times_never_go_back():
    for name in ("Europe/London", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Beirut", "America/Havana"):
        zero = wall_minute(date(2026, 3, 1).toordinal())
        passes = [first_instant(zone(name), zero + minute) for minute in range(0, 60 * 24 * 270, 15)]
        assert all(a <= b for a, b in pairwise(passes))


def test_the_shortcut_of_even_days_agrees_with_the_walls():
    rules_out, checked = 0, 0
    for name in zone_names()[::7]:
        for ordinal in range(date(2026, 1, 1).toordinal(), date(2027, 1, 1).toordinal(), 3):
            midnight = even_midnight(zone(name), ordinal)
            if midnight is None:
                rules_out += 1
                continue
            checked += 1
            for minute in (0, 725, 1440, 2879):
                expected = first_instant(zone(name), wall_minute(ordinal, minute))
                assert midnight + minute * 60_000 == expected, (name, ordinal, minute)
    assert rules_out > 20
    assert checked > 5000


def explicit_changes(name: str) -> list[int]:
    """Seconds since 1970 at which the zone's file says that the clock changes (RFC 8536, version 2)."""
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    ut, std, leap, times, types, letters = struct.unpack(">6l", data[20:44])
    second = 44 + times * 5 + types * 6 + letters + leap * 8 + std + ut
    (count,) = struct.unpack(">l", data[second + 32 : second + 36])
    return list(struct.unpack(f">{count}q", data[second + 44 : second + 44 + 8 * count]))


def test_no_zone_changes_its_clock_twice_within_six_days():
    """The shortcut of even days relies on it. After the explicit changes there are at most two in a year."""
    total = 0
    for name in zone_names():
        since_1970 = [seconds for seconds in explicit_changes(name) if seconds >= 0]
        total += len(since_1970)
        assert all(b - a > 6 * 86_400 for a, b in pairwise(since_1970)), name
    assert total > 10_000


def test_instants_keep_their_milliseconds():
    at = datetime(2026, 6, 2, 3, 40, 0, 123_000, tzinfo=UTC)
    assert instant(milliseconds(at)) == at
    assert milliseconds(at.astimezone(clock_of("Asia/Kathmandu"))) == milliseconds(at)
    with pytest.raises(TypeError):
        milliseconds(at.replace(tzinfo=None))
