"""Layers resolve field by field; the result has one canonical form."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import BadRule, Layer, Rules, kinds, resolve
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import KINDS, AnyRule, kind_of
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.kinds.off_hours_policy import OffHoursPolicy
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.kinds.weekly_windows import WeeklyWindows
from etherapy.rules.targets import BusinessDays
from tests.rules.world import HART, NIGHT_LINE, VALE, VALE_HOURS, client_sends, policy, rules_of, target, utc

NOW = utc("2026-06-01T12:00")
ZONE_ONLY = {"kind": "window.weekly", "zone": "America/New_York"}
MONDAY = {"days": ["mon"], "start": "09:00", "end": "12:00"}


def exception(date, effect, *windows):
    listed = [{"start": start, "end": end} for start, end in windows]
    return {"kind": "window.exception", "date": date, "effect": effect, "windows": listed}


def test_a_stronger_layer_replaces_only_the_fields_it_sets():
    rules = rules_of(
        {"kind": "window.weekly", "windows": [MONDAY]},
        {"kind": "response.target", "firm": True},
        practice=(ZONE_ONLY | {"windows": []}, target("next_windows", n=2)),
    )
    assert rules.the(WeeklyWindows, NOW).zone == "America/New_York"
    assert len(rules.the(WeeklyWindows, NOW).windows) == 1
    assert rules.the(ResponseTarget, NOW).firm is True
    entries = {type(entry.rule): entry for entry in rules.entries}
    assert entries[WeeklyWindows].origin == {"zone": "practice", "windows": "therapist"}
    origin = entries[ResponseTarget].origin
    assert (origin["target"], origin["firm"], origin["by_kind"]) == ("practice", "therapist", "product")
    assert entries[Bounds].origin == {"*": "product"}


def test_product_defaults_hold_where_nobody_says_otherwise():
    rules = rules_of(ZONE_ONLY)
    assert rules.the(OffHoursPolicy, NOW).policy == "hold_with_ack"
    assert rules.the(ResponseTarget, NOW).target == BusinessDays(n=1)
    assert rules.the(Bounds, NOW).longest_wait_days == 7
    assert "not for emergencies" in rules.the(Emergency, NOW).text


def test_the_order_in_which_layers_are_given_does_not_matter():
    practice, therapist = Layer("practice", [policy("hold"), ZONE_ONLY]), Layer("therapist", [VALE_HOURS])
    assert resolve([practice, therapist]) == resolve([therapist, practice])


def test_closed_dates_of_all_layers_stand_beside_each_other():
    rules = rules_of(
        VALE_HOURS,
        exception("2026-06-03", "closed"),
        practice=(exception("2026-06-02", "closed"),),
    )
    assert client_sends(rules, "2026-06-02T03:40").release_at == utc("2026-06-04T13:00")


def test_a_therapist_cannot_replace_away_a_date_that_the_practice_closed_but_can_add_to_it():
    closed = (exception("2026-06-02", "closed"),)
    replaced = rules_of(VALE_HOURS, exception("2026-06-02", "replace", ("10:00", "11:00")), practice=closed)
    assert client_sends(replaced, "2026-06-02T03:40").release_at == utc("2026-06-03T13:00")
    added = rules_of(VALE_HOURS, exception("2026-06-02", "add", ("10:00", "11:00")), practice=closed)
    assert client_sends(added, "2026-06-02T03:40").release_at == utc("2026-06-02T14:00")


def test_of_two_layers_that_replace_one_date_the_stronger_wins():
    rules = rules_of(
        VALE_HOURS,
        exception("2026-06-02", "replace", ("15:00", "16:00")),
        practice=(exception("2026-06-02", "replace", ("07:00", "08:00")),),
    )
    assert client_sends(rules, "2026-06-02T03:40").release_at == utc("2026-06-02T19:00")


def test_the_layer_that_closed_a_date_is_named():
    rules = rules_of(VALE_HOURS, practice=({**exception("2026-06-02", "closed"), "label": "Staff day"},))
    (closed,) = [r for r in client_sends(rules, "2026-06-02T15:00").because if r.words == "closed_date"]
    assert (closed.kind, closed.origin, closed.label) == ("window.exception", "practice", "Staff day")


# --- the canonical form ---


@pytest.mark.parametrize("rules", [VALE, HART, NIGHT_LINE], ids=["vale", "hart", "night"])
def test_rules_come_back_from_their_canonical_form_and_decide_the_same(rules):
    again = Rules.from_canonical(rules.canonical())
    assert again == rules
    assert hash(again) == hash(rules)
    assert again.canonical() == rules.canonical()
    assert again.entries == rules.entries
    for at in ("2026-06-02T03:40", "2026-07-02T21:00", "2026-12-23T12:05"):
        assert client_sends(again, at) == client_sends(rules, at)


def test_equal_rules_share_one_timetable():
    once, again = (Rules.from_canonical(VALE.canonical()) for _ in range(2))
    assert once is not again
    assert again.timetable is once.timetable
    other_target = rules_of(VALE_HOURS, target("none"))
    assert other_target.timetable is rules_of(VALE_HOURS).timetable


def test_the_canonical_form_does_not_change_by_accident():
    """A sheet's hash is in every promise: another form of old rules would look like other rules."""
    two = Rules(e for e in rules_of(VALE_HOURS).entries if kind_of(e.rule) in ("pacing", "window.weekly"))
    assert two.canonical() == (
        b'{"format":"etherapy-rules/1","rules":[{"origin":{"*":"product"},"rule":{"coalesce_minutes":0,'
        b'"kind":"pacing","min_interval_minutes":0,"recall_minutes":0,"reflection_hours":0}},'
        b'{"origin":{"*":"therapist"},"rule":{"kind":"window.weekly","windows":'
        b'[{"days":["mon","tue","wed","thu","fri"],"end":"17:00","start":"09:00"}],"zone":"America/New_York"}}]}'
    )


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format":"etherapy-rules/2","rules":[]}',
        b'{"format": "etherapy-rules/1","rules":[]}',
        b'{"rules":[],"format":"etherapy-rules/1"}',
        b'{"format":"etherapy-rules/1","format":"etherapy-rules/1","rules":[]}',
        b'{"format":"etherapy-rules/1","rules":[{"origin":{},"rule":{"kind":"unheard_of"}}]}',
        b'{"format":"etherapy-rules/1","rules":[{"origin":{},"rule":{"kind":"bounds","longest_wait_days":0}}]}',
        b'{"format":"etherapy-rules/1","rules":1e400}',
        b"[" * 100_000,
    ],
)
def test_other_bytes_are_no_rules(broken):
    with pytest.raises(BadRule):
        Rules.from_canonical(broken)


