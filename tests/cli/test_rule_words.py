"""Rules in words: every kind has its line, and a line says only what its document sets."""

import pytest

from etherapy.cli.rule_words import show_rule
from etherapy.rules.kinds import KINDS, read_rule

WEEK = {
    "kind": "window.weekly",
    "zone": "Europe/Paris",
    "windows": [
        {"days": ["wed", "mon", "tue", "sat"], "start": "09:00", "end": "12:00"},
        {"days": ["mon", "tue"], "start": "22:00", "end": "01:00"},
    ],
}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (WEEK, "hours: Mon to Wed, Sat 09:00 to 12:00, Mon, Tue 22:00 to 01:00 in Europe/Paris"),
        ({"kind": "window.weekly", "windows": []}, "hours: none by the week"),
        ({"kind": "window.weekly", "zone": "Asia/Tokyo"}, "hours are in Asia/Tokyo"),
        (
            {"kind": "window.exception", "date": "2026-12-24", "effect": "closed", "label": "staff day"},
            "on 2026-12-24: closed (staff day)",
        ),
        (
            {"kind": "window.exception", "date": "2026-12-24", "effect": "replace"},
            "on 2026-12-24: no hours instead",
        ),
        (
            {
                "kind": "window.exception",
                "date": "2026-12-24",
                "effect": "add",
                "windows": [{"start": "09:00", "end": "10:00"}],
            },
            "on 2026-12-24: also 09:00 to 10:00",
        ),
        (
            {
                "kind": "holiday.calendar",
                "snapshot": "us-2026",
                "dates": [{"date": "2026-12-25"}, {"date": "2026-01-01"}],
            },
            "holidays: 2 closed dates, 2026-01-01 to 2026-12-25 (us-2026)",
        ),
        ({"kind": "off_hours.policy", "policy": "deliver_normal"}, "outside the hours: delivered at once"),
        (
            {"kind": "response.target", "target": {"count": "business_days", "n": 1, "at": "16:00"}},
            "an answer: 1 working day later, by 16:00",
        ),
        (
            {"kind": "response.target", "target": {"count": "wall_hours", "n": 24}, "firm": True},
            "an answer: within 24 hours, nights included (firm)",
        ),
        ({"kind": "response.target", "target": {"count": "none"}}, "an answer: by no certain time"),
        ({"kind": "emergency", "region": "US"}, "in an emergency: crisis card of US"),
        ({"kind": "ack", "throttle": "closed_period"}, "acknowledged once in each closed period"),
        ({"kind": "bounds", "longest_wait_days": 1}, "warned of as a long wait: more than 1 day"),
    ],
)
def test_a_rule_is_one_line_of_words(rule, words):
    read_rule(rule)  # so that no line here is about a rule that could not be
    assert show_rule(rule) == words


def test_what_has_no_words_is_shown_as_it_is_written():
    assert show_rule({"kind": "tides", "moon": 1}) == '{"kind":"tides","moon":1}'
    for kind in KINDS:
        if kind not in ("window.exception", "holiday.calendar"):  # these have fields that must be set
            assert show_rule({"kind": kind}) == f'{{"kind":"{kind}"}}'
