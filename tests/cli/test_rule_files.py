"""Rules as files on the command line: checked, compared, explained, begun from a template."""

import io
import json
import sys

import pytest

from etherapy.cli.main import run
from tests.cli.test_people import furnish, say, stage
from tests.rules.world import VALE_HOURS, policy, target

__all__ = ["say", "stage"]
VALE = [VALE_HOURS, target("window_minutes", n=1440), policy("hold_with_ack")]


@pytest.fixture
def write(tmp_path):
    """A file with this document."""

    def made(document, name: str = "rules.json") -> str:
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return made


@pytest.fixture
def told(capsys):
    """What a command says: its status, and its lines on standard output and on standard error."""

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = run(["rules", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return command


def test_good_rules_are_told_in_words_with_example_reply_times(told, write):
    status, out, _ = told("check", write(VALE))
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "These make rules (therapist: 3 rules)."
    assert (
        lines[1].startswith("Sent Fri ")
        and ", 16:00 Eastern: in the inbox at once; an answer by Wed " in lines[1]
    )
    assert "Eastern. Other readings of 24 hours: on the clock Sat " in lines[1]
    assert "at the end of an open day Mon " in lines[1]
    assert lines[2].startswith("Sent Tue ") and "23:00 Eastern: in the inbox Wed " in lines[2]
    assert "Mon to Fri 9:00 to 17:00" in out


def test_examples_are_told_in_the_language_and_zone_that_are_asked_for(told, write):
    _, out, _ = told("check", write(VALE), "--language", "de", "--zone", "Asia/Tokyo")
    assert "Gesendet Fr " in out and "Andere Lesarten von 24 Stunden" in out
    assert out.splitlines()[1].count("(") >= 2


def test_a_target_without_the_doubt_has_no_other_readings(told, write):
    assert "Other readings" not in told("check", write([VALE_HOURS, target("next_windows", n=1)]))[1]


def test_every_fault_is_told_with_its_field_and_mend(told, write):
    bad = [{"kind": "shut"}, VALE_HOURS | {"zone": "Europe/Pariss"}, policy("never")]
    status, out, err = told("check", write(bad))
    assert (status, out) == (1, "")
    for field in (
        "therapist[0].kind",
        "therapist[1].window.weekly.zone",
        "therapist[2].off_hours.policy.policy",
    ):
        assert f"layers.{field}: " in err
    assert err.count("\n  ") == 3 and err.splitlines()[-1] == "etherapy: 3 faults"


def test_faults_between_layers_name_value_bound_and_mend(told, write):
    layers = {
        "practice": [{"kind": "bounds", "allowed_policies": ["hold"]}, VALE_HOURS],
        "therapist": [policy("deliver_normal")],
    }
    status, _, err = told("check", write({"format": "etherapy-policy/1", "layers": layers}), "--json")
    assert status == 1 and "off_hours.policy.policy: " in err
    assert "deliver_normal" in err and "hold" in err


def test_faults_are_a_document_where_json_is_asked_for(told, write):
    status, out, _ = told("check", write([policy("never")]), "--json")
    (fault,) = json.loads(out)["faults"]
    assert status == 1 and fault["field"] == "layers.therapist[0].off_hours.policy.policy" and fault["mend"]


@pytest.mark.parametrize("text", ["", "not json", "5", '{"format": "etherapy-policy/9"}', '{"a": 1, "a": 2}'])
def test_what_is_no_file_of_rules_ends_with_status_two(told, write, text):
    status, out, err = told("check", write(text))
    assert (status, out) == (2, "") and len(err.splitlines()) == 2


def test_a_file_that_is_not_there_is_one_clear_line(told):
    status, _, err = told("check", "/nowhere/rules.json")
    assert status == 2 and "cannot be read" in err


def test_the_canonical_file_comes_out_as_it_went_in(write, capsysbinary, monkeypatch):
    assert run(["rules", "check", write(VALE), "--canonical"]) == 0
    canonical = capsysbinary.readouterr().out
    assert canonical.startswith(b'{"format":"etherapy-policy/1","layers":{"therapist":[')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(canonical)))
    assert run(["rules", "check", "-", "--canonical"]) == 0
    assert capsysbinary.readouterr().out == canonical


def test_a_therapists_list_is_checked_over_the_practices_rules(told, write):
    own = write([policy("hold")], "own.json")
    practice = write({"format": "etherapy-policy/1", "layers": {"practice": [VALE_HOURS]}}, "practice.json")
    assert told("check", own)[0] == 1
    status, out, _ = told("check", own, "--over", practice)
    assert status == 0 and "practice: 1 rule, therapist: 1 rule" in out


def test_differences_are_told_field_by_field(told, write):
    before, after = write(VALE, "a.json"), write([*VALE[:2], policy("hold")], "b.json")
    status, out, _ = told("diff", before, after)
    assert status == 1
    assert out.splitlines()[:2] == ["therapist:", "    off_hours.policy, policy"]
    (found,) = json.loads(told("diff", before, after, "--json")[1])
    assert (found["field"], found["before"], found["after"]) == ("policy", "hold_with_ack", "hold")
    assert told("diff", before, before) == (0, "No difference.\n", "")


