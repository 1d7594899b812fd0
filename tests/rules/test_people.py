"""Participants, visibility, reviews, places, measure offers: rules about people."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Facts, Layer, Rules, decide, resolve
from etherapy.rules.explain import Parties, explain_to_client, explain_to_therapist
from etherapy.rules.kinds import read_rule
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.kinds.licence import outside_licence
from etherapy.rules.kinds.measure_offer import MeasureOffer
from etherapy.rules.kinds.participants import Participants
from etherapy.rules.kinds.region import Region
from etherapy.rules.kinds.review import Review
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.measure_offers import Offer, offer_at
from etherapy.rules.own import own_rule
from etherapy.rules.rule import Counted
from etherapy.rules.support_tier import lacking, longest_closed, require_support
from etherapy.rules.telling import Teller
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, policy, rules_of, utc, words_of

OPEN = utc("2026-06-01T15:00")


def agreed(*documents: dict) -> Rules:
    return resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", list(documents))])


# --- S-18: a couple -------------------------------------------------------------------------------


def test_s18_each_of_a_couple_has_a_limit_of_their_own():
    greta, paul = "0a" * 16, "0b" * 16
    limits = [
        {"kind": "budget.count", "limits": [{"n": n, "per": "week"}], "only_for": [who]}
        for who, n in ((greta, 1), (paul, 2))
    ]
    said = [
        Layer("therapist", [VALE_HOURS]),
        Layer("agreement", [{"kind": "participants", "couple": True}, *limits]),
    ]
    before = Facts(sent=(Counted(OPEN - timedelta(hours=1), OPEN - timedelta(hours=1)),))
    asked = Attempt(OPEN, by_client=True)
    first, second = (decide(resolve(said, person=who), asked, before) for who in (greta, paul))
    assert (first.code, first.release_at) == ("held", utc("2026-06-08T13:00"))
    assert (second.code, second.left, second.release_at) == ("at_once", 0, OPEN)
    assert decide(resolve(said, person=greta), asked, Facts()).left == 0
    assert decide(resolve(said), asked, before).left is None


# --- S-19: a guardian -----------------------------------------------------------------------------


def guardian(scope: str) -> Rules:
    return agreed({"kind": "participants", "guardian": scope})


@pytest.mark.parametrize("kind", range(1, 6))
def test_a_guardian_with_scope_logistics_writes_about_nothing_else(kind):
    attempt = Attempt(OPEN, by_client=True, role="family", service_class=kind)
    decision = decide(guardian("logistics"), attempt, Facts())
    if kind == 2:
        assert decision.code == "at_once"
    else:
        assert decision.code == "declined" and decision.release_at is None
        assert words_of(decision) >= {"guardian_scope"}
        assert decision.by["code"].kind == "participants"


def test_a_guardian_whose_scope_is_blocked_writes_nothing_and_the_client_everything():
    rules = guardian("none")
    for kind in range(1, 6):
        attempt = Attempt(OPEN, by_client=True, role="family", service_class=kind)
        assert decide(rules, attempt, Facts()).code == "declined"
        own = Attempt(OPEN, by_client=True, role="client", service_class=kind)
        assert decide(rules, own, Facts()).code == "at_once"


def test_what_a_guardian_is_told_does_not_hint_at_another_thread():
    decision = decide(guardian("logistics"), Attempt(OPEN, by_client=True, role="family"), Facts())
    rules, parties = guardian("logistics"), Parties("Dr Vale", "America/New_York")
    told = [*explain_to_client(decision, rules, parties), *explain_to_therapist(decision, rules, parties)]
    for language, words in LANGUAGES.items():
        told += [
            sentence for _, sentence in rules.the(Participants, OPEN).tell(Teller(words, "participants"))
        ]
        assert told, language
    assert not [line for line in told if "other thread" in line or "separate" in line or "anderen" in line]


def test_urgent_messages_of_the_family_are_taken_under_any_scope():
    attempt = Attempt(OPEN, by_client=True, role="family", urgent=True)
    assert decide(guardian("none"), attempt, Facts()).code == "urgent"


# --- the enhanced tier ----------------------------------------------------------------------------

ENHANCED = {"kind": "participants", "support_tier": "enhanced"}
COMPLETE = ENHANCED | {"urgent_route": "Call the practice: 555 0100", "safety_plan": True}


def test_an_enhanced_tier_lists_everything_that_it_lacks():
    rules = agreed(
        ENHANCED,
        {"kind": "off_hours.policy", "policy": "decline_keep_draft", "other_route": "Call 555 0100"},
    )
    weekend = rules_of(VALE_HOURS, practice=(ENHANCED,))
    assert lacking(rules, OPEN) == ("urgent_route", "safety_plan", "policy")
    assert lacking(weekend, OPEN) == ("urgent_route", "safety_plan")
    assert lacking(rules, OPEN, Region()) == ("urgent_route", "safety_plan", "policy", "place")
    with pytest.raises(BadRule) as refusal:
        require_support(rules, OPEN)
    assert "safety_plan" in refusal.value.problem and "off_hours.policy" in refusal.value.mend


def test_an_enhanced_tier_that_has_everything_lacks_nothing():
    rules = agreed(COMPLETE)
    here = Region(country="US", confirmed_on=date(2026, 5, 1))
    assert lacking(rules, OPEN, here) == ()
    require_support(rules, OPEN)


def test_an_absence_of_an_enhanced_tier_needs_a_cover_and_closes_at_most_three_days():
    away = {"kind": "absence", "away_from": "2026-07-06", "back_on": "2026-07-11"}
    rules = rules_of(VALE_HOURS, away, practice=(COMPLETE,))
    assert lacking(rules, OPEN) == ("closed_too_long", "cover")
    assert longest_closed(rules, OPEN) == timedelta(days=9, hours=16)  # Friday 17:00 to Monday 9:00


def test_a_long_weekend_with_a_holiday_is_longer_than_three_days():
    rules = rules_of(VALE_HOURS, US_HOLIDAYS, practice=(COMPLETE,))
    assert longest_closed(rules, utc("2026-06-15T15:00")) == timedelta(days=3, hours=16)
    assert lacking(rules, utc("2026-06-15T15:00")) == ("closed_too_long",)


def test_a_dated_exception_lets_an_enhanced_tier_lack_something_for_its_dates_alone():
    granted = ENHANCED | {"support_tier": "standard", "begins": "2026-06-01", "ends": "2026-06-15"}
    exception = Layer("exception", [granted | {"reason": "cover_is_ill"}])
    rules = resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", [ENHANCED]), exception])
    assert lacking(rules, OPEN) == ()
    assert lacking(rules, utc("2026-06-15T15:00")) == ("urgent_route", "safety_plan")


def test_the_standard_tier_lacks_nothing_whatever_the_rules_are():
    assert lacking(agreed(policy("hold")), OPEN, Region()) == ()


# --- reviews --------------------------------------------------------------------------------------


def test_an_overdue_review_is_listed_and_closes_nothing():
    review = {
        "kind": "review",
        "every_weeks": 12,
        "first": "2026-03-02",
        "trial_ends": "2026-05-01",
        "agreement_ends": "2026-05-31",
    }
    rules = agreed(review)
    assert rules.the(Review, OPEN).due_on(date(2026, 6, 1)) == [
        ("review", date(2026, 3, 2)),
        ("trial_ends", date(2026, 5, 1)),
        ("agreement_ends", date(2026, 5, 31)),
    ]
    assert decide(rules, Attempt(OPEN, by_client=True), Facts()).code == "at_once"


@given(st.integers(1, 104), st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.integers(-400, 4000))
def test_the_next_review_is_the_first_of_its_rhythm_after_the_last_one_held(weeks, first, later):
    last = first + timedelta(days=later)
    found = Review(every_weeks=weeks, first=first, last=last).next_review()
    assert found is not None
    dates = [first + timedelta(weeks=weeks * n) for n in range(700)]
    assert found == next(day for day in dates if day > last)


def test_a_review_that_comes_once_is_over_when_it_was_held():
    assert Review(first=date(2026, 3, 2), last=date(2026, 3, 2)).next_review() is None
    assert Review(first=date(2026, 3, 2)).due_on(date(2026, 3, 1)) == []


# --- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "areas", "outside"),
    [
        ("US-NY", ("US-NY", "US-NJ"), False),
        ("US-CA", ("US-NY", "US-NJ"), True),
        ("US", ("US-NY",), True),
        ("US-NY", ("US",), False),
        ("JP", ("US", "GB"), True),
        ("", ("US",), False),
        ("JP", (), False),
    ],
)
def test_a_place_is_outside_a_licence_unless_it_or_its_country_is_named(place, areas, outside):
    assert outside_licence(place, areas) is outside


def test_what_a_client_declares_is_theirs_and_in_no_sheet():
    documents = [{"kind": "region", "country": "JP", "zone": "Asia/Tokyo", "confirmed_on": "2026-05-01"}]
    declared = own_rule(Region, documents, date(2026, 6, 1))
    assert (declared.country, declared.zone) == ("JP", "Asia/Tokyo")
    assert not declared.needs_confirming(date(2026, 7, 30)) and declared.needs_confirming(date(2026, 7, 31))
    assert own_rule(Region, [], date(2026, 6, 1)) == Region()
    with_it = resolve([Layer("therapist", [VALE_HOURS]), Layer("client", documents)])
    assert with_it == rules_of(VALE_HOURS)
    assert b"Tokyo" not in with_it.canonical()


def test_a_declaration_for_a_journey_holds_while_it_lasts():
    travel = {"kind": "region", "country": "JP", "begins": "2026-06-01", "ends": "2026-06-15"}
    home = {"kind": "region", "country": "US", "begins": "2026-06-15"}
    assert own_rule(Region, [travel, home], date(2026, 6, 14)).country == "JP"
    assert own_rule(Region, [travel, home], date(2026, 6, 15)).country == "US"


def test_a_part_of_another_country_and_an_unknown_zone_are_refused():
    for said in ({"country": "US", "area": "GB-ENG"}, {"area": "US-NY"}, {"zone": "Mars/Base"}):
        with pytest.raises(BadRule, match=r"region\."):
            Layer("client", [{"kind": "region"} | said])


def test_the_products_emergency_text_is_in_the_readers_language_and_the_practices_as_written():
    german = Teller(LANGUAGES["de"], "emergency")
    assert "Notfälle" in dict(Emergency().tell(german))["text"]
    assert "555 0100" in dict(Emergency(text="Call the ward: 555 0100.").tell(german))["text"]


# --- measure offers -------------------------------------------------------------------------------

FRIDAY_NIGHT = utc("2026-06-05T22:00")  # 18:00; it opens on Monday at 9:00


def test_a_risk_bearing_measure_is_not_offered_when_it_opens_more_than_a_day_later():
    rules = rules_of(VALE_HOURS)
    refused = offer_at(rules, FRIDAY_NIGHT, risk_bearing=True)
    assert refused == Offer(False, utc("2026-06-07T13:00"), "opening_too_far")
    assert offer_at(rules, utc("2026-06-07T13:00"), risk_bearing=True).now
    assert not offer_at(rules, utc("2026-06-07T12:59"), risk_bearing=True).now
    assert offer_at(rules, FRIDAY_NIGHT, risk_bearing=False) == Offer(True, None, "offered")
    never = rules_of({"kind": "window.weekly", "zone": "America/New_York"})
    assert offer_at(never, FRIDAY_NIGHT, risk_bearing=True) == Offer(False, None, "no_opening")


SCHEDULE = {"kind": "measure.offer", "first": "2026-06-01", "every_weeks": 4, "after_weeks": [1, 3]}


@pytest.mark.parametrize(
    ("at", "last", "now", "next_at"),
    [
        ("2026-05-20T15:00", None, False, "2026-06-01T04:00"),
        ("2026-06-01T15:00", None, True, None),
        ("2026-06-01T15:00", "2026-06-01", False, "2026-06-08T04:00"),
        ("2026-06-09T15:00", "2026-06-01", True, None),
        ("2026-06-09T15:00", "2026-06-09", False, "2026-06-22T04:00"),
        ("2026-06-22T15:00", "2026-06-22", False, "2026-06-29T04:00"),
        ("2026-12-01T15:00", "2026-11-20", False, "2026-12-14T05:00"),
    ],
)
def test_measures_are_offered_on_the_dates_of_the_schedule_until_answered(at, last, now, next_at):
    rules = agreed(SCHEDULE)
    offer = offer_at(rules, utc(at), False, date.fromisoformat(last) if last else None)
    assert (offer.now, offer.next_at) == (now, utc(next_at) if next_at else None)


def test_a_schedule_without_a_rhythm_is_over_after_its_last_date():
    rules = agreed({"kind": "measure.offer", "first": "2026-06-01", "after_weeks": [1]})
    assert offer_at(rules, utc("2026-07-01T15:00"), False, date(2026, 7, 1)).why == "schedule_over"


@given(
    st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    st.none() | st.integers(1, 20),
    st.sets(st.integers(1, 30), max_size=4),
    st.integers(-30, 600),
)
def test_the_dates_around_a_day_are_those_of_the_whole_list(first, every, after, offset):
    today = first + timedelta(days=offset)
    rule = MeasureOffer(first=first, every_weeks=every, after_weeks=tuple(sorted(after)))
    weeks = {0, *after, *(range(0, 400, every) if every else ())}
    dates = sorted(first + timedelta(weeks=week) for week in weeks)
    assert rule.due_by(today) == max((day for day in dates if day <= today), default=None)
    assert rule.next_after(today) == next((day for day in dates if day > today), None)


@pytest.mark.parametrize(
    "said", [{"every_weeks": 4}, {"first": "2026-06-01", "after_weeks": [3, 1]}, {"after_weeks": [1]}]
)
def test_schedules_that_cannot_be_are_refused(said):
    with pytest.raises(BadRule, match=r"measure\.offer\."):
        agreed({"kind": "measure.offer"} | said)


# --- in words -------------------------------------------------------------------------------------

ALL_SAID = [
    {"kind": "participants", "owner_role": "trainee", "support_tier": "enhanced", "urgent_route": "Call us.",
     "safety_plan": True, "guardian": "logistics", "couple": True, "min_live_session_weeks": 4},
    {"kind": "participants", "guardian": "none", "couple": True, "side_threads": True},
    {"kind": "visibility", "in_inbox_shown": False, "opened_by_therapist_shown": True,
     "opened_by_client_shown": True, "open_early_told": True},
    {"kind": "visibility"},
    {"kind": "review", "every_weeks": 12, "first": "2026-06-01", "trial_ends": "2026-07-01",
     "agreement_ends": "2027-01-01"},
    {"kind": "review", "first": "2026-06-01"},
    SCHEDULE,
    {"kind": "measure.offer", "first": "2026-06-01"},
    {"kind": "phase", "phases": [
        {"name": "onboarding"}, {"name": "step_down_1", "begins": "2026-11-02"},
        {"name": "step_down_2", "announced": "2026-06-01"}, {"name": "maintenance"},
        {"name": "closing", "begins": "2027-01-01", "announced": "2026-06-01", "last_message": "2027-02-01"},
        {"name": "closed"}]},
    {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00", "own_hours_only": True,
     "windows": [{"days": ["sat"], "start": "10:00", "end": "11:00"}], "override": "free"},
    {"kind": "client.quiet_hours", "start": "22:00", "end": "07:00",
     "covert": [{"days": ["mon"], "start": "15:00", "end": "18:00"}]},
    {"kind": "client.quiet_hours", "zone": "Europe/Berlin", "start": "22:00", "end": "07:00"},
    {"kind": "region", "country": "US", "area": "US-NY", "zone": "Asia/Tokyo", "confirmed_on": "2026-05-01"},
    {"kind": "licence", "areas": ["US-NY", "GB"]},
    {"kind": "emergency", "region": "US"},
    {"kind": "bounds", "max_target_days": 3, "latest_outbound": "20:00", "min_windows_per_week": 1,
     "allowed_policies": ["hold"], "min_budget_per_week": 2, "open_early": False},
]  # fmt: skip


@pytest.mark.parametrize("document", ALL_SAID, ids=lambda document: document["kind"])
@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_field_that_is_set_is_said_in_words(document, language):
    rule = read_rule(document)
    said = list(rule.tell(Teller(LANGUAGES[language], document["kind"])))
    quiet = {"kind", "quiet_end", "end", "area"}  # said together with another field
    for field in set(document) - quiet - ({"first"} if "every_weeks" in document else set()):
        assert field in {name for name, _ in said}, field
    for _, sentence in said:
        assert sentence[0].isupper() and "{" not in sentence
