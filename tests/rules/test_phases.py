"""Phases: each has rules of its own, and none starts before its notice has run out."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Facts, Layer, Rules, decide, resolve
from etherapy.rules.kinds.phase import ORDER, Phase, Phases
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.rule import Counted
from etherapy.rules.targets import NextWindows
from tests.rules.world import VALE_HOURS, client_sends, rules_of, target, utc, words_of


def agreed(*phases: dict, practice: tuple[dict, ...] = (), besides: tuple[dict, ...] = ()) -> Rules:
    """Dr Vale's hours, and an agreement with these phases."""
    agreement = [{"kind": "phase", "phases": list(phases)}, *besides]
    return resolve(
        [Layer("practice", practice), Layer("therapist", [VALE_HOURS]), Layer("agreement", agreement, 4)]
    )


def a_week(n: int) -> dict:
    return {"kind": "budget.count", "limits": [{"n": n, "per": "week"}], "over": "decline_keep_draft"}


def step_down(**said: object) -> Rules:
    """S-17: three a week, and one a week from 2 November with 14 days of notice."""
    return agreed(
        {"name": "standard", "rules": [a_week(3)]},
        {"name": "step_down_1", "begins": "2026-11-02", "notice_days": 14, "rules": [a_week(1)], **said},
    )


def second_of_the_week(rules: Rules, monday: str) -> str:
    """What becomes of the second message of a week: one on Monday, the next on Tuesday, 10:00."""
    first = utc(f"{monday}T15:00")
    sent = Facts(turn=1, sent=(Counted(first, counts_at=first, turn=0),))
    return decide(rules, Attempt(first.replace(day=first.day + 1), by_client=True), sent).code


# --- S-17 -----------------------------------------------------------------------------------------


def test_a_step_down_announced_in_time_starts_on_its_date():
    rules = step_down(announced="2026-10-19")
    assert second_of_the_week(rules, "2026-10-26") == "at_once"
    assert second_of_the_week(rules, "2026-11-02") == "declined"
    assert rules.changes_after(utc("2026-06-01T00:00")) == [date(2026, 11, 2)]


def test_a_step_down_announced_late_starts_when_its_notice_has_run_out():
    rules = step_down(announced="2026-10-26")
    assert second_of_the_week(rules, "2026-11-02") == "at_once"
    assert second_of_the_week(rules, "2026-11-09") == "declined"
    assert rules.changes_after(utc("2026-06-01T00:00")) == [date(2026, 11, 9)]


def test_a_step_down_that_was_never_announced_does_not_start():
    rules = step_down()
    assert second_of_the_week(rules, "2026-11-02") == second_of_the_week(rules, "2027-03-01") == "at_once"


def test_a_decision_names_the_agreement_as_origin_of_what_its_phase_says():
    rules = step_down(announced="2026-10-19")
    first = utc("2026-11-02T15:00")
    facts = Facts(turn=1, sent=(Counted(first, counts_at=first),))
    declined = decide(rules, Attempt(utc("2026-11-03T15:00"), by_client=True), facts)
    assert declined.by["code"].origin == "agreement/4"


# --- order, ends, what is stronger ----------------------------------------------------------------


def test_a_phase_ends_where_the_next_one_starts_and_is_stronger_than_the_layer_around_it():
    rules = agreed(
        {"name": "onboarding", "rules": [target("next_windows", n=0)]},
        {"name": "standard", "begins": "2026-07-06", "announced": "2026-06-01", "rules": []},
        {"name": "maintenance", "begins": "2026-08-03", "announced": "2026-06-01",
         "rules": [target("next_windows", n=5)]},
        besides=(target("next_windows", n=2),),
    )  # fmt: skip
    for day, n in (("06-30", 0), ("07-06", 2), ("08-02", 2), ("08-03", 5)):
        assert rules.the(ResponseTarget, utc(f"2026-{day}T15:00")).target == NextWindows(n=n)


def test_a_phase_without_a_date_starts_when_its_notice_has_run_out():
    phase = Phase("standard", notice_days=10, announced=date(2026, 6, 1))
    assert phase.starts() == date(2026, 6, 11)


def test_a_phase_that_is_overtaken_by_the_next_one_is_left_out():
    phases = Phases(
        phases=(
            Phase("standard"),
            Phase("step_down_1", date(2026, 11, 2), 14, announced=date(2026, 11, 10)),
            Phase("step_down_2", date(2026, 11, 16), 14, announced=date(2026, 10, 1)),
        )
    )
    assert [(phase.name, begins, ends) for phase, begins, ends in phases.spans()] == [
        ("standard", None, date(2026, 11, 16)),
        ("step_down_2", date(2026, 11, 16), None),
    ]


DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(
    st.lists(st.sampled_from(ORDER), min_size=1, unique=True),
    st.lists(st.tuples(st.none() | DAYS, st.integers(0, 90), st.none() | DAYS), min_size=13, max_size=13),
    DAYS,
)
def test_no_phase_starts_before_its_notice_has_run_out_and_one_at_most_holds(names, said, today):
    listed = sorted(names, key=ORDER.index)
    dated = sorted(begins for begins, _, _ in said if begins)
    phases: list[Phase] = []
    for name, (begins, notice, announced) in zip(listed, said, strict=False):
        planned = dated.pop(0) if begins else None
        if planned and any(one.begins == planned for one in phases):
            planned = None
        phases.append(Phase(name, planned, notice, announced))
    rule = Phases(phases=tuple(phases))
    holding = [
        phase
        for phase, begins, ends in rule.spans()
        if (begins or date.min) <= today and (ends is None or today < ends)
    ]
    assert len(holding) <= 1
    assert rule.current(today) == (holding[0] if holding else None)
    for phase in holding:
        if phase is not phases[0]:
            assert phase.announced is not None
            assert (today - phase.announced).days >= phase.notice_days


