"""Absences: what closes, who covers, whom clients are offered (R-04, S-8, rules.md 3.6)."""

from datetime import date
from typing import Any

import pytest

from etherapy.rules import BadRule, Decision, Layer, Rules, resolve
from etherapy.rules.explain import explain_reasons
from etherapy.rules.kinds.dated_exception import DatedException
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.replacing import take_place
from tests.rules.test_cover import BACK, LIND, VALE_TARGET, covered
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, client_sends, policy, rules_of, utc, words_of

LIND_ACCOUNT = "1d" * 16
AWAY: dict[str, Any] = {"kind": "absence", "away_from": "2026-08-10", "back_on": "2026-08-24"}
COVERED_BY_LIND = AWAY | {"cover": LIND_ACCOUNT, "cover_name": "Dr Lind"}
SATURDAY = "2026-08-15T15:00"
KEYED = utc("2026-08-07T16:00")


def vale(*documents: dict[str, Any], practice: tuple[dict[str, Any], ...] = ()) -> Rules:
    own = (VALE_HOURS, US_HOLIDAYS, VALE_TARGET, policy("hold_with_ack"), *documents)
    return rules_of(*own, practice=practice)


def with_lind(rules: Rules) -> Rules:
    """The same where the client consented to Dr Lind on Friday, 7 August."""
    return covered(rules, LIND, KEYED, BACK)


def offers(decision: Decision) -> list[str]:
    return [reason.label for reason in decision.because if reason.words == "cover_offered"]


# --- S-8 ---


def test_s8_client_a_who_consented_is_read_by_the_cover_on_monday():
    decision = client_sends(with_lind(vale(COVERED_BY_LIND)), SATURDAY)
    assert (decision.code, decision.release_at) == ("held", utc("2026-08-17T15:00"))
    assert decision.reply_by == utc("2026-08-18T20:00")
    assert decision.cover is not None and decision.cover.label == "Dr Lind"
    assert (decision.long_wait, offers(decision)) == (False, [])


def test_s8_client_b_who_did_not_waits_until_the_24th_and_is_offered_the_cover():
    decision = client_sends(vale(COVERED_BY_LIND), SATURDAY)
    assert (decision.code, decision.release_at) == ("held", utc("2026-08-24T13:00"))
    assert decision.reply_by == utc("2026-08-25T21:00")
    assert decision.long_wait is True
    assert decision.cover is None
    assert offers(decision) == ["Dr Lind"]
    (closed,) = [reason for reason in decision.because if reason.words == "closed_date"]
    assert (closed.kind, closed.place, closed.origin) == ("absence", "2026-08-10", "therapist")


def test_s8_when_client_b_consents_the_message_goes_to_the_cover_at_once():
    rules = vale(COVERED_BY_LIND)
    held = client_sends(rules, SATURDAY)
    late = covered(rules, LIND, utc("2026-08-18T17:00"), BACK)
    replaced = take_place(held, client_sends(late, "2026-08-18T17:00"))
    assert (replaced.code, replaced.release_at) == ("at_once", utc("2026-08-18T17:00"))
    assert replaced.reply_by == utc("2026-08-19T20:00")
    assert replaced.cover is not None and offers(replaced) == []


def test_s8_from_midnight_of_the_24th_the_therapist_reads_again_and_nobody_is_offered():
    for rules in (vale(COVERED_BY_LIND), with_lind(vale(COVERED_BY_LIND))):
        decision = client_sends(rules, "2026-08-24T04:00")
        assert (decision.release_at, decision.reply_by) == (utc("2026-08-24T13:00"), utc("2026-08-25T21:00"))
        assert (decision.cover, offers(decision)) == (None, [])


def test_s8_a_turn_of_the_friday_before_is_due_by_the_promise_of_its_own_rules():
    """Before the absence was entered: Monday the 10th. A new decision on the same instant: the 24th."""
    assert client_sends(vale(), "2026-08-07T20:30").reply_by == utc("2026-08-10T21:00")
    assert client_sends(vale(COVERED_BY_LIND), "2026-08-07T20:30").reply_by == utc("2026-08-24T21:00")


# --- offers ---


def test_a_message_before_the_absence_that_waits_through_it_is_offered_the_cover():
    friday_evening = client_sends(vale(COVERED_BY_LIND), "2026-08-07T22:00")
    assert friday_evening.release_at == utc("2026-08-24T13:00")
    assert offers(friday_evening) == ["Dr Lind"]
    thursday = client_sends(vale(COVERED_BY_LIND), "2026-08-06T15:00")  # answered on Friday
    assert offers(thursday) == []


