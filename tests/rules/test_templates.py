"""Starter templates: each is whole, makes rules, and decides what its words say, to the minute."""

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from etherapy.rules import Attempt, BadRule, Decision, Facts, Rules, decide
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.policy import check_policy, policy_in, read_policy, write_policy
from etherapy.rules.rule import Counted
from etherapy.rules.schema import policy_schema
from etherapy.rules.sheet import rule_sheet, sheet_lines
from etherapy.rules.templates import fill, find_template, templates
from tests.rules.world import utc

NAMES = [
    *("private-practice-standard", "mon-wed-fri-reader", "letter-weekly", "two-checkins-daily"),
    *("two-checkins-daily-evening", "dbt-coaching", "school-term", "adolescent-text-line", "couples"),
    *("step-down-8-weeks", "listener", "prescriber-72h"),
]
BLANKS = {
    "zone": "America/New_York",
    "start": "2026-06-01",
    "end": "2026-07-11",
    "on_call": "ab" * 16,
    "on_call_name": "Dr Lind",
}
SCHEMA = jsonschema.Draft202012Validator(policy_schema())


def documents(name: str, **blanks: str) -> list[dict]:
    template = find_template(name)
    return fill(template, {blank: (BLANKS | blanks)[blank] for blank in template.blanks})


def rules(name: str, **blanks: str) -> Rules:
    return check_policy(policy_in(documents(name, **blanks)))


def sent(name: str, at: str, facts: Facts | None = None, **attempt) -> Decision:
    """What becomes of a client's message, its time on New York's summer wall given in UTC."""
    return decide(rules(name), Attempt(utc(at), by_client=True, **attempt), facts or Facts())


def times(decision: Decision) -> tuple[str, str | None, str | None]:
    def shown(at):
        return None if at is None else f"{at:%a %d %H:%M}"

    return decision.code, shown(decision.release_at), shown(decision.reply_by)


def test_the_templates_are_these():
    assert sorted(templates()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_whole(name):
    template = find_template(name)
    assert template.name == name and template.version >= 1 and template.source
    for texts in (template.title, template.about, template.principle, *template.blanks.values()):
        assert set(texts) == set(LANGUAGES) and all(texts.values())
    used = set(re.findall(r'"@([a-z_]+)', json.dumps(template.rules)))
    assert used == set(template.blanks)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layer", ["practice", "therapist"])
def test_a_filled_template_makes_rules_for_a_practice_and_for_a_therapist(name, layer):
    filled = documents(name)
    SCHEMA.validate(filled)
    policy = policy_in(filled, layer)
    assert read_policy(write_policy(policy)) == policy
    made = check_policy(policy)
    decision = decide(made, Attempt(utc("2026-06-03T15:00"), by_client=True), Facts())
    assert decision.code in ("at_once", "held") and decision.release_at is not None
    for words in LANGUAGES.values():
        assert list(sheet_lines(rule_sheet(made, utc("2026-06-01T12:00"), "Europe/Paris", words), words))


@pytest.mark.parametrize("name", NAMES)
def test_an_urgent_message_is_placed_at_once_under_every_template(name):
    assert sent(name, "2026-06-07T07:00", urgent=True).release_at == utc("2026-06-07T07:00")


def test_a_blank_that_is_missing_is_named_with_its_meaning():
    with pytest.raises(BadRule) as caught:
        fill(find_template("school-term"), {"zone": "Europe/Berlin", "start": "2026-09-07"})
    assert caught.value.field == "end" and "first day after the term" in caught.value.mend


@pytest.mark.parametrize(
    ("name", "blanks", "field"),
    [
        ("couples", {"zone": "Europe/Paris", "start": "2026-09-07"}, "start"),
        ("step-down-8-weeks", {"zone": "Europe/Paris", "start": "Monday"}, "start"),
        ("no-such-thing", {}, "template"),
    ],
)
def test_what_cannot_be_filled_is_refused(name, blanks, field):
    with pytest.raises(BadRule) as caught:
        fill(find_template(name), blanks)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("template", "at", "expected"),
    [
        # Monday 1 June 2026; New York is four hours behind UTC
        ("private-practice-standard", "2026-06-02T03:40", ("held", "Tue 02 13:00", "Wed 03 21:00")),
        ("private-practice-standard", "2026-06-05T20:00", ("at_once", "Fri 05 20:00", "Mon 08 21:00")),
        ("mon-wed-fri-reader", "2026-06-01T16:05", ("held", "Wed 03 14:00", "Fri 05 16:00")),
        ("mon-wed-fri-reader", "2026-06-05T15:00", ("at_once", "Fri 05 15:00", "Mon 08 16:00")),
        ("letter-weekly", "2026-06-02T15:59", ("at_once", "Tue 02 15:59", "Thu 04 21:00")),
        ("letter-weekly", "2026-06-02T16:00", ("held", "Thu 04 13:00", "Thu 11 21:00")),
        ("letter-weekly", "2026-06-06T12:00", ("held", "Tue 09 13:00", "Thu 11 21:00")),
        ("dbt-coaching", "2026-06-07T02:00", ("at_once", "Sun 07 02:00", "Mon 08 02:00")),
        ("dbt-coaching", "2026-06-07T04:00", ("held", "Sun 07 11:00", "Mon 08 04:00")),
        ("school-term", "2026-06-05T19:30", ("held", "Mon 08 12:00", "Tue 09 19:30")),
        ("school-term", "2026-07-10T20:00", ("no_future_window", None, None)),
        ("couples", "2026-06-03T18:00", ("at_once", "Wed 03 18:00", "Thu 04 21:00")),
        ("listener", "2026-06-06T12:00", ("held", "Sat 06 22:00", "Mon 08 02:00")),
        ("prescriber-72h", "2026-06-05T21:00", ("at_once", "Fri 05 21:00", "Mon 08 21:00")),
        ("prescriber-72h", "2026-06-06T00:00", ("held", "Mon 08 13:00", "Tue 09 00:00")),
    ],
)
def test_a_message_is_answered_when_the_template_says(template, at, expected):
    assert times(sent(template, at)) == expected


