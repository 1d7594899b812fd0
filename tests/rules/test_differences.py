"""What differs between two policies, field by field: everything that does, nothing that does not."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etherapy.rules.differences import Difference, difference_lines, differences
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.policy import Policy, policy_in
from tests.rules.policies import policies
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, policy, target

SLOW = settings(suppress_health_check=list(HealthCheck), max_examples=25, deadline=None)


def said(**layers) -> Policy:
    return policy_in({"format": "etherapy-policy/1", "layers": layers})


def changed(before: Policy, after: Policy) -> list[tuple[str, str, str]]:
    return [(one.layer, one.kind, one.field) for one in differences(before, after)]


def applied(policy: Policy, found: tuple[Difference, ...]) -> dict[str, list]:
    """The policy with its differences made, by nothing but what they say."""
    layers = {name: [dict(rule) for rule in rules] for name, rules in policy.layers.items()}
    for one in found:
        rules = layers.setdefault(one.layer, [])
        if one.rule_before in rules:
            rules.remove(dict(one.rule_before or {}))
        if one.rule_after is not None and one.rule_after not in rules:
            rules.append(dict(one.rule_after))
    return layers


def alike(one: dict[str, list], other: dict[str, list]) -> bool:
    """Whether two policies say the same, in whatever order."""
    names = {name for layers in (one, other) for name, rules in layers.items() if rules}
    return all(
        sorted(map(repr_of, one.get(name, []))) == sorted(map(repr_of, other.get(name, []))) for name in names
    )


def repr_of(rule) -> str:
    return repr(sorted(rule.items(), key=lambda pair: pair[0]))


@SLOW
@given(policies(), policies())
def test_whoever_makes_the_differences_has_the_other_policy(one, other):
    layers = {name: list(map(dict, rules)) for name, rules in other.layers.items()}
    assert alike(applied(one, differences(one, other)), layers)


@SLOW
@given(policies(), st.randoms(use_true_random=False))
def test_the_order_of_rules_is_no_difference(some, rng):
    shuffled = Policy({name: tuple(rng.sample(rules, len(rules))) for name, rules in some.layers.items()})
    assert differences(some, shuffled) == ()


@SLOW
@given(policies(), policies(), st.sampled_from(sorted(LANGUAGES)))
def test_every_difference_has_its_lines_in_every_language(one, other, language):
    found = differences(one, other)
    lines = list(difference_lines(found, LANGUAGES[language]))
    assert len(lines) >= len(found)
    assert all(one.kind in "\n".join(lines) for one in found)


def test_only_the_fields_that_differ_are_named():
    before = said(therapist=[VALE_HOURS, policy("hold")], practice=[target("none")])
    after = said(therapist=[VALE_HOURS | {"zone": "Europe/Paris"}, policy("hold")], practice=[target("none")])
    assert changed(before, after) == [("therapist", "window.weekly", "zone")]


def test_a_field_that_is_left_to_other_layers_is_another_thing_than_its_default():
    before, after = said(therapist=[{"kind": "off_hours.policy"}]), said(therapist=[policy("hold_with_ack")])
    assert changed(before, after) == [("therapist", "off_hours.policy", "policy")]
    assert "    - (not set here)" in list(difference_lines(differences(before, after)))


def test_the_same_rule_in_another_layer_went_there_and_came_here():
    before, after = said(practice=[policy("hold")]), said(therapist=[policy("hold")])
    assert changed(before, after) == [
        ("practice", "off_hours.policy", "*"),
        ("therapist", "off_hours.policy", "*"),
    ]
    lines = list(difference_lines(differences(before, after)))
    assert lines[0] == "practice:" and lines[1] == "  - off_hours.policy"
    assert "  + off_hours.policy" in lines


def test_dates_beside_a_rule_are_fields_like_others():
    now, later = policy("hold") | {"ends": "2026-07-01"}, policy("deliver_normal") | {"begins": "2026-07-01"}
    before = said(therapist=[now, later])
    after = said(therapist=[now | {"ends": "2026-08-01"}, later | {"begins": "2026-08-01"}])
    assert changed(before, after) == [
        ("therapist", "off_hours.policy", "ends"),
        ("therapist", "off_hours.policy", "begins"),
    ]


def test_dated_rules_are_told_apart_by_their_dates():
    closed = {"kind": "window.exception", "date": "2026-12-24", "effect": "closed"}
    before = said(therapist=[closed, US_HOLIDAYS])
    after = said(therapist=[closed | {"label": "staff day"}, closed | {"date": "2026-12-31"}, US_HOLIDAYS])
    found = differences(before, after)
    assert {(one.place, one.field) for one in found} == {("2026-12-24", "label"), ("2026-12-31", "*")}


def test_a_difference_is_told_in_the_words_of_its_kind():
    before, after = said(therapist=[policy("hold")]), said(therapist=[policy("deliver_normal")])
    lines = list(difference_lines(differences(before, after)))
    assert lines[:2] == ["therapist:", "    off_hours.policy, policy"]
    assert lines[2].startswith("    - Messages outside") and lines[3].startswith("    + Messages outside")
