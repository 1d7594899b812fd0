"""What are my rules? One sheet in words, with who set each value, real openings and the longest wait."""

from datetime import date, timedelta

import pytest

from etherapy.rules import BadRule, Layer, Rules, resolve
from etherapy.rules.kinds import KINDS
from etherapy.rules.languages import ENGLISH, GERMAN, LANGUAGES
from etherapy.rules.longest_wait import Wait
from etherapy.rules.next_opening import next_opening
from etherapy.rules.parts import part_of
from etherapy.rules.sheet import SheetInWords, rule_sheet, sheet_lines
from tests.rules.test_cover import COVERED
from tests.rules.world import (
    NIGHT_LINE,
    US_HOLIDAYS,
    VALE,
    VALE_HOURS,
    WORKDAYS,
    policy,
    rules_of,
    target,
    utc,
    weekly,
)

NIGHT = utc("2026-06-02T03:40")
CLIENT = "c1" * 16
OTHER = "c2" * 16
PRACTICE = Layer("practice", [{"kind": "bounds", "longest_wait_days": 9}, policy("hold")], 4)
THERAPIST = Layer("therapist", [VALE_HOURS, US_HOLIDAYS, target("business_days", n=1)], 7)
AGREED = Layer("agreement", [policy("hold_with_ack")], 2)
SHORTER = Layer(
    "exception",
    [
        {
            **weekly("America/New_York", (WORKDAYS, "10:00", "12:00")),
            "begins": "2026-06-08",
            "ends": "2026-06-15",
            "reason": "illness",
        }
    ],
    1,
)
RULES = resolve([PRACTICE, THERAPIST, AGREED, SHORTER])


def said(sheet: SheetInWords, kind: str) -> dict[str, str]:
    """Sentence -> who set it, of one kind."""
    return {
        one.text: one.set_by
        for section in sheet.sections
        if section.kind == kind
        for one in section.sentences
    }


def test_each_value_names_the_layer_that_set_it():
    sheet = rule_sheet(RULES, NIGHT, "America/Chicago", ENGLISH)
    assert set(said(sheet, "window.weekly").values()) == {"set by the therapist"}
    assert said(sheet, "window.weekly")["Messages are read: Mon to Fri 9:00 to 17:00."]
    assert said(sheet, "bounds")["A wait of more than 9 days is warned of."] == "set by the practice"
    assert set(said(sheet, "off_hours.policy").values()) == {"agreed with you"}
    assert "as the product has it" in said(sheet, "visibility").values()
    origins = {one.origin for section in sheet.sections for one in section.sentences}
    assert {"practice/4", "therapist/7", "agreement/2", "product"} <= origins


def test_the_therapist_reads_the_same_with_other_names_for_the_layers():
    client, therapist = (
        rule_sheet(RULES, NIGHT, "America/Chicago", ENGLISH, side) for side in ("client", "therapist")
    )
    assert set(said(therapist, "off_hours.policy").values()) == {"agreed with the client"}
    assert [one.text for s in client.sections for one in s.sentences] == [
        one.text for s in therapist.sections for one in s.sentences
    ]


def test_an_exception_says_until_when_it_holds_and_what_comes_before_is_announced():
    during = rule_sheet(RULES, utc("2026-06-09T12:00"), "", ENGLISH)
    assert said(during, "window.weekly") == {
        "Messages are read: Mon to Fri 10:00 to 12:00.": "an exception up to and including Sun 14 Jun 2026",
        "The hours are those of America/New_York.": "an exception up to and including Sun 14 Jun 2026",
    }
    before = rule_sheet(RULES, NIGHT, "", ENGLISH)
    assert [change.begins for change in before.changes] == [date(2026, 6, 8), date(2026, 6, 15)]
    first = before.changes[0]
    assert first.title == "From Mon 8 Jun 2026:"
    assert first.sections[0].sentences[0].text == ("Messages are read: Mon to Fri 10:00 to 12:00.")
    assert [section.kind for section in first.sections] == ["window.weekly"]


