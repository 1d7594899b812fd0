"""Rules against the minute scanner: some zones by lot in each run, and some odd ones always."""

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from etherapy.rules import timetable, windows
from etherapy.rules.targets import CutoffTable, FromSlot
from tests.rules.differential import Lot, compare, run
from tests.rules.scanner import Hours, Scanner, Stretch, Unclear, all_zones, reply
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
    found = compare(Stretch.around(zone, utc(middle)), utc(middle), rng, 150)
    assert found == [], f"ETHERAPY_SEED={SEED}"


def test_zones_by_lot_agree_with_the_scanner():
    rng, compared = random.Random(SEED), 0
    zones = all_zones()
    while compared < 2000:
        count, found = run(rng.choice(zones), utc("2026-01-01T00:00"), 3, 100, rng)
        assert found == [], f"ETHERAPY_SEED={SEED}"
        compared += count


MADRID = utc("2026-10-25T01:00")


def test_the_scanner_would_notice_another_clock():
    """The same comparison with a scanner that follows the face of the moment must find differences."""
    stretch = Stretch.around("Europe/Madrid", MADRID)
    for number in range(len(stretch.faces)):
        at = stretch.start + timedelta(minutes=number)
        stretch.faces[number] = int(at.timestamp() // 60) + (120 if at < MADRID else 60)
    assert len(compare(stretch, MADRID, random.Random(1), 400)) > 5


BROKEN: list[tuple[Any, str, Any]] = [
    (windows.RecurringWindow, "monday", property(lambda self: self.anchor.toordinal())),
    (timetable.Timetable, "is_closed_date", lambda self, ordinal: ordinal in self._closed),
    (CutoffTable, "due", lambda self, begun, base, table: table.next_open_ms(begun)),
    (FromSlot, "due", lambda self, begun, base, table: base and base + self.hours * 3_600_000),
]


@pytest.mark.parametrize(("where", "name", "wrong"), BROKEN, ids=[one[1] for one in BROKEN])
def test_the_scanner_would_notice_another_law(where, name, wrong, monkeypatch):
    """Every kind of time that is wrong in the product makes differences."""
    stretch = Stretch.around("Europe/Madrid", MADRID)
    monkeypatch.setattr(where, name, wrong)
    assert compare(stretch, MADRID, random.Random(SEED), 400) != []


def test_the_lot_draws_every_kind_of_time_and_the_scanner_says_something_of_each():
    rng, stretch = random.Random(SEED), Stretch.around("Europe/Madrid", MADRID)
    lot, said = Lot(rng, "Europe/Madrid", MADRID), set()
    for _ in range(400):
        hours, target = lot.everything(), lot.target()
        said |= {one["kind"] for one in (*hours.practice, *hours.therapist)}
        said |= {"ranges" for one in hours.therapist if "through" in one}
        said |= {"eras" for one in hours.therapist if "begins" in one}
        try:
            due = reply(Scanner(stretch, hours), target, (MADRID - stretch.start) // timedelta(minutes=1))
        except Unclear:
            continue
        if due is not None:
            said.add(target["count"])
    assert said == {
        *("window.weekly", "window.exception", "holiday.calendar", "absence", "ranges", "eras"),
        *("window_minutes", "business_days", "next_windows", "wall_hours", "cutoff_table", "from_slot"),
    }


def test_the_scanner_sees_the_hours_of_a_plain_monday():
    plain = Hours(
        [], [{"kind": "window.weekly", "windows": [{"days": ["mon"], "start": "09:00", "end": "17:00"}]}]
    )
    scanner = Scanner(Stretch.around("Etc/UTC", utc("2026-06-01T00:00")), plain)
    monday = scanner.stretch.faces.index(scanner.stretch.faces[0] // 1440 * 1440 + 4 * 1440)
    assert scanner.stretch.at(scanner.open_from(monday, 1)) == utc("2026-06-01T09:00")