def test_rules_that_know_fewer_kinds_still_decide():
    document = json.loads(VALE.canonical())
    document["rules"] = [
        entry for entry in document["rules"] if entry["rule"]["kind"] not in ("ack", "bounds")
    ]
    old = Rules.from_canonical(canonical_json(document))
    assert client_sends(old, "2026-06-02T03:40").release_at == utc("2026-06-02T13:00")
    assert client_sends(old, "2026-12-23T23:00").long_wait is False


def test_canonical_json_is_that_of_rfc_8785():
    value = {
        "€": "Euro",
        "\r": "CR",
        "\ufb33": "Hebrew",
        "1": "One",
        "😀": "Smiley",
        "\x80": "Control",
        "ö": "o",
    }
    names = list(json.loads(canonical_json(value)))
    assert names == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    assert canonical_json({"s": '€$\x0f\nA\'B"\\\\"/'}) == '{"s":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()
    assert canonical_json([56, True, None, -1]) == b"[56,true,null,-1]"


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53, {1: 2}, b"", "\ud800"])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError):
        canonical_json([value])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_canonical_json_says_the_same_and_is_its_own_canonical_form(value):
    assert json.loads(canonical_json(value)) == value
    assert canonical_json(json.loads(canonical_json(value))) == canonical_json(value)


# --- what is refused when it is written ---


