"""Holidays: lists that a person has read, exceptions over several dates, hours of every n-th week."""

import json
import subprocess
import sys
from datetime import date
from importlib import metadata
from typing import Any

import pytest
from click.testing import CliRunner

from etherapy.cli.rules.holidays import holiday_rule, making
from etherapy.cli.saying import Refusal
from etherapy.rules import BadRule, Layer
from tests.rules.world import ENGLAND_HOLIDAYS, VALE_HOURS, WORKDAYS, client_sends, rules_of, utc, weekly

REVIEWED = {"reviewed_by": "Ruth", "reviewed_on": "2026-01-05"}


def dates_of(country: str, subdivision: str, years: list[int], observed: str = "observed") -> dict[str, str]:
    document = holiday_rule(country, subdivision, years, observed)
    return {one["date"]: one["label"] for one in document["dates"]}


# --- the command, with the library as it is ---


def test_a_saturday_holiday_of_the_united_states_is_observed_on_the_friday():
    found = dates_of("US", "", [2026])
    assert found["2026-07-03"] == "Independence Day (observed)"
    assert "2026-07-04" not in found
    assert found["2026-10-12"] == "Columbus Day"


def test_a_saturday_holiday_of_england_is_observed_on_the_monday():
    found = dates_of("GB", "ENG", [2026, 2027])
    assert "2026-12-28" in found and "2026-12-26" not in found
    assert "2027-12-27" in found and "2027-12-28" in found
    assert "2027-12-25" not in found and "2027-12-26" not in found
    listed: Any = ENGLAND_HOLIDAYS["dates"]
    assert {one["date"] for one in listed} <= set(found) | {"2026-01-01"}


def test_the_weekend_day_itself_is_closed_when_asked_for():
    both = dates_of("US", "", [2026], "both")
    assert "2026-07-03" in both and "2026-07-04" in both
    actual = dates_of("US", "", [2026], "actual")
    assert "2026-07-03" not in actual and "2026-07-04" in actual


def test_a_saturday_holiday_that_is_observed_nowhere_else_stays():
    assert "2026-10-03" in dates_of("DE", "BE", [2026])


def test_a_list_carries_country_years_and_the_version_of_the_library():
    version = metadata.version("holidays")
    document = holiday_rule("US", "NY", [2026, 2027], "observed")
    assert document["snapshot"] == f"us-ny-2026-2027-holidays-{version}"
    assert document["source"] == f"holidays {version}"
    assert document["jurisdictions"] == ["US-NY"]
    assert holiday_rule("US", "", [2026, 2028], "observed")["snapshot"].startswith("us-2026+2028-")
    assert {one["date"][:4] for one in document["dates"]} == {"2026", "2027"}


def test_the_command_prints_a_rule_that_is_refused_until_somebody_has_read_it():
    printed = CliRunner().invoke(making, ["us", "--subdivision", "ny", "--years", "2026", "2027"])
    assert printed.exit_code == 0
    unread = json.loads(printed.stdout)
    assert "Read each of them" in printed.stderr
    with pytest.raises(BadRule) as caught:
        Layer("practice", [unread])
    assert caught.value.field == "holiday.calendar.reviewed_by"
    assert "read it through" in caught.value.mend
    printed = CliRunner().invoke(making, ["us", "--years", "2026", "--reviewed-by", "Ruth"])
    read = json.loads(printed.stdout)
    assert read["reviewed_by"] == "Ruth" and date.fromisoformat(read["reviewed_on"])
    rules = rules_of(VALE_HOURS, practice=(read,))
    assert client_sends(rules, "2026-07-02T21:00").release_at == utc("2026-07-06T13:00")


def test_an_unknown_country_or_part_is_refused_with_what_there_is():
    with pytest.raises(Refusal, match="no holidays are known of QQ"):
        holiday_rule("QQ", "", [2026], "observed")
    with pytest.raises(Refusal, match="GB has no part XX") as caught:
        holiday_rule("GB", "XX", [2026], "observed")
    assert "ENG" in caught.value.mend


