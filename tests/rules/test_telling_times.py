"""What rules about time say of themselves in the rule sheet, in every language."""

import re
from typing import Any

import pytest

from etherapy.rules import Layer
from etherapy.rules.kinds import kind_of
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.telling import Teller
from tests.rules.test_absence import COVERED_BY_LIND
from tests.rules.test_targets import MANY, MORNING
from tests.rules.world import VALE_HOURS, target

EXCEPTION = {"kind": "window.exception", "date": "2026-06-02", "label": "staff day"}
SECOND_WEEK = {"days": ["fri"], "start": "20:00", "end": "24:00", "every_n_weeks": 2, "anchor": "2026-06-05"}
TOLD: list[tuple[dict[str, Any], str]] = [
    (VALE_HOURS, "Messages are read: Mon to Fri 9:00 to 17:00."),
    (
        {"kind": "window.weekly", "zone": "Etc/UTC", "windows": [SECOND_WEEK]},
        "Messages are read: Fri 20:00 to 24:00, every 2 weeks (such as in the week of Fri 5 Jun 2026).",
    ),
    (EXCEPTION | {"effect": "closed"}, "Tue 2 Jun 2026: closed (staff day)."),
    (
        EXCEPTION | {"effect": "closed", "through": "2026-06-04"},
        "Tue 2 Jun 2026 to Thu 4 Jun 2026: closed (staff day).",
    ),
    (
        {"kind": "holiday.calendar", "snapshot": "us", "dates": [{"date": "2026-07-03"}]},
        "Holidays (us): closed on 1 day, Fri 3 Jul 2026 to Fri 3 Jul 2026.",
    ),
    (COVERED_BY_LIND, "Away from Mon 10 Aug 2026, back on Mon 24 Aug 2026."),
    (COVERED_BY_LIND, "Dr Lind covers, for clients who agree to it."),
    (
        target("business_days", n=1),
        "A reply is planned by the end of the next open day after the message is released.",
    ),
    (
        target("business_days", n=1, at="16:00"),
        "A reply is planned by 16:00 on the next open day after the message is released.",
    ),
    (
        target("business_days", n=2),
        "A reply is planned by the end of the day, 2 days after the release, counting open days only.",
    ),
    (
        target("next_windows", n=1),
        "A reply is planned by the end of the next window after the one in which the message is released.",
    ),
    (target("window_minutes", n=120) | {"firm": True}, "A reply is due within 2 hours of open time."),
    (
        target("wall_hours", n=24),
        "A reply is planned within 24 hours after sending, nights and closed days included.",
    ),
    (target("deferred_to_session"), "It is answered in the next session."),
    (target("none"), "No reply time is agreed."),
    (MORNING, "Mon to Fri 16:00 to 7:00: by 10:00 on the next open day"),
    (
        target("from_slot", weekday="mon", at="12:00", hours=48),
        "A reply is planned within 48 hours after the slot on Mon at 12:00, nights included.",
    ),
    (MANY, "For letters: A reply is planned within 96 hours after sending"),
    (MANY, "Where the person who answers is a prescriber: A reply is planned within 72 hours"),
]


def told(document: dict[str, Any], language: str) -> str:
    """Everything that a rule says of itself."""
    (said,) = Layer("therapist", [document]).said
    teller = Teller(LANGUAGES[language], kind_of(said.rule))
    fields = []
    for field, sentence in said.rule.tell(teller):
        assert field in said.rule.__struct_fields__ or field == "reviewed_by"
        fields.append(sentence)
    return "\n".join(fields)


@pytest.mark.parametrize(("document", "sentence"), TOLD)
def test_a_rule_about_time_is_told_in_plain_english(document, sentence):
    assert sentence in told(document, "en")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("document", [document for document, _ in TOLD])
def test_every_language_tells_it_whole_and_never_in_the_first_person(document, language):
    text = told(document, language)
    assert text and "{" not in text
    first_person = {"en": r"\b(I|we|my|our)\b", "de": r"\b(ich|wir|mein|unser)\b"}[language]
    assert not re.search(first_person, text, re.IGNORECASE)