# --- closing and closed ---------------------------------------------------------------------------

ENDING = (
    {"name": "standard"},
    {"name": "closing", "begins": "2026-06-01", "announced": "2026-05-01", "last_message": "2026-06-12"},
    {"name": "closed", "begins": "2026-06-20", "announced": "2026-05-01"},
)


def test_in_closing_a_client_writes_until_the_last_date_and_the_therapist_may_still_answer():
    rules = agreed(*ENDING)
    last, after = utc("2026-06-13T03:59"), utc("2026-06-13T04:00")  # midnight in New York is 4:00
    assert decide(rules, Attempt(last, by_client=True), Facts()).code != "declined"
    declined = decide(rules, Attempt(after, by_client=True), Facts())
    assert declined.code == "declined" and declined.retry_from is None
    assert "after_last_message" in words_of(declined)
    assert decide(rules, Attempt(after, by_client=False, role="therapist"), Facts()).code == "at_once"


def test_in_closed_nothing_is_sent_by_either_side_but_what_is_urgent():
    rules, at = agreed(*ENDING), utc("2026-06-22T15:00")
    for by_client in (True, False):
        declined = decide(rules, Attempt(at, by_client=by_client), Facts())
        assert declined.code == "declined" and declined.release_at is None
        assert "closed" in words_of(declined)
    urgent = decide(rules, Attempt(at, by_client=True, urgent=True), Facts())
    assert (urgent.code, urgent.release_at) == ("urgent", at)


def test_what_was_accepted_before_the_end_keeps_its_promise():
    rules, at = agreed(*ENDING), utc("2026-06-22T15:00")
    again = decide(rules, Attempt(at, by_client=True, ready_at=utc("2026-06-19T15:00")), Facts())
    assert again.code == "at_once"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phases", "field"),
    [
        ([{"name": "standard"}, {"name": "onboarding"}], "phase.phases[1].name"),
        ([{"name": "standard"}, {"name": "standard"}], "phase.phases[1].name"),
        (
            [{"name": "standard", "begins": "2026-06-02"}, {"name": "closing", "begins": "2026-06-01"}],
            "phase.phases[1].begins",
        ),
        ([{"name": "standard", "last_message": "2026-06-02"}], "phase.phases[0].last_message"),
        ([{"name": "standard", "rules": [{"kind": "phase"}]}], "phase.phases[0].rules[0]"),
        (
            [{"name": "standard", "rules": [a_week(1) | {"begins": "2026-06-01"}]}],
            "phase.phases[0].rules[0].begins",
        ),
        ([{"name": "standard", "rules": [{"kind": "bounds"}]}], "phase"),
        ([{"name": "standard", "rules": [{"kind": "nothing"}]}], "phase.kind"),
        ([{"name": "standard", "rules": [{"kind": "holiday.calendar", "snapshot": "x"}]}], "phase"),
        ([{"name": "standard", "rules": [a_week(1), a_week(2)]}], "phase.phases[0].rules[1]"),
        ([{"name": "step_down_10"}], "phase.phases[0].name"),
    ],
)  # fmt: skip
def test_phases_that_cannot_be_are_refused(phases, field):
    with pytest.raises(BadRule) as refusal:
        agreed(*phases)
    assert refusal.value.field == field
    assert refusal.value.mend


def test_rules_of_a_phase_are_judged_like_rules_of_the_layer_also_while_it_has_not_begun():
    with pytest.raises(BadRule, match="policy"):
        agreed(
            {"name": "standard"},
            {"name": "closing", "rules": [{"kind": "off_hours.policy", "policy": "whatever"}]},
        )


def test_notice_shorter_than_the_practices_bound_is_refused_with_both_numbers():
    with pytest.raises(BadRule) as refusal:
        agreed(
            {"name": "standard"},
            {"name": "closing", "notice_days": 5},
            practice=({"kind": "bounds", "min_notice_days": 10},),
        )
    assert refusal.value.field == "phase.phases[1].notice_days"
    assert "5 days" in refusal.value.problem and "bound is 10" in refusal.value.problem


def test_phases_are_the_same_after_the_sheet_was_read_back():
    rules = step_down(announced="2026-10-19")
    again = Rules.from_canonical(rules.canonical())
    assert again == rules
    assert second_of_the_week(again, "2026-11-02") == "declined"
    assert rules_of(VALE_HOURS) != rules


def test_what_a_phase_brings_holds_no_longer_than_the_phases_themselves():
    phases = [{"name": "standard", "rules": [{"kind": "off_hours.policy", "policy": "hold"}]}]
    july = {"kind": "phase", "begins": "2026-07-01", "ends": "2026-08-01", "phases": phases}
    rules = resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", [july])])
    times = ("2026-07-01T03:59", "2026-07-01T04:00", "2026-08-01T04:00")
    assert [client_sends(rules, at).ack for at in times] == [True, False, True]
