"""What is compiled of the hours is shared between rules that say the same, and never outlives a change."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from etherapy.rules import Attempt, Facts, Rules, decide
from etherapy.rules.policy import BadPolicy, check_policy
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable
from tests.rules.policies import policies
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, policy, rules_of, target, utc, weekly

SLOW = settings(suppress_health_check=list(HealthCheck), max_examples=25, deadline=None)
TIMES = [utc("2026-06-01T00:00") + timedelta(hours=17 * number) for number in range(20)]


def compiled_anew(rules: Rules) -> Timetable:
    """The timetable of these rules, from nothing that was made before."""
    timetable = Timetable()
    for entry in rules.entries:
        if type(entry.rule).shape is not Rule.shape:
            timetable = entry.rule.shape(timetable, entry.begins, entry.ends)
    return timetable


def test_rules_that_are_equal_share_what_was_compiled():
    one, other = rules_of(VALE_HOURS, US_HOLIDAYS), rules_of(VALE_HOURS, US_HOLIDAYS)
    assert one is not other and one.timetable is other.timetable
    assert Rules.from_canonical(one.canonical()).timetable is one.timetable


def test_rules_that_differ_in_what_is_no_hour_share_it_too():
    one = rules_of(VALE_HOURS, policy("hold"), target("wall_hours", n=24))
    assert one.timetable is rules_of(VALE_HOURS, policy("deliver_normal")).timetable


def test_the_layer_that_says_it_does_not_matter_to_the_hours():
    assert rules_of(VALE_HOURS).timetable is rules_of(practice=(VALE_HOURS,)).timetable


def test_rules_with_other_hours_share_nothing():
    others = [
        rules_of(VALE_HOURS),
        rules_of(VALE_HOURS, US_HOLIDAYS),
        rules_of(VALE_HOURS | {"zone": "America/Chicago"}),
        rules_of(weekly("America/New_York", (["mon"], "09:00", "17:00"))),
        rules_of(VALE_HOURS | {"ends": "2026-07-01"}, practice=({**VALE_HOURS, "windows": []},)),
        rules_of(VALE_HOURS, {"kind": "window.exception", "date": "2026-06-02", "effect": "closed"}),
        rules_of(
            VALE_HOURS,
            {"kind": "window.exception", "date": "2026-06-02", "effect": "closed", "label": "staff day"},
        ),
    ]
    assert len({id(rules.timetable) for rules in others}) == len(others)


def test_a_date_that_is_closed_later_is_closed_though_it_was_asked_for_before():
    night = Attempt(utc("2026-06-02T03:40"), by_client=True)
    before = rules_of(VALE_HOURS)
    assert decide(before, night, Facts()).release_at == utc("2026-06-02T13:00")
    closed = {"kind": "window.exception", "date": "2026-06-02", "effect": "closed"}
    after = rules_of(VALE_HOURS, closed)
    assert decide(after, night, Facts()).release_at == utc("2026-06-03T13:00")
    assert decide(before, night, Facts()).release_at == utc("2026-06-02T13:00")


@SLOW
@given(policies("practice", "therapist"), policies("practice", "therapist"))
def test_whatever_was_asked_before_the_hours_are_those_of_the_rules(one, other):
    for some in (one, other, one):
        try:
            rules = check_policy(some)
        except BadPolicy:
            continue
        anew = compiled_anew(rules)
        for at in TIMES:
            assert rules.timetable.next_open(at) == anew.next_open(at)
            assert rules.timetable.closes_at(at) == anew.closes_at(at)
            assert rules.timetable.closing(at) == anew.closing(at)
