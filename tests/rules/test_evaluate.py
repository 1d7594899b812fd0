"""`etherapy rules evaluate`: the conformance file, refusals, and files that are none."""

import json
import random
import time
from pathlib import Path

import pytest

from etherapy.rules.evaluate import NotSuchADocument, evaluate, evaluate_case

GOLDEN = Path(__file__).parent.parent / "golden" / "windows.json"
CASES = json.loads(GOLDEN.read_text("utf-8"))["cases"]

WINDOW = {"days": ["mon"], "start": "09:00", "end": "10:00"}
CASE = {
    "id": "x",
    "zone": "Europe/Paris",
    "weekly": [WINDOW],
    "exceptions": [],
    "now": "2026-11-24T09:30:00Z",
}


def exception(kind, date="2026-11-30", **windows):
    return [{"date": date, "kind": kind, **windows}]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_a_conformance_case_is_answered(case):
    answer = evaluate_case(case)
    assert answer.pop("id") == case["id"]
    assert answer == case["expected"]


def test_the_whole_file_is_answered_in_its_order_and_each_case_as_if_alone():
    results = evaluate(GOLDEN.read_bytes())["results"]
    assert results == [evaluate_case(case) for case in CASES]
    assert [result["id"] for result in results] == [case["id"] for case in CASES]


def test_cases_that_share_a_timetable_do_not_disturb_each_other():
    rng, cases = random.Random(7), CASES * 20
    rng.shuffle(cases)
    results = evaluate(json.dumps({"cases": cases}).encode())["results"]
    assert results == [{"id": case["id"], **case["expected"]} for case in cases]


def test_without_a_target_nothing_is_due():
    assert evaluate_case(CASE) == {
        "id": "x",
        "in_window": False,
        "next_open": "2026-11-30T08:00:00Z",
        "closes_at": "2026-11-30T09:00:00Z",
    }


def test_milliseconds_are_shown_only_where_there_are_any():
    answer = evaluate_case(CASE | {"now": "2026-11-30T08:30:00.250Z", "response_target_open_minutes": 10})
    assert answer["next_open"] == "2026-11-30T08:30:00.250Z"
    assert answer["response_due"] == "2026-11-30T08:40:00.250Z"
    assert answer["closes_at"] == "2026-11-30T09:00:00Z"


def test_an_instant_may_be_written_with_any_offset():
    assert (
        evaluate_case(CASE | {"now": "2026-11-30T10:00:00.000+01:30"})["next_open"] == "2026-11-30T08:30:00Z"
    )


def test_added_windows_open_a_date():
    answer = evaluate_case(
        CASE | {"exceptions": exception("add", "2026-11-28", windows=[{"start": "10:00", "end": "11:00"}])}
    )
    assert answer["next_open"] == "2026-11-28T09:00:00Z"


