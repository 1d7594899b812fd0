"""The evening of the story is found from any date, and everything about it follows from the calendar."""

from datetime import UTC, datetime, timedelta

import pytest

from etherapy.cli.demo.evening import CLIENT_ZONE, THERAPIST_ZONE, choose_evening
from etherapy.rules.calendar import zone


def test_on_the_first_of_june_2026_it_is_the_evening_of_the_scenario():
    found = choose_evening(datetime(2026, 5, 28, 12, tzinfo=UTC))
    assert found.written_at == datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
    assert found.opens_at == datetime(2026, 6, 2, 13, tzinfo=UTC)
    assert found.reply_by == datetime(2026, 6, 3, 21, tzinfo=UTC)
    assert found.next_evening == datetime(2026, 6, 3, 3, 40, tzinfo=UTC)


@pytest.mark.parametrize("year", [2024, 2026, 2027, 2031])
def test_from_any_day_of_a_year_it_is_an_ordinary_monday_soon(year):
    for day in range(366):
        now = datetime(year, 1, 1, 4, 39, 59, tzinfo=UTC) + timedelta(days=day)
        found = choose_evening(now)
        local = found.written_at.astimezone(zone(CLIENT_ZONE))
        opens = found.opens_at.astimezone(zone(THERAPIST_ZONE))
        assert now < found.written_at <= now + timedelta(days=22)
        assert (local.weekday(), local.hour, local.minute) == (0, 22, 40)
        assert (opens.weekday(), opens.hour) == (1, 9)
        assert found.written_at < found.opens_at < found.next_evening
        assert found.opens_at < found.reply_by < found.opens_at + timedelta(days=2)


def test_a_monday_that_has_just_begun_its_evening_is_over():
    at = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
    assert choose_evening(at - timedelta(milliseconds=1)).written_at == at
    assert choose_evening(at).written_at == at + timedelta(days=7)