@pytest.mark.parametrize(
    ("template", "at", "reply_by"),
    [
        # Talkspace's published table, morning: 7-11 by 15, 11-16 by 19, 16-7 by 10 of the next working day
        ("two-checkins-daily", "2026-06-01T11:00", "Mon 01 19:00"),
        ("two-checkins-daily", "2026-06-01T14:59", "Mon 01 19:00"),
        ("two-checkins-daily", "2026-06-01T15:00", "Mon 01 23:00"),
        ("two-checkins-daily", "2026-06-01T19:59", "Mon 01 23:00"),
        ("two-checkins-daily", "2026-06-01T20:00", "Tue 02 14:00"),
        ("two-checkins-daily", "2026-06-02T06:00", "Tue 02 14:00"),
        ("two-checkins-daily", "2026-06-02T10:59", "Tue 02 14:00"),
        ("two-checkins-daily", "2026-06-05T20:00", "Mon 08 14:00"),
        ("two-checkins-daily", "2026-06-06T16:00", "Mon 08 19:00"),
        # and evening: 9-14 by 18, 14-19 by 22, 19-9 by 14 of the next working day
        ("two-checkins-daily-evening", "2026-06-01T13:00", "Mon 01 22:00"),
        ("two-checkins-daily-evening", "2026-06-01T17:59", "Mon 01 22:00"),
        ("two-checkins-daily-evening", "2026-06-01T18:00", "Tue 02 02:00"),
        ("two-checkins-daily-evening", "2026-06-01T22:59", "Tue 02 02:00"),
        ("two-checkins-daily-evening", "2026-06-01T23:00", "Tue 02 18:00"),
        ("two-checkins-daily-evening", "2026-06-02T12:59", "Tue 02 18:00"),
        ("two-checkins-daily-evening", "2026-06-05T23:00", "Mon 08 18:00"),
    ],
)
def test_the_published_bands_are_kept_exactly(template, at, reply_by):
    assert times(sent(template, at))[2] == reply_by


def test_a_fourth_message_of_the_week_waits_for_the_next():
    three = [Counted(at, at) for at in map(utc, ("2026-06-01T14:00", "2026-06-02T14:00", "2026-06-03T14:00"))]
    fourth = sent("private-practice-standard", "2026-06-04T14:00", Facts(sent=tuple(three)))
    assert times(fourth) == ("held", "Mon 08 13:00", "Tue 09 21:00")


def test_a_family_member_of_an_adolescent_writes_about_practical_matters_alone():
    def asked(service_class: int) -> str:
        return sent(
            "adolescent-text-line", "2026-06-03T15:00", role="family", service_class=service_class
        ).code

    assert (asked(1), asked(2)) == ("declined", "held")


def test_the_steps_down_begin_once_they_are_announced():
    told = documents("step-down-8-weeks")
    for phase in told[3]["phases"][1:]:
        phase["announced"] = "2026-05-11"
    made = check_policy(policy_in(told))

    def left(at: str) -> int | None:
        return decide(made, Attempt(utc(at), by_client=True), Facts()).left

    days = ("2026-05-27T15:00", "2026-06-03T15:00", "2026-07-01T15:00")
    assert [left(at) for at in days] == [2, 1, 0]
    late = decide(made, Attempt(utc("2026-08-12T15:00"), by_client=True), Facts())
    assert late.code == "declined"
    silent = rules("step-down-8-weeks")
    assert decide(silent, Attempt(utc("2026-07-01T15:00"), by_client=True), Facts()).left == 2


def test_a_template_is_filled_and_no_blank_is_left():
    for name in NAMES:
        assert "@" not in json.dumps(documents(name))


def test_templates_are_files_beside_the_code():
    folder = Path(__file__).parents[2] / "src/etherapy/rules/templates"
    assert {path.stem for path in folder.glob("*.json")} == set(NAMES)
