"""Bounds: what the practice does not allow is refused when it is written and again when a sheet is read."""

import json

import pytest

from etherapy.rules import BadRule, Layer, Rules, resolve
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.layers import faults
from tests.rules.world import VALE_HOURS, policy, target

OUTSIDE = {
    "max_target_days": (target("wall_hours", n=120), 3, ("response.target.target", "5", "3")),
    "latest_outbound": (
        {"kind": "therapist.outbound", "quiet_start": "22:00", "quiet_end": "07:00"},
        "20:00",
        ("therapist.outbound.quiet_start", "22:00", "20:00"),
    ),
    "min_windows_per_week": (
        {"kind": "window.weekly", "zone": "America/New_York", "windows": VALE_HOURS["windows"]},
        6,
        ("window.weekly.windows", "5", "6"),
    ),
    "allowed_policies": (
        policy("deliver_normal"),
        ["hold", "hold_with_ack"],
        ("off_hours.policy.policy", "deliver_normal", "hold, hold_with_ack"),
    ),
    "min_budget_per_week": (
        {"kind": "budget.count", "limits": [{"n": 1, "per": "week"}]},
        2,
        ("budget.count.limits[0].n", "1", "2"),
    ),
    "min_notice_days": (
        {"kind": "phase", "phases": [{"name": "standard"}, {"name": "closing", "notice_days": 8}]},
        10,
        ("phase.phases[1].notice_days", "8", "10"),
    ),
    "longest_closed_days": (
        {"kind": "absence", "away_from": "2026-08-10", "back_on": "2026-08-16"},
        5,
        ("absence.cover", "6", "5"),
    ),
}
"""Of each bound a rule of a therapist that lies outside, the bound, and what the refusal names."""


def with_bound(name: str, bound: object, rule: dict) -> Rules:
    others = [] if rule["kind"] == "window.weekly" else [VALE_HOURS]
    return resolve(
        [Layer("practice", [{"kind": "bounds", name: bound}]), Layer("therapist", [*others, rule])]
    )


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_lies_outside_a_bound_is_refused_with_field_value_bound_and_mend(name):
    rule, bound, (field, value, said) = OUTSIDE[name]
    with pytest.raises(BadRule) as refusal:
        with_bound(name, bound, rule)
    assert refusal.value.field == field
    assert value in refusal.value.problem and said in refusal.value.problem
    assert refusal.value.mend


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_sheet_whose_rules_lie_outside_its_bounds_is_refused_when_it_is_read(name):
    rule, bound, (field, _, _) = OUTSIDE[name]
    allowed = with_bound(name, getattr(Bounds(), name), rule)
    assert Rules.from_canonical(allowed.canonical()) == allowed
    sheet = json.loads(allowed.canonical())
    (entry,) = [one for one in sheet["rules"] if one["rule"]["kind"] == "bounds"]
    entry["rule"][name] = bound
    with pytest.raises(BadRule) as refusal:
        Rules.from_canonical(canonical_json(sheet))
    assert refusal.value.field == field


def exception(begins: str, ends: str) -> Layer:
    said = policy("deliver_normal") | {"begins": begins, "ends": ends, "reason": "illness"}
    return Layer("exception", [said])


def test_a_temporary_exception_lasts_as_long_as_the_bound_and_not_a_day_longer():
    base = [
        Layer("practice", [{"kind": "bounds", "max_exception_days": 10}]),
        Layer("therapist", [VALE_HOURS]),
    ]
    assert faults([*base, exception("2026-06-01", "2026-06-11")]) == ()
    (fault,) = faults([*base, exception("2026-06-01", "2026-06-12")])
    assert fault.field == "off_hours.policy.ends"
    assert "11 days" in fault.problem and "bound is 10" in fault.problem and fault.mend


def test_without_a_word_of_the_practice_an_exception_lasts_thirty_days_at_most():
    base = [Layer("therapist", [VALE_HOURS])]
    assert faults([*base, exception("2026-06-01", "2026-07-01")]) == ()
    (fault,) = faults([*base, exception("2026-06-01", "2026-07-02")])
    assert "31 days" in fault.problem


def test_an_exception_with_times_of_its_own_is_held_to_the_same_bound():
    base = [Layer("therapist", [VALE_HOURS])]
    pause = {"kind": "pause", "by": "therapist", "since": "2026-06-01T00:00:00Z", "reason": "illness"}
    assert faults([*base, Layer("exception", [pause | {"until": "2026-07-01T00:00:00Z"}])]) == ()
    (fault,) = faults([*base, Layer("exception", [pause | {"until": "2026-07-02T00:00:00Z"}])])
    assert fault.field == "pause" and "31 days" in fault.problem
    leave = {"kind": "absence", "away_from": "2026-06-01", "back_on": "2026-08-01", "planned": False}
    (fault,) = faults([*base, Layer("exception", [leave | {"reason": "illness"}])])
    assert fault.field == "absence" and "61 days" in fault.problem


def test_bounds_of_a_later_date_bind_what_holds_from_then_on_and_nothing_before():
    practice = Layer("practice", [{"kind": "bounds", "max_target_days": 1, "begins": "2026-07-01"}])
    slow = target("business_days", n=5)
    resolve([practice, Layer("therapist", [VALE_HOURS, slow | {"ends": "2026-07-01"}])])
    with pytest.raises(BadRule, match=r"response\.target\.target"):
        resolve([practice, Layer("therapist", [VALE_HOURS, slow | {"ends": "2026-07-02"}])])


def test_the_products_own_defaults_are_inside_any_bounds():
    """A practice whose bounds are stricter than the product is not locked out of its own rules."""
    strict = {
        "kind": "bounds",
        "allowed_policies": ["hold"],
        "max_target_days": 1,
        "latest_outbound": "12:00",
    }
    resolve([Layer("practice", [strict, VALE_HOURS])])


def test_only_a_practice_sets_bounds():
    for layer in ("therapist", "agreement", "client"):
        with pytest.raises(BadRule, match="belongs to: practice"):
            Layer(layer, [{"kind": "bounds"}])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"latest_outbound": "25:00"}, "bounds.latest_outbound"),
        ({"latest_outbound": "00:00"}, "bounds.latest_outbound"),
        ({"allowed_policies": ["hold", "hold"]}, "bounds.allowed_policies"),
        ({"allowed_policies": ["throw_away"]}, "bounds.allowed_policies[0]"),
        ({"max_target_days": 0}, "bounds.max_target_days"),
        ({"max_exception_days": 0}, "bounds.max_exception_days"),
    ],
)
def test_bounds_that_cannot_be_are_refused(said, field):
    with pytest.raises(BadRule) as refusal:
        Layer("practice", [{"kind": "bounds"} | said])
    assert refusal.value.field.split("[")[0] == field.split("[")[0]