@pytest.mark.parametrize(
    ("documents", "field"),
    [
        ([{}], "kind"),
        ([{"kind": "budget.unheard_of"}], "kind"),
        ([{"kind": ["bounds"]}], "kind"),
        ([{"kind": "bounds", "longest_wait_days": 0}], "bounds.longest_wait_days"),
        ([{"kind": "bounds", "longest_wait_days": 401}], "bounds.longest_wait_days"),
        ([{"kind": "bounds", "longest_wait_days": "7"}], "bounds.longest_wait_days"),
        ([{"kind": "bounds", "days": 7}], "bounds"),
        ([{"kind": "bounds", "origin": "therapist"}], "bounds.origin"),
        ([ZONE_ONLY | {"zone": "Europe/Londres"}], "window.weekly.zone"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"end": "09:00"}]}], "window.weekly.end"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"start": "24:00"}]}], "window.weekly.start"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"start": "9:00"}]}], "window.weekly.start"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"days": []}]}], "window.weekly.days"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"days": ["mon", "mon"]}]}], "window.weekly.days"),
        ([ZONE_ONLY | {"windows": [MONDAY | {"days": ["monday"]}]}], "window.weekly.windows[0].days[0]"),
        ([ZONE_ONLY | {"windows": [MONDAY] * 101}], "window.weekly.windows"),
        ([ZONE_ONLY, ZONE_ONLY], "window.weekly"),
        ([exception("2026-02-30", "closed")], "window.exception.date"),
        ([exception("2026-06-02", "shut")], "window.exception.effect"),
        ([exception("2026-06-02", "add")], "window.exception.windows"),
        ([exception("2026-06-02", "closed", ("09:00", "10:00"))], "window.exception.windows"),
        ([exception("2026-06-02", "closed"), exception("2026-06-02", "replace")], "window.exception"),
        ([{"kind": "holiday.calendar", "snapshot": ""}], "holiday.calendar.snapshot"),
        (
            [{"kind": "holiday.calendar", "snapshot": "x", "dates": [{"date": "2026-06-02"}] * 2}],
            "holiday.calendar.dates",
        ),
        ([target("business_days", n=-1)], "response.target.target.n"),
        ([target("business_days", n=1, at="noon")], "response.target.at"),
        ([target("window_minutes", n=10**9)], "response.target.target.n"),
        ([target("fortnights", n=1)], "response.target.target.count"),
        ([policy("shout")], "off_hours.policy.policy"),
        ([{"kind": "emergency", "text": "no"}], "emergency.text"),
        ([{"kind": "emergency", "text": "call \ud800 for help"}], "emergency"),
        ([{"kind": "emergency", "region": "usa"}], "emergency.region"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_field(documents, field):
    with pytest.raises(BadRule) as caught:
        Layer("therapist", documents)
    assert caught.value.field == field
    assert caught.value.problem
    assert caught.value.mend


def test_a_refusal_does_not_repeat_what_was_written():
    for document in (
        ZONE_ONLY | {"zone": "CANARY"},
        policy("CANARY"),
        {"kind": "CANARY"},
        {"kind": "bounds", "CANARY": 1},
        ZONE_ONLY | {"windows": [MONDAY | {"end": "CANARY"}]},
        target("CANARY"),
        exception("CANARY", "closed"),
    ):
        with pytest.raises(BadRule) as caught:
            Layer("practice", [document])
        assert "CANARY" not in str(caught.value)


def test_rules_without_a_zone_are_refused():
    with pytest.raises(BadRule, match=r"window\.weekly\.zone: no time zone is set"):
        resolve([Layer("therapist", [{"kind": "window.weekly", "windows": [MONDAY]}])])


def test_a_firm_promise_of_nothing_is_refused():
    with pytest.raises(BadRule, match=r"response\.target\.firm"):
        rules_of(ZONE_ONLY, target("none"), practice=({"kind": "response.target", "firm": True},))


@pytest.mark.parametrize("name", ["product", "", "boss"])
def test_only_known_layers_are_written(name):
    with pytest.raises(BadRule):
        Layer(name, [])


def test_one_layer_cannot_be_given_twice():
    with pytest.raises(BadRule):
        resolve([Layer("practice", [ZONE_ONLY]), Layer("practice", [])])


# --- kinds ---


def test_each_file_of_the_folder_is_one_kind_and_documented():
    files = sorted(path.stem for path in Path(str(kinds.__file__)).parent.glob("*.py"))
    modules = [
        "__init__",
        *(kind.__module__.removeprefix("etherapy.rules.kinds.") for kind in KINDS.values()),
    ]
    assert sorted(modules) == files
    assert all(kind.__doc__ for kind in KINDS.values())


def test_all_kinds_have_a_schema():
    schema = msgspec.json.schema(AnyRule)
    assert set(schema["discriminator"]["mapping"]) == set(KINDS)
