"""Whole policies and messages in a file, decisions out: the second conformance format of `rules evaluate`."""

import json
from pathlib import Path
from typing import Any

import pytest

from etherapy.rules import Attempt, Facts, decide
from etherapy.rules.decision_cases import shown
from etherapy.rules.evaluate import NotSuchADocument, evaluate
from tests.rules.world import VALE, VALE_HOURS, policy, utc

GOLDEN = Path(__file__).parent.parent / "golden" / "decisions.json"
DOCUMENT = json.loads(GOLDEN.read_text("utf-8"))
EXPECTED = {case["id"]: case["expected"] for case in DOCUMENT["cases"]}
RESULTS = {result["id"]: result for result in evaluate(GOLDEN.read_bytes())["results"]}
CASE: dict[str, Any] = {"id": "x", "policy": [VALE_HOURS], "attempt": {"at": "2026-06-02T03:40:00Z"}}


def answered(*cases, **policies):
    document = {"format": "etherapy-decisions/1", "policies": policies, "cases": list(cases)}
    return evaluate(json.dumps(document).encode())["results"]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_scenario_is_decided_as_it_is_told(name):
    decision = RESULTS[name]["decision"]
    assert {field: decision.get(field) for field in EXPECTED[name]} == EXPECTED[name]


def test_a_case_is_decided_as_the_rules_decide_it():
    (result,) = answered(CASE | {"policy": [VALE_HOURS, policy("hold_with_ack")]})
    direct = decide(VALE, Attempt(utc("2026-06-02T03:40"), by_client=True), Facts())
    for field in ("code", "release_at", "reply_by"):
        assert result["decision"][field] == shown(direct)[field]


def test_a_named_policy_and_one_of_the_case_decide_the_same():
    named, own = answered(CASE | {"policy": "vale"}, CASE, vale=[VALE_HOURS])
    assert named == own


def test_the_kind_of_a_message_is_written_as_a_word():
    (result,) = answered(CASE | {"attempt": CASE["attempt"] | {"kind": "no_reply"}})
    assert "reply_by" not in result["decision"]


def test_who_it_is_decides_what_is_agreed_with_them():
    limit = {"kind": "budget.count", "limits": [{"n": 1, "per": "week"}], "only_for": ["ab" * 16]}
    said = {"format": "etherapy-policy/1", "layers": {"therapist": [VALE_HOURS], "agreement": [limit]}}
    anybody, them = answered(CASE | {"policy": "p"}, CASE | {"policy": "p", "person": "ab" * 16}, p=said)
    assert "left" not in anybody["decision"] and them["decision"]["counts_at"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"policy": "other"}, "policy"),
        ({"policy": [VALE_HOURS, VALE_HOURS]}, "layers.therapist[1].window.weekly"),
        ({"policy": [policy("hold")]}, "window.weekly.zone"),
        ({"person": 5}, "person"),
        ({"attempt": None}, "attempt"),
        ({"attempt": {}}, "attempt"),
        ({"attempt": {"at": "2026-06-02T03:40:00"}}, "attempt.at"),
        ({"attempt": {"at": "2026-06-02T03:40:00Z", "urgent": 1}}, "attempt.urgent"),
        ({"attempt": {"at": "2026-06-02T03:40:00Z", "note": 1}}, "attempt"),
        ({"attempt": {"at": "2026-06-02T03:40:00Z", "kind": "telegram"}}, "kind"),
        ({"facts": []}, "facts"),
        ({"facts": {"turn": "one"}}, "facts.turn"),
        ({"facts": {"sent": {}}}, "facts.sent"),
        ({"facts": {"sent": [{"at": "yesterday"}]}}, "facts.sent[0].at"),
        ({"note2": 1}, "case"),
    ],
)
def test_a_case_that_makes_no_sense_is_refused_and_the_others_still_run(change, field):
    refused, good = answered(CASE | change, CASE)
    assert refused.keys() == {"id", "error"} and refused["error"].startswith(f"{field}: ")
    assert good["decision"]["code"] == "held"


@pytest.mark.parametrize("case", [5, None, {}, {"id": True}])
def test_a_case_without_a_name_is_refused(case):
    (refused,) = answered(case)
    assert refused["error"].startswith("id: ")


@pytest.mark.parametrize(
    "text",
    [
        '{"format":"etherapy-decisions/1"}',
        '{"format":"etherapy-decisions/1","cases":{}}',
        '{"format":"etherapy-decisions/1","cases":[],"policies":[]}',
        '{"format":"etherapy-decisions/1","cases":[],"cases":[]}',
        '{"format":"etherapy-decisions/1","cases":[{"id":1.5}]}',
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(text):
    with pytest.raises(NotSuchADocument) as caught:
        evaluate(text.encode())
    assert str(caught.value).startswith("not ") and "\n" not in str(caught.value)
