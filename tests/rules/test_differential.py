"""Timetables against the minute scanner: some zones by lot in each run, and some odd ones always."""

import os
import random
from datetime import timedelta

import pytest

from tests.rules.differential import Stretch, all_zones, changes, compare, scan
from tests.rules.world import utc

SEED = int(os.environ.get("ETHERAPY_SEED") or random.SystemRandom().randrange(2**32))

ODD_CHANGES = [
    ("Australia/Lord_Howe", "2026-04-04T15:00"),  # half an hour
    ("Antarctica/Troll", "2026-10-25T01:00"),  # two hours
    ("Asia/Beirut", "2026-10-24T21:00"),  # at midnight, back into the day before
    ("Africa/Cairo", "2026-04-23T22:00"),  # at midnight, so that the date begins at one
    ("Pacific/Apia", "2011-12-30T10:00"),  # a date that does not exist
    ("Pacific/Chatham", "2026-09-26T14:00"),  # a quarter of an hour
    ("America/Nuuk", "2026-03-29T01:00"),  # an hour before midnight
    ("America/St_Johns", "2010-11-07T02:31"),  # a minute past midnight
]


@pytest.mark.parametrize(("zone", "middle"), ODD_CHANGES)
def test_odd_clocks_agree_with_the_scanner(zone, middle):
    rng = random.Random(SEED)
    assert compare(Stretch.around(zone, utc(middle)), utc(middle), rng, 150) == [], f"ETHERAPY_SEED={SEED}"


def test_zones_by_lot_agree_with_the_scanner():
    rng, compared = random.Random(SEED), 0
    start = utc("2026-01-01T00:00") + timedelta(days=rng.randrange(730))
    for zone in rng.sample(all_zones(), 60):
        for middle in list(changes(zone, start, start + timedelta(days=200)))[:1]:
            found = compare(Stretch.around(zone, middle), middle, rng, 100)
            assert found == [], f"ETHERAPY_SEED={SEED}"
            compared += 100
    assert compared >= 500


def test_the_scanner_would_notice():
    """The same comparison with a scanner that follows the face of the moment must find differences."""
    middle = utc("2026-10-25T01:00")
    stretch = Stretch.around("Europe/Madrid", middle)
    for number in range(len(stretch.faces)):
        at = stretch.start + timedelta(minutes=number)
        stretch.faces[number] = int(at.timestamp() // 60) + (120 if at < middle else 60)
    assert len(compare(stretch, middle, random.Random(1), 400)) > 5


def test_the_scanner_itself_reads_a_plain_day_rightly():
    from tests.rules.differential import Policy

    stretch = Stretch.around("Etc/UTC", utc("2026-06-03T00:00"))
    policy = Policy([{"days": ["wed"], "start": "09:00", "end": "17:00"}], [])
    answers = scan(stretch, policy, utc("2026-06-02T20:00"), 60)
    assert (answers.in_window, answers.next_open) == (False, utc("2026-06-03T09:00"))
    assert (answers.closes_at, answers.response_due) == (utc("2026-06-03T17:00"), utc("2026-06-03T10:00"))