def test_nobody_is_offered_before_clients_may_know_of_the_absence():
    late = vale(COVERED_BY_LIND | {"visible_from": "2026-08-08"})
    assert offers(client_sends(late, "2026-08-07T22:00")) == []
    assert offers(client_sends(late, "2026-08-08T04:00")) == ["Dr Lind"]


@pytest.mark.parametrize(
    ("scope", "urgent", "offered"),
    [("all", False, True), ("all", True, True), ("urgent_only", False, False), ("urgent_only", True, True)],
)
def test_a_cover_is_offered_for_what_it_covers(scope, urgent, offered):
    decision = client_sends(vale(COVERED_BY_LIND | {"cover_scope": scope}), SATURDAY, urgent=urgent)
    assert offers(decision) == (["Dr Lind"] if offered else [])


def test_a_consent_that_has_ended_is_asked_for_again():
    ended = covered(vale(COVERED_BY_LIND), LIND, KEYED, utc("2026-08-14T00:00"))
    assert offers(client_sends(ended, SATURDAY)) == ["Dr Lind"]


def test_the_offer_and_the_absence_are_said_in_every_language():
    decision = client_sends(vale(COVERED_BY_LIND | {"message": "Back soon."}), SATURDAY)
    for words in LANGUAGES.values():
        said = " ".join(sentence for sentence, _ in explain_reasons(decision, words))
        assert "Dr Lind" in said
        assert "Back soon." in said


# --- scopes ---


@pytest.mark.parametrize(
    ("scope", "urgent", "by_cover"),
    [
        ("all", False, True),
        ("urgent_only", False, False),
        ("urgent_only", True, True),
        ("none", False, False),
        ("none", True, False),
    ],
)
def test_the_scope_says_for_which_messages_the_covers_hours_count(scope, urgent, by_cover):
    named = AWAY if scope == "none" else COVERED_BY_LIND
    exempt = ({"kind": "bounds", "longest_closed_days": 30},)
    rules = with_lind(vale(named | {"cover_scope": scope}, practice=exempt))
    decision = client_sends(rules, SATURDAY, urgent=urgent)
    assert (decision.cover is not None) == by_cover
    if urgent:
        assert (decision.code, decision.release_at) == ("urgent", utc(SATURDAY))
    else:
        assert decision.release_at == utc("2026-08-17T15:00" if by_cover else "2026-08-24T13:00")


def test_a_scope_holds_in_its_absence_alone():
    """Before it, the cover's hours count as ever: Monday 3 August, in the evening of New York's Sunday."""
    lind_all_year = covered(
        vale(AWAY | {"cover_scope": "none", "planned": False}), LIND, utc("2026-07-01T00:00"), BACK
    )
    vale_late = client_sends(lind_all_year, "2026-08-03T21:30")  # 17:30 in New York, 16:30 in Chicago
    assert vale_late.release_at == utc("2026-08-04T13:00")
    closing = {"kind": "window.exception", "date": "2026-08-04", "effect": "closed"}
    closed = covered(
        vale(AWAY | {"cover_scope": "none", "planned": False}, closing), LIND, utc("2026-07-01T00:00"), BACK
    )
    assert client_sends(closed, "2026-08-03T21:30").cover is not None


# --- what it closes ---


def test_what_the_practice_or_an_agreement_adds_opens_no_date_of_an_absence():
    added: dict[str, Any] = {"kind": "window.exception", "date": "2026-08-12", "effect": "add"}
    added |= {"windows": [{"start": "10:00", "end": "11:00"}]}
    own = [VALE_HOURS, COVERED_BY_LIND]
    release = {}
    for layer in ("practice", "therapist", "agreement", "exception"):
        said = [added | ({"reason": "asked_for"} if layer == "exception" else {})]
        layers = [Layer("therapist", own)] if layer != "therapist" else []
        layers.append(Layer(layer, said if layer != "therapist" else own + said))
        release[layer] = client_sends(resolve(layers), "2026-08-11T15:00").release_at
    opened, closed = utc("2026-08-12T14:00"), utc("2026-08-24T13:00")
    assert release == {"practice": closed, "therapist": opened, "agreement": closed, "exception": opened}


def test_dates_outside_the_absence_stay_added():
    added: dict[str, Any] = {
        "kind": "window.exception",
        "date": "2026-08-08",
        "through": "2026-08-25",
        "effect": "add",
    }
    added |= {"windows": [{"start": "07:00", "end": "08:00"}]}
    rules = vale(COVERED_BY_LIND, practice=(added,))
    assert [(rule.date.day, rule.through) for rule in rules.each(DatedException)] == [
        (8, date(2026, 8, 9)),
        (24, date(2026, 8, 25)),
    ]
    assert client_sends(rules, "2026-08-07T22:00").release_at == utc("2026-08-08T11:00")
    assert client_sends(rules, SATURDAY).release_at == utc("2026-08-24T11:00")
    assert Rules.from_canonical(rules.canonical()) == rules