def test_openings_are_the_real_ones_on_both_walls():
    sheet = rule_sheet(RULES, NIGHT, "America/Chicago", ENGLISH)
    shown = [opening.words for opening in sheet.openings]
    assert shown[0] == "Tue 2 Jun, 9:00 to 17:00 Eastern (8:00 to 16:00 your time)"
    assert shown[4] == "Mon 8 Jun, 10:00 to 12:00 Eastern (9:00 to 11:00 your time)"
    assert len(shown) == 20
    assert sheet.openings[0].start == utc("2026-06-02T13:00")
    assert all(NIGHT <= one.start < NIGHT + timedelta(weeks=4) for one in sheet.openings)


def test_a_holiday_is_no_opening():
    sheet = rule_sheet(VALE, utc("2026-06-29T00:00"), "", ENGLISH)
    assert not any("Fri 3 Jul" in opening.words for opening in sheet.openings)
    assert any("Thu 2 Jul" in opening.words for opening in sheet.openings)


def test_the_longest_wait_is_said_with_its_message_and_its_answer():
    sheet = rule_sheet(VALE, NIGHT, "America/Chicago", ENGLISH)
    assert sheet.longest_wait == Wait(utc("2026-06-04T21:00"), utc("2026-06-08T21:00"))
    assert sheet.wait == (
        "The longest wait for an answer in the next four weeks: 4 days. To what is sent Thu 4 Jun, 17:00 "
        "Eastern (16:00 your time), an answer is planned by Mon 8 Jun, 17:00 Eastern (16:00 your time)."
    )
    assert "6 days and 21 hours" in rule_sheet(NIGHT_LINE, NIGHT, "", ENGLISH).wait


@pytest.mark.parametrize("count", ["none", "deferred_to_session"])
def test_where_no_answer_is_promised_no_wait_is_named(count):
    sheet = rule_sheet(rules_of(VALE_HOURS, target(count)), NIGHT, "", ENGLISH)
    assert sheet.wait == "No answer by a certain time is promised."
    assert sheet.longest_wait is not None
    assert sheet.longest_wait.reply_by is None


def test_hours_without_an_end_are_said_so_and_no_hours_too():
    always = rule_sheet(
        rules_of(weekly("Etc/UTC", ([*WORKDAYS, "sat", "sun"], "00:00", "24:00"))), NIGHT, "", ENGLISH
    )
    assert [opening.end for opening in always.openings] == [None]
    assert "without an end in sight" in always.openings[0].words
    never = rule_sheet(rules_of(weekly("Etc/UTC")), NIGHT, "", ENGLISH)
    assert never.openings == ()
    assert "No hours are known in the next four weeks." in list(sheet_lines(never, ENGLISH))
    assert "no time of an answer can be named" in never.wait


def test_what_is_over_is_left_out():
    past = {"kind": "window.exception", "date": "2026-05-04", "effect": "closed", "label": "staff day"}
    ahead = {"kind": "window.exception", "date": "2026-06-04", "effect": "closed", "label": "move"}
    lines = list(sheet_lines(rule_sheet(rules_of(VALE_HOURS, past, ahead), NIGHT, "", ENGLISH), ENGLISH))
    assert not any("staff day" in line for line in lines)
    assert any(line.startswith("Thu 4 Jun 2026: closed (move).") for line in lines)


def test_an_absence_is_told_to_clients_from_the_date_on_that_its_author_named():
    absence = {
        "kind": "absence",
        "away_from": "2026-08-10",
        "back_on": "2026-08-14",
        "message": "On leave in August.",
        "visible_from": "2026-07-01",
    }
    rules = rules_of(VALE_HOURS, absence)
    early = rule_sheet(rules, NIGHT, "", ENGLISH)
    assert said(early, "absence") == {}
    assert said(rule_sheet(rules, NIGHT, "", ENGLISH, "therapist"), "absence")
    assert said(rule_sheet(rules, utc("2026-07-01T12:00"), "", ENGLISH), "absence")


def test_a_cover_is_named_while_it_lasts():
    text = " ".join(sheet_lines(rule_sheet(COVERED, utc("2026-08-12T12:00"), "", ENGLISH), ENGLISH))
    assert "Dr Lind reads in the meantime" in text
    text = " ".join(sheet_lines(rule_sheet(COVERED, utc("2026-08-25T12:00"), "", ENGLISH), ENGLISH))
    assert "Dr Lind" not in text