def test_without_the_library_the_extra_is_named():
    script = (
        "import sys; sys.modules['holidays'] = None;"
        "from etherapy.cli.main import run; sys.exit(run(['rules', 'holidays', 'US', '--years', '2026']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'etherapy[holidays]'" in done.stderr


# --- lists as rules ---

LIST: dict[str, Any] = {
    "kind": "holiday.calendar",
    "snapshot": "us-2026",
    "source": "holidays 0.86",
    "dates": [{"date": "2026-07-03", "label": "Independence Day (observed)"}, {"date": "2026-10-12"}],
}


@pytest.mark.parametrize("said", [{}, {"reviewed_by": "Ruth"}, {"reviewed_on": "2026-01-05"}])
def test_a_list_from_a_library_is_refused_until_it_says_who_read_it_and_when(said):
    with pytest.raises(BadRule, match=r"holiday\.calendar\.reviewed_by: nobody has read this list"):
        Layer("practice", [LIST | said])
    assert Layer("practice", [LIST | REVIEWED])


def test_a_list_written_by_hand_needs_no_review():
    assert Layer("practice", [{**LIST, "source": ""}])


def test_a_date_that_is_left_out_of_a_list_is_open():
    rules = rules_of(VALE_HOURS, LIST | REVIEWED | {"exclude": ["2026-10-12"]})
    assert client_sends(rules, "2026-10-12T15:00").code == "at_once"
    assert client_sends(rules, "2026-07-03T15:00").release_at == utc("2026-07-06T13:00")
    with pytest.raises(BadRule, match=r"holiday\.calendar\.exclude"):
        Layer("practice", [LIST | REVIEWED | {"exclude": ["2026-10-13"]}])


# --- exceptions over several dates ---


def exception(
    first: str, effect: str, *windows: tuple[str, str], through: str | None = None
) -> dict[str, Any]:
    listed = [{"start": start, "end": end} for start, end in windows]
    return {
        "kind": "window.exception",
        "date": first,
        "effect": effect,
        "windows": listed,
        **({"through": through} if through else {}),
    }


def test_a_range_holds_through_its_last_date():
    rules = rules_of(VALE_HOURS, exception("2026-06-02", "closed", through="2026-06-04"))
    assert client_sends(rules, "2026-06-01T22:00").release_at == utc("2026-06-05T13:00")
    shorter = rules_of(
        VALE_HOURS, exception("2026-06-02", "replace", ("12:00", "13:00"), through="2026-06-03")
    )
    assert client_sends(shorter, "2026-06-01T22:00").release_at == utc("2026-06-02T16:00")
    assert client_sends(shorter, "2026-06-02T22:00").release_at == utc("2026-06-03T16:00")
    assert client_sends(shorter, "2026-06-03T22:00").release_at == utc("2026-06-04T13:00")


def test_the_stronger_layer_replaces_whatever_the_ranges_begin_with():
    """The therapist's range begins before that of the practice, and after it in the second case."""
    for first, through in (("2026-06-01", "2026-06-03"), ("2026-06-02", "2026-06-04")):
        rules = rules_of(
            VALE_HOURS,
            exception(first, "replace", ("15:00", "16:00"), through=through),
            practice=(exception("2026-06-02", "replace", ("07:00", "08:00"), through="2026-06-03"),),
        )
        assert client_sends(rules, "2026-06-02T03:40").release_at == utc("2026-06-02T19:00")


def test_two_ranges_of_one_layer_that_share_a_date_are_refused():
    one = exception("2026-06-02", "closed", through="2026-06-04")
    for other in ("2026-06-02", "2026-06-03", "2026-06-04"):
        with pytest.raises(BadRule, match=r"two rules of kind window\.exception"):
            Layer("therapist", [one, exception(other, "replace")])
    assert Layer("therapist", [one, exception("2026-06-05", "replace")])


@pytest.mark.parametrize("through", ["2026-06-02", "2026-06-01", "2026-08-01"])
def test_a_range_has_two_to_sixty_dates(through):
    with pytest.raises(BadRule, match=r"window\.exception\.through"):
        Layer("therapist", [exception("2026-06-02", "replace", through=through)])
    assert Layer("therapist", [exception("2026-06-02", "replace", through="2026-07-31")])


def test_a_long_closed_range_is_an_absence():
    with pytest.raises(
        BadRule, match=r"window\.exception\.through: closes 8 dates, and the practice allows 7"
    ):
        rules_of(VALE_HOURS, exception("2026-06-02", "closed", through="2026-06-09"))
    assert rules_of(VALE_HOURS, exception("2026-06-02", "closed", through="2026-06-08"))


# --- every n-th week ---


def every(n: int, anchor: str | None, day: str = "mon") -> dict[str, Any]:
    window: dict[str, Any] = {"days": [day], "start": "09:00", "end": "10:00", "every_n_weeks": n}
    return {
        "kind": "window.weekly",
        "zone": "Etc/UTC",
        "windows": [window | ({"anchor": anchor} if anchor else {})],
    }


@pytest.mark.parametrize("anchor", ["2026-06-01", "2026-06-07", "2026-06-15", "2026-05-20", "2025-12-31"])
def test_every_second_week_is_counted_from_the_week_of_the_anchor(anchor):
    rules = rules_of(every(2, anchor))
    assert client_sends(rules, "2026-06-01T10:00").release_at == utc("2026-06-15T09:00")
    assert client_sends(rules, "2026-06-14T23:59").release_at == utc("2026-06-15T09:00")
    assert client_sends(rules, "2026-05-19T00:00").release_at == utc("2026-06-01T09:00")


def test_windows_of_every_week_and_of_some_weeks_stand_beside_each_other():
    both = every(3, "2026-06-01")
    both["windows"].append({"days": ["mon"], "start": "09:30", "end": "11:00"})
    table = rules_of(both).timetable
    assert table.segments_of(date(2026, 6, 1)) == ((utc("2026-06-01T09:00"), utc("2026-06-01T11:00")),)
    assert table.segments_of(date(2026, 6, 8)) == ((utc("2026-06-08T09:30"), utc("2026-06-08T11:00")),)
    assert table.segments_of(date(2026, 6, 22)) == ((utc("2026-06-22T09:00"), utc("2026-06-22T11:00")),)


@pytest.mark.parametrize(
    ("n", "anchor", "field"),
    [
        (2, None, "window.weekly.anchor"),
        (1, "2026-06-01", "window.weekly.anchor"),
        (9, "2026-06-01", "window.weekly.windows[0].every_n_weeks"),
        (0, None, "window.weekly.windows[0].every_n_weeks"),
    ],
)
def test_a_week_to_count_from_is_needed_and_only_then(n, anchor, field):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", [every(n, anchor)])
    assert caught.value.field == field


def test_the_practice_can_want_so_many_windows_in_every_week():
    bound = ({"kind": "bounds", "min_windows_per_week": 2},)
    with pytest.raises(BadRule, match=r"window\.weekly\.windows: 0 windows in each week.* wants 2"):
        rules_of(every(2, "2026-06-01"), practice=bound)
    assert rules_of(weekly("Etc/UTC", (WORKDAYS[:2], "09:00", "10:00")), practice=bound)


def test_a_plain_window_is_written_as_before():
    shown = rules_of(weekly("Etc/UTC", (["mon"], "09:00", "10:00"))).canonical()
    assert b'{"days":["mon"],"end":"10:00","start":"09:00"}' in shown