def test_that_somebody_is_away_is_named_before_that_a_date_is_closed():
    closed = {"kind": "window.exception", "date": "2026-08-15", "effect": "closed", "label": "Staff day"}
    decision = client_sends(vale(COVERED_BY_LIND, closed), SATURDAY)
    assert [reason.kind for reason in decision.because if reason.words == "closed_date"] == ["absence"]


def test_a_replaced_date_stays_closed_in_an_absence():
    replaced: dict[str, Any] = {"kind": "window.exception", "date": "2026-08-12", "effect": "replace"}
    replaced |= {"windows": [{"start": "10:00", "end": "11:00"}]}
    assert client_sends(vale(COVERED_BY_LIND, replaced), "2026-08-11T15:00").release_at == utc(
        "2026-08-24T13:00"
    )


def test_an_absence_closes_the_tail_of_the_night_before_and_ends_at_midnight():
    night: dict[str, Any] = {"kind": "window.weekly", "zone": "Europe/Paris"}
    night |= {"windows": [{"days": ["sun", "mon"], "start": "20:00", "end": "02:00"}]}
    away = {"kind": "absence", "away_from": "2026-08-10", "back_on": "2026-08-11"}
    rules = rules_of(night, away)
    shown = rules.timetable.segments_of(utc("2026-08-09T00:00").date())
    assert shown == ((utc("2026-08-09T18:00"), utc("2026-08-09T22:00")),)
    assert rules.timetable.segments_of(utc("2026-08-10T00:00").date()) == ()


def test_an_illness_may_have_begun_and_be_said_by_the_practice_for_one_therapist():
    ill = {"kind": "absence", "away_from": "2026-06-01", "back_on": "2026-06-03", "planned": False}
    layers = [Layer("practice", [ill | {"only_for": ["aa" * 16]}]), Layer("therapist", [VALE_HOURS])]
    assert client_sends(resolve(layers, owner="aa" * 16), "2026-06-02T15:00").release_at == utc(
        "2026-06-03T13:00"
    )
    assert client_sends(resolve(layers, owner="bb" * 16), "2026-06-02T15:00").code == "at_once"


def test_the_message_is_in_the_reason_once_clients_may_know_of_it():
    rules = vale(COVERED_BY_LIND | {"message": "On leave.", "visible_from": "2026-08-03"})
    decision = client_sends(rules, SATURDAY)
    assert [r.label for r in decision.because if r.words == "closed_date"] == ["On leave."]
    timetable = rules.timetable
    early = timetable.closing(utc(SATURDAY), utc("2026-08-02T12:00"))
    assert early is not None and early.label == ""
    late = timetable.closing(utc(SATURDAY), utc("2026-08-03T12:00"))
    assert late is not None and late.label == "On leave."


def test_without_absences_a_decision_knows_nothing_of_them():
    decision = client_sends(vale(), SATURDAY)
    assert "absence" not in {reason.kind for reason in decision.because}
    assert "cover_offered" not in words_of(decision)


# --- what is refused ---


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"back_on": "2026-08-10"}, "absence.back_on"),
        ({"back_on": "2027-12-01"}, "absence.back_on"),
        ({"cover": "Dr Lind"}, "absence.cover"),
        ({"cover": ""}, "absence.cover_name"),
        ({"cover_name": ""}, "absence.cover_name"),
        ({"cover_scope": "none"}, "absence.cover_scope"),
        ({"cover_scope": "some"}, "absence.cover_scope"),
        ({"message": "x" * 501}, "absence.message"),
        ({"visible_from": "2026-08-11"}, "absence.visible_from"),
        ({"begins": "2026-08-01"}, "absence.begins"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused(changed, field):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", [COVERED_BY_LIND | changed])
    assert caught.value.field == field
    assert caught.value.mend


def test_two_absences_of_one_date_are_refused():
    with pytest.raises(BadRule, match="two rules of kind absence"):
        Layer("therapist", [AWAY, AWAY | {"away_from": "2026-08-23", "back_on": "2026-08-25"}])
    assert Layer("therapist", [AWAY, AWAY | {"away_from": "2026-08-24", "back_on": "2026-08-25"}])


def test_a_long_planned_absence_needs_cover_and_an_illness_does_not():
    with pytest.raises(BadRule, match=r"absence\.cover: 14 dates without cover, and the practice allows 7"):
        vale(AWAY)
    assert vale(AWAY | {"planned": False})
    assert vale(AWAY, practice=({"kind": "bounds", "longest_closed_days": 14},))
    assert vale(AWAY | {"back_on": "2026-08-17"})