def test_what_is_agreed_with_one_member_alone_is_in_no_other_sheet():
    own = {
        "kind": "budget.count",
        "limits": [{"n": 3, "per": "week"}],
        "only_for": [CLIENT],
    }
    layers = [THERAPIST, Layer("agreement", [own])]
    shared = resolve(layers)
    mine, others = (
        shared.with_part(part_of(shared.entries, resolve(layers, person=person).entries))
        for person in (CLIENT, OTHER)
    )
    assert "agreed with you" in said(rule_sheet(mine, NIGHT, "", ENGLISH), "budget.count").values()
    assert rule_sheet(others, NIGHT, "", ENGLISH) == rule_sheet(shared, NIGHT, "", ENGLISH)
    assert "agreed with you" not in said(rule_sheet(others, NIGHT, "", ENGLISH), "budget.count").values()


def test_both_languages_say_the_same_of_the_same_rules():
    english, german = (rule_sheet(RULES, NIGHT, "America/Chicago", words) for words in (ENGLISH, GERMAN))
    assert [(s.kind, [(x.field, x.origin) for x in s.sentences]) for s in english.sections] == [
        (s.kind, [(x.field, x.origin) for x in s.sentences]) for s in german.sections
    ]
    assert [(one.start, one.end) for one in english.openings] == [
        (one.start, one.end) for one in german.openings
    ]
    assert english.longest_wait == german.longest_wait
    assert german.openings[0].words == (
        "Di 2. Juni, 9:00 Uhr bis 17:00 Uhr (New York; nach Ihrer Zeit 8:00 Uhr bis 16:00 Uhr)"
    )
    assert "4 Tage" in german.wait


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_product_defaults_of_every_kind_can_be_said(words):
    every = [kind() for kind in KINDS.values() if not kind.accumulates and kind.in_sheet]
    sheet = rule_sheet(rules_of(VALE_HOURS), NIGHT, "", words)
    assert {section.kind for section in sheet.sections} <= {kind for kind in KINDS if KINDS[kind].in_sheet}
    assert len(every) > 5
    assert all(one.text and "{" not in one.text for s in sheet.sections for one in s.sentences)


def test_an_unknown_zone_is_refused():
    with pytest.raises(BadRule):
        rule_sheet(VALE, NIGHT, "Moon/Tranquility", ENGLISH)


# --- the next opening ---


def ask(rules: Rules, at: str, zone: str = "America/Chicago"):
    return next_opening(rules, utc(at), "Dr Vale", zone, ENGLISH)


def test_the_next_opening_and_the_answer_to_what_is_written_now():
    found = ask(VALE, "2026-06-02T03:40")
    assert found.lines == (
        "The next hours of Dr Vale begin Tue 2 Jun, 9:00 Eastern (8:00 your time).",
        "An answer to a message that is sent now is planned by Wed 3 Jun, 17:00 Eastern (16:00 your time).",
    )
    assert (found.open_now, found.opens_at) == (False, utc("2026-06-02T13:00"))
    assert found.reply_by == utc("2026-06-03T21:00")


def test_inside_the_hours_it_says_until_when_they_last():
    found = ask(VALE, "2026-06-02T15:00")
    assert found.open_now
    assert found.lines[0] == "The hours of Dr Vale last until Tue 2 Jun, 17:00 Eastern (16:00 your time)."
    assert found.closes_at == utc("2026-06-02T21:00")


def test_no_opening_and_no_promise_are_said():
    found = ask(rules_of(weekly("Etc/UTC"), target("none")), "2026-06-02T15:00")
    assert found.lines == (
        "No opening is known within 400 days.",
        "No answer by a certain time is promised.",
    )
    assert found.opens_at is None


def test_while_a_cover_reads_the_hours_are_the_covers():
    found = ask(COVERED, "2026-08-12T03:40")
    assert found.reader == "Dr Lind"
    assert "The next hours of Dr Lind begin Wed 12 Aug, 10:00" in found.lines[0]