def test_open_day_and_night_closes_never():
    always = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}
    answer = evaluate_case(CASE | {"weekly": [always], "response_target_open_minutes": 400 * 1440})
    assert answer["closes_at"] is None
    assert answer["response_due"] == "2027-12-29T09:30:00Z"
    answer = evaluate_case(CASE | {"weekly": [always], "response_target_open_minutes": 400 * 1440 + 1})
    assert answer["response_due"] is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"zone": "Europe/Pariss"}, "zone"),
        ({"zone": None}, "zone"),
        ({"weekly": None}, "weekly"),
        ({"weekly": {}}, "weekly"),
        ({"weekly": [5]}, "weekly[0]"),
        ({"weekly": [WINDOW, WINDOW | {"end": "09:00"}]}, "weekly[1].end"),
        ({"weekly": [WINDOW | {"start": "24:00"}]}, "weekly[0].start"),
        ({"weekly": [WINDOW | {"start": "9:00"}]}, "weekly[0].start"),
        ({"weekly": [WINDOW | {"end": "24:01"}]}, "weekly[0].end"),
        ({"weekly": [WINDOW | {"end": "١٠:٠٠"}]}, "weekly[0].end"),
        ({"weekly": [WINDOW | {"end": None}]}, "weekly[0].end"),
        ({"weekly": [WINDOW | {"days": ["monday"]}]}, "weekly[0].days"),
        ({"weekly": [WINDOW | {"days": "mon"}]}, "weekly[0].days"),
        ({"weekly": [WINDOW | {"until": "12:00"}]}, "weekly[0]"),
        ({"exceptions": exception("closed", "2026-02-30")}, "exceptions[0].date"),
        ({"exceptions": exception("closed", "20261130")}, "exceptions[0].date"),
        ({"exceptions": exception("closed", None)}, "exceptions[0].date"),
        ({"exceptions": exception("closed") + exception("replace", windows=[])}, "exceptions[1].date"),
        ({"exceptions": exception("shut")}, "exceptions[0].kind"),
        ({"exceptions": exception("replace")}, "exceptions[0].windows"),
        ({"exceptions": exception("closed", windows=[WINDOW])}, "exceptions[0].windows"),
        (
            {"exceptions": exception("replace", windows=[WINDOW | {"days": ["tue"]}])},
            "exceptions[0].windows[0].days",
        ),
        (
            {"exceptions": exception("add", windows=[WINDOW | {"end": "09:00"}])},
            "exceptions[0].windows[0].end",
        ),
        ({"now": "2026-11-24T09:30:00"}, "now"),
        ({"now": "2026-11-24 09:30:00Z"}, "now"),
        ({"now": "2026-02-30T09:30:00Z"}, "now"),
        ({"now": "2026-11-24T09:30:60Z"}, "now"),
        ({"now": "2026-11-24T09:30:00.0001Z"}, "now"),
        ({"now": "1969-12-31T23:59:59Z"}, "now"),
        ({"now": "9999-12-31T23:59:59Z"}, "now"),
        ({"now": "0001-01-01T00:00:00+23:00"}, "now"),
        ({"now": 1_700_000_000}, "now"),
        ({"response_target_open_minutes": -1}, "response_target_open_minutes"),
        ({"response_target_open_minutes": 1.5}, "response_target_open_minutes"),
        ({"response_target_open_minutes": True}, "response_target_open_minutes"),
        ({"response_target_open_minutes": "90"}, "response_target_open_minutes"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused_and_the_others_still_run(change, field):
    document = json.dumps({"cases": [CASE | change, CASE]}).encode()
    refused, answered = evaluate(document)["results"]
    assert refused.keys() == {"id", "error"}
    assert refused["id"] == "x"
    assert refused["error"].startswith(f"{field}: ")
    assert "; " in refused["error"]
    assert answered == evaluate_case(CASE)


@pytest.mark.parametrize("case", [5, None, [], "x", {}, {"id": None}])
def test_a_case_without_a_name_is_refused(case):
    (refused,) = evaluate(json.dumps({"cases": [case]}).encode())["results"]
    assert refused["id"] is None
    assert refused["error"]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"cases":{}}',
        b'{"cases":[]} more',
        b'{"cases":[}',
        b'{"format":"etherapy-windows/2","cases":[]}',
        b'{"cases":[],"cases":[]}',
        b'{"cases":[{"id":"a","id":"b"}]}',
        b'{"cases":[{"id":"a","zone":"Etc/UTC","weekly":[{"start":"09:00","start":"10:00"}]}]}',
        b'{"cases":[{"id":"\xff"}]}',
        b'{"cases":[{"id":NaN}]}',
        b"\xef\xbb\xbf" + b'{"cases":[]}',
        b"[" * 100_000,
        b'{"cases":[' + b"[" * 100_000,
        b"\x00\x01\x02",
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(document):
    with pytest.raises(NotSuchADocument) as caught:
        evaluate(document)
    assert str(caught.value).startswith("not ")
    assert "\n" not in str(caught.value)


def test_spelling_of_text_does_not_make_twins():
    document = (
        b'{ "cases" : [ { "id" : "\\u00e9", "note": "a b", "zone": "Etc/UTC",'
        b' "weekly": [], "now": "2026-01-01T00:00:00Z" } ] }'
    )
    (answer,) = evaluate(document)["results"]
    assert answer == {"id": "é", "in_window": False, "next_open": None, "closes_at": None}


def test_many_cases_take_no_minutes():
    cases = [case | {"id": str(number)} for number in range(500) for case in CASES]
    document = json.dumps({"cases": cases}).encode()
    begun = time.perf_counter()
    assert len(evaluate(document)["results"]) == len(cases) == 12_000
    assert time.perf_counter() - begun < 6  # about a quarter of a second in truth