def test_a_decision_is_explained_for_both_sides_with_the_rule_that_won(told, write):
    status, out, _ = told("explain", write(VALE), "--at", "2026-06-01T22:40", "--zone", "America/Chicago")
    assert status == 0
    client, therapist = out.split("For the therapist:")
    for side in (client, therapist):
        assert "Tue 2 Jun, 9:00 Eastern (8:00 " in side and "Thu 4 Jun, 17:00 Eastern (16:00 " in side
    assert "release_at: window.weekly.windows [therapist]" in out
    assert "reply_by: response.target.target [therapist]" in out


def test_what_is_asked_about_a_message_counts(told, write):
    def asked(*more: str):
        return json.loads(told("explain", write(VALE), "--at", "2026-06-02T03:40:00Z", "--json", *more)[1])

    assert asked()["decision"]["code"] == "held"
    assert asked("--urgent")["decision"]["code"] == "urgent"
    assert "reply_by" not in asked("--kind", "no_reply")["decision"]
    assert "reply_by" not in asked("--by", "therapist")["decision"]
    assert "Gegenseite" not in asked()["therapist"][0] and asked("--language", "de") != asked()


@pytest.mark.parametrize(
    "options",
    [("--at", "tonight"), ("--at", "2026-02-30T10:00"), ("--at", "2026-06-01T22:40", "--zone", "Nowhere")],
)
def test_a_question_that_makes_no_sense_ends_with_status_two(told, write, options):
    status, _, err = told("explain", write(VALE), *options)
    assert status == 2 and options[-2] in err


def test_templates_are_listed_with_their_principle_and_source(told):
    status, out, _ = told("templates")
    assert status == 0 and "two-checkins-daily" in out and "Talkspace" in out
    assert out.count("to fill in: zone") >= 12
    assert "Ein Brief in der Woche" in told("templates", "--language", "de")[1]


def test_a_filled_template_is_what_check_takes(told, write):
    status, out, _ = told("templates", "school-term", "--zone", "Europe/London", "--fill", "start=2027-01-04",
                          "--fill", "end=2027-03-27")  # fmt: skip
    assert status == 0
    assert told("check", write(out))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("couples",), "--zone ZONE; fill it in: on whose wall"),
        (("school-term", "--zone", "Europe/Paris", "--fill", "start=2027-01-04"), "--fill end=VALUE; "),
        (("couples", "--zone", "Nowhere"), "no such time zone"),
        (("couples", "--zone", "Europe/Paris", "--fill", "start"), "NAME=VALUE"),
        (("couples", "--zone", "Europe/Paris", "--fill", "start=5"), "start"),
        (("no-such",), "two-checkins-daily"),
    ],
)
def test_a_template_that_cannot_be_filled_says_why(told, arguments, word):
    status, out, err = told("templates", *arguments)
    assert (status, out) == (2, "") and word in err


def test_a_therapist_compares_a_file_with_what_is_in_force(say, stage, write, capsys):
    law = [{"kind": "window.weekly", "zone": "America/New_York", "windows": []}]
    furnish(say, stage, "", "Larch", json.dumps(law))
    own = write([policy("hold")])
    say("vale-Larch", "whoami")
    assert run(["rules", "diff", "current", own, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["layer"], found["kind"], found["field"]) == ("therapist", "off_hours.policy", "*")
    say("vale-Larch", "rules", "set", own)
    assert say("vale-Larch", "rules", "diff", "current", own, plain=True) == "No difference.\n"
    assert "keeps no rules" in say("ruth-Larch", "rules", "diff", "current", own, status=1)
    thread = say("vale-Larch", "threads")[0]["thread"]
    limit = {"kind": "budget.count", "limits": [{"n": 3, "per": "week"}]}
    agreed = write([limit], "agreed.json")
    say("vale-Larch", "rules", "set", agreed, "--layer", "agreement", "--thread", thread)
    document = {
        "format": "etherapy-policy/1",
        "layers": {"therapist": [policy("hold")], "agreement": [limit]},
    }
    whole = write(document, "whole.json")
    same = say("vale-Larch", "rules", "diff", "current", whole, "--thread", thread, plain=True)
    assert same == "No difference.\n"


def test_an_agreement_is_checked_over_a_plain_list_of_the_therapists(told, write):
    agreed = write([{"kind": "budget.count", "limits": [{"n": 1, "per": "week"}]}], "agreed.json")
    status, out, _ = told("check", agreed, "--layer", "agreement", "--over", write(VALE))
    assert status == 0 and out.startswith("These make rules (therapist: 3 rules, agreement: 1 rule).")
    status, _, err = told("check", agreed, "--layer", "agreement")
    assert status == 1 and "--over FILE" in err


def test_the_clients_time_is_called_so_where_a_therapist_asks(told, write):
    _, out, _ = told("check", write(VALE), "--zone", "America/Chicago")
    assert "the client's time" in out and "your time" not in out
