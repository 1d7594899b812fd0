"""Rules as their author wrote them, in words: a line says only what its document sets."""

import json

import pytest
from msgspec.structs import fields

from etherapy.rules.kinds import KINDS, read_rule
from etherapy.rules.languages import GERMAN, LANGUAGES
from etherapy.rules.written import tell_document, tell_documents

WEEK = {
    "kind": "window.weekly",
    "zone": "Europe/Paris",
    "windows": [
        {"days": ["wed", "mon", "tue", "sat"], "start": "09:00", "end": "12:00"},
        {"days": ["mon", "tue"], "start": "22:00", "end": "01:00"},
    ],
}


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (
            WEEK,
            "Messages are read: Mon to Wed, Sat 9:00 to 12:00; Mon, Tue 22:00 to 1:00. "
            "The hours are those of Europe/Paris.",
        ),
        ({"kind": "window.weekly", "windows": []}, "There are no hours that come back every week."),
        ({"kind": "window.weekly", "zone": "Asia/Tokyo"}, "The hours are those of Asia/Tokyo."),
        (
            {"kind": "window.exception", "date": "2026-12-24", "effect": "closed", "label": "staff day"},
            "Thu 24 Dec 2026: closed (staff day).",
        ),
        (
            {"kind": "off_hours.policy", "policy": "deliver_normal"},
            "Messages outside the hours are delivered at once.",
        ),
        ({"kind": "bounds", "longest_wait_days": 1}, "A wait of more than 1 day is warned of."),
    ],
)
def test_a_rule_is_one_line_of_words(rule, line):
    read_rule(rule)  # so that no line here is about a rule that could not be
    assert tell_document(rule) == line


def test_what_stands_beside_a_rule_is_said_behind_it():
    rule = {
        "kind": "off_hours.policy",
        "policy": "hold",
        "begins": "2026-06-08",
        "ends": "2026-06-15",
        "only_for": ["ab" * 16],
        "reason": "illness",
    }
    assert tell_document(rule) == (
        "Messages outside the hours wait for the next opening. (from Mon 8 Jun 2026; up to and including "
        "Sun 14 Jun 2026; not for everybody; reason: illness)"
    )


def test_what_has_no_words_is_shown_as_it_is_written():
    assert tell_document({"kind": "tides", "moon": 1}) == '{"kind":"tides","moon":1}'
    for broken in ({"kind": "bounds", "longest_wait_days": 0}, {"kind": "bounds", "ends": 3}, {}):
        assert json.loads(tell_document(broken)) == broken
    for name, kind in KINDS.items():
        if not any(field.required for field in fields(kind)):
            assert tell_document({"kind": name}) == f'{{"kind":"{name}"}}'


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_every_language_tells_the_same_rules(words):
    lines = tell_documents([WEEK, {"kind": "off_hours.policy", "policy": "hold"}], words)
    assert len(lines) == 2
    assert "{" not in "".join(lines)


def test_german_is_german():
    assert tell_document({"kind": "off_hours.policy", "policy": "hold"}, GERMAN) != tell_document(
        {"kind": "off_hours.policy", "policy": "hold"}
    )
