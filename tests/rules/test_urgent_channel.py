"""The urgent channel as a decision (S-11, R-16): who is called when, and what is said where nobody is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule
from etherapy.rules.alert_words import Alerted, alert_lines
from etherapy.rules.explain import Parties, preview
from etherapy.rules.kinds.urgent_channel import UrgentChannel
from etherapy.rules.languages import LANGUAGES
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, client_sends, policy, rules_of, target, utc, words_of

FIRST, BACKUP, THIRD = "0a" * 16, "0b" * 16, "0c" * 16
STEPS = [
    {"callee": FIRST, "name": "the on-call clinician"},
    {"callee": BACKUP, "name": "Dr B"},
    {"callee": THIRD, "name": "the supervisor"},
]
BASE = (VALE_HOURS, US_HOLIDAYS, target("business_days", n=1), policy("hold_with_ack"))
ON_CALL = rules_of(*BASE, {"kind": "urgent.channel", "steps": STEPS})
NOBODY = rules_of(*BASE, {"kind": "urgent.channel", "confirm_card": True})
NIGHT = "2026-02-18T08:00"


def plan(rules, at=NIGHT, **attempt):
    known = {"urgent": True, "by_client": True} | attempt
    asked = Attempt(utc(at), **known)
    return rules.the(UrgentChannel, asked.at).call_plan(asked, rules.timetable.zone_name)


def test_s11_three_people_are_called_a_quarter_of_an_hour_apart():
    calls = plan(ON_CALL)
    assert [(call.name, call.due_at) for call in calls] == [
        ("the on-call clinician", utc("2026-02-18T08:00")),
        ("Dr B", utc("2026-02-18T08:15")),
        ("the supervisor", utc("2026-02-18T08:30")),
    ]
    assert calls[-1].until == utc("2026-02-18T08:45")
    decision = client_sends(ON_CALL, NIGHT, urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc(NIGHT))
    assert "on_call" in words_of(decision) and decision.card_first is False


def test_s11_without_anybody_on_call_the_card_comes_first_and_the_notice_at_the_opening():
    decision = client_sends(NOBODY, NIGHT, urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc(NIGHT))
    assert decision.card_first is True
    assert decision.notice_at == decision.closed_until == utc("2026-02-18T14:00")
    assert decision.by["card_first"].words == "nobody_on_call"
    assert plan(NOBODY) == ()


def test_inside_the_hours_an_urgent_message_without_on_call_is_told_of_at_once():
    decision = client_sends(NOBODY, "2026-02-18T15:00", urgent=True)
    assert decision.card_first is True and decision.notice_at is None


def test_by_default_nothing_is_said_and_nobody_is_called():
    plain = rules_of(*BASE)
    assert plan(plain) == ()
    decision = client_sends(plain, NIGHT, urgent=True)
    assert decision.card_first is False and decision.notice_at is None


def test_an_ordinary_message_and_one_of_the_therapist_call_nobody():
    assert plan(ON_CALL, urgent=False) == ()
    assert plan(ON_CALL, by_client=False, role="therapist") == ()
    assert client_sends(NOBODY, NIGHT).card_first is False


def test_outside_the_hours_of_on_call_the_card_comes_first():
    hours = [{"days": ["wed"], "start": "20:00", "end": "02:00"}]
    rules = rules_of(*BASE, {"kind": "urgent.channel", "steps": STEPS, "hours": hours, "confirm_card": True})
    assert len(plan(rules, "2026-02-19T06:59")) == 3  # Thursday 01:59, still Wednesday's window
    assert plan(rules, "2026-02-19T07:00") == ()
    assert client_sends(rules, "2026-02-19T07:00", urgent=True).card_first is True


def test_a_flag_of_whoever_may_not_flag_calls_nobody_and_is_placed_at_once_all_the_same():
    rules = rules_of(
        *BASE, {"kind": "urgent.channel", "steps": STEPS, "may_flag": ["client"], "confirm_card": True}
    )
    assert plan(rules, role="family") == () and len(plan(rules)) == 3
    decision = client_sends(rules, NIGHT, urgent=True, role="family")
    assert (decision.code, decision.card_first) == ("urgent", True)
    assert "may_not_flag" in words_of(decision)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Marking it urgent calls nobody here."),
        ("de", "Die Markierung als dringend ruft hier niemanden."),
    ],
)
def test_whoever_may_not_flag_is_told_so_before_sending_without_a_card_first_too(language, said):
    rules = rules_of(*BASE, {"kind": "urgent.channel", "steps": STEPS, "may_flag": ["client"]})
    decision = client_sends(rules, "2026-02-18T15:00", urgent=True, role="family")
    assert (decision.code, decision.card_first) == ("urgent", False)
    told = preview(decision, rules, Parties("Dr Vale", "America/Chicago"), None, LANGUAGES[language])
    assert said in told.lines
    assert not any("Dr B" in line for line in told.lines)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"hours": [{"days": ["mon"], "start": "20:00", "end": "22:00"}], "confirm_card": True}, "hours"),
        ({"hours": [{"days": ["mon"], "start": "20:00", "end": "22:00"}], "steps": STEPS}, "confirm_card"),
        ({"steps": [STEPS[0], STEPS[0]]}, "steps"),
        ({"steps": [{"callee": "nobody", "name": "Dr B"}]}, "steps[0].callee"),
        ({"steps": [{"callee": FIRST, "name": "Dr B", "wait_minutes": 0}]}, "steps[0].wait_minutes"),
        ({"may_flag": []}, "may_flag"),
    ],
)
def test_what_cannot_be_a_plan_is_refused_with_its_field(rule, field):
    with pytest.raises(BadRule) as refused:
        rules_of(*BASE, {"kind": "urgent.channel", **rule})
    assert refused.value.field == f"urgent.channel.{field}" and refused.value.mend


@given(st.lists(st.integers(1, 1440), min_size=1, max_size=10))
def test_each_step_waits_for_all_before_it(waits):
    steps = [
        {"callee": f"{n:032x}", "name": f"person {n}", "wait_minutes": wait} for n, wait in enumerate(waits)
    ]
    calls = plan(rules_of(*BASE, {"kind": "urgent.channel", "steps": steps}))
    for number, call in enumerate(calls):
        assert call.due_at == utc(NIGHT) + timedelta(minutes=sum(waits[:number]))
        assert call.until == call.due_at + timedelta(minutes=waits[number])


def test_s11_the_lines_say_what_is_recorded_and_nothing_more():
    sent = [
        Alerted("the on-call clinician", utc(NIGHT), None),
        Alerted("Dr B", utc("2026-02-18T08:15"), None),
    ]
    english = LANGUAGES["en"]
    lines = alert_lines(sent[:1], False, utc(NIGHT), "America/New_York", english)
    assert lines == ["alert sent 03:00", "not yet acknowledged"]
    seen = [sent[0], Alerted("Dr B", sent[1].sent_at, utc("2026-02-18T08:22"))]
    lines = alert_lines(seen, False, utc(NIGHT), "America/New_York", english)
    assert lines == ["alert sent 03:00", "second person alerted 03:15", "Dr B has seen the alert 03:22"]
    assert alert_lines(sent, True, utc(NIGHT), "America/New_York", english)[-1] == (
        "nobody has acknowledged yet"
    )
    assert alert_lines([], False, utc(NIGHT), "America/New_York", english) == ["no alert was sent"]


def test_what_happens_at_one_instant_is_told_as_it_was_done_sent_before_seen():
    at = utc("2026-02-18T08:10")
    alerted = [Alerted("Dr A", utc(NIGHT), at), Alerted("Dr B", at, None)]
    lines = alert_lines(alerted, False, utc(NIGHT), "America/New_York", LANGUAGES["en"])
    assert lines[1:] == ["second person alerted 03:10", "Dr A has seen the alert 03:10"]


def test_a_line_of_the_next_day_names_the_date():
    late = [Alerted("Dr B", utc("2026-02-19T05:30"), None)]
    [line, _] = alert_lines(late, False, utc("2026-02-19T04:50"), "America/New_York", LANGUAGES["en"])
    assert line == "alert sent Thu 19 Feb, 00:30"


def test_german_has_the_same_codes_and_no_line_claims_help():
    words = UrgentChannel.words
    assert set(words["en"]) == set(words["de"])
    for said in words.values():
        for template in said.values():
            for claim in ("help is on the way", "Hilfe ist", "notified", "benachrichtigt", "24/7", " I "):
                assert claim not in template
