"""Rules as portable data: one canonical file, read and written without loss, refused with all its faults."""

import json
import re
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etherapy.rules import Attempt, Facts, decide
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import KINDS
from etherapy.rules.policy import BadPolicy, Policy, check_policy, policy_in, read_policy, write_policy
from etherapy.rules.schema import policy_schema
from tests.rules.policies import documents, policies
from tests.rules.world import US_HOLIDAYS, VALE_HOURS, policy, target, utc

SCHEMA = jsonschema.Draft202012Validator(policy_schema())
SLOW = settings(suppress_health_check=list(HealthCheck), max_examples=30, deadline=None)
VALE = {"format": "etherapy-policy/1", "layers": {"therapist": [VALE_HOURS, US_HOLIDAYS]}}
OPEN = {"kind": "window.weekly", "zone": "Europe/London", "windows": []}


def faults(document) -> list[str]:
    """The paths of all faults of a file."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(BadPolicy) as caught:
        read_policy(data)
    assert all(one.problem and one.mend for one in caught.value.faults)
    return [one.field for one in caught.value.faults]


def layers(**said):
    return {"format": "etherapy-policy/1", "layers": said}


@SLOW
@given(policies())
def test_what_is_written_is_read_back_and_written_the_same_byte_for_byte(some):
    data = write_policy(some)
    assert read_policy(data) == some
    assert write_policy(read_policy(data)) == data
    assert canonical_json(json.loads(data)) == data


@SLOW
@given(policies(), st.randoms(use_true_random=False))
def test_two_readers_of_one_policy_decide_the_same(some, rng):
    spelled = json.dumps(
        {"owner": some.owner, "layers": dict(some.layers), "format": "etherapy-policy/1"}
        if some.owner
        else {"layers": {name: list(rules) for name, rules in reversed(some.layers.items())}}
        | {"format": "etherapy-policy/1"},
        indent=rng.choice([None, 1, 4]),
        ensure_ascii=rng.choice([True, False]),
    ).encode()
    other = read_policy(spelled)
    assert write_policy(other) == write_policy(some)
    try:
        mine = check_policy(some)
    except BadPolicy as bad:
        with pytest.raises(BadPolicy) as caught:
            check_policy(other)
        assert list(map(str, caught.value.faults)) == list(map(str, bad.faults))
        return
    assert other.rules().canonical() == mine.canonical()
    attempt = Attempt(utc("2026-06-01T21:40"), by_client=True)
    assert decide(other.rules(), attempt, Facts()) == decide(mine, attempt, Facts())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_written_down_at_random_and_the_schema_takes_it(kind):
    seen = []

    @settings(suppress_health_check=list(HealthCheck), max_examples=8, deadline=None, database=None)
    @given(documents(kind))
    def look(document):
        seen.append(document)
        SCHEMA.validate([document])

    look()
    assert len(seen) > 3


def test_a_plain_list_is_the_layer_of_whoever_reads_it():
    data = json.dumps([VALE_HOURS]).encode()
    assert read_policy(data) == Policy({"therapist": (VALE_HOURS,)})
    assert read_policy(data, "practice").layers == {"practice": (VALE_HOURS,)}


def test_layers_of_a_file_resolve_with_the_stronger_over_the_weaker():
    some = policy_in(layers(practice=[policy("hold"), VALE_HOURS], therapist=[policy("deliver_normal")]))
    origins = {type(e.rule).__name__: set(e.origin.values()) for e in some.rules().entries}
    assert "therapist" in origins["OffHoursPolicy"] and "practice" not in origins["OffHoursPolicy"]
    assert origins["WeeklyWindows"] == {"practice"}


def test_what_the_practice_says_of_some_therapists_depends_on_whose_the_policy_is():
    said = [VALE_HOURS, policy("hold"), policy("deliver_normal") | {"only_for": ["ab" * 16]}]
    everybody, hers = (
        policy_in(layers(practice=said)),
        policy_in(layers(practice=said) | {"owner": "ab" * 16}),
    )
    night = Attempt(utc("2026-06-02T03:40"), by_client=True)
    assert decide(everybody.rules(), night, Facts()).code == "held"
    assert decide(hers.rules(), night, Facts()).code == "at_once"


def test_every_bad_rule_of_every_layer_is_named():
    assert faults(
        layers(
            practice=[OPEN, {"kind": "shut"}, OPEN | {"zone": "Europe/Pariss"}],
            therapist=[policy("never"), VALE_HOURS, {"kind": "bounds"}],
        )
    ) == [
        "layers.practice[1].kind",
        "layers.practice[2].window.weekly.zone",
        "layers.therapist[0].off_hours.policy.policy",
        "layers.therapist[2].bounds",
    ]


def test_every_rule_that_contradicts_an_earlier_one_is_named():
    assert faults(layers(therapist=[VALE_HOURS, policy("hold"), VALE_HOURS, policy("hold")])) == [
        "layers.therapist[2].window.weekly",
        "layers.therapist[3].off_hours.policy",
    ]


def test_all_that_layers_together_forbid_is_named():
    some = policy_in(
        layers(
            practice=[{"kind": "bounds", "allowed_policies": ["hold"]}],
            therapist=[target("none") | {"firm": True}],
        )
    )
    with pytest.raises(BadPolicy) as caught:
        check_policy(some)
    assert {one.field for one in caught.value.faults} >= {"window.weekly.zone", "response.target.firm"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "file"),
        (b"{", "file"),
        (b"\xff", "file"),
        (b"[" * 100_000, "file"),
        (b"5", "file"),
        (b'{"format":"etherapy-policy/1","layers":{},"layers":{}}', "file"),
        (b'[{"kind":"bounds","longest_wait_days":7.5}]', "file"),
        (b'[{"kind":"bounds","longest_wait_days":1e400}]', "file"),
        (b'[{"kind":"emergency","text":"\\ud800 and more text"}]', "file"),
        (b" " * 4_000_001, "file"),
        (b"{}", "format"),
        (b'{"format":"etherapy-policy/2","layers":{}}', "format"),
        (b'{"format":"etherapy-policy/1"}', "layers"),
        (b'{"format":"etherapy-policy/1","layers":[]}', "layers"),
        (b'{"format":"etherapy-policy/1","layers":{},"note":1}', "note"),
        (b'{"format":"etherapy-policy/1","layers":{},"owner":""}', "owner"),
        (b'{"format":"etherapy-policy/1","layers":{"product":[]}}', "layers.product"),
        (b'{"format":"etherapy-policy/1","layers":{"therapist":{}}}', "layers.therapist"),
        (b'{"format":"etherapy-policy/1","layers":{"therapist":[5]}}', "layers.therapist[0]"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_its_place(data, field):
    assert faults(data) == [field]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "etherapy-policy/2"},
        {"note": 1},
        {"owner": "Dr Vale"},
        {"layers": {"product": []}},
        {"layers": {"therapist": [{"kind": "bounds"}]}},
        {"layers": {"therapist": [{"kind": "shut"}]}},
        {"layers": {"therapist": [policy("never")]}},
        {"layers": {"therapist": [policy("hold") | {"note": 1}]}},
        {"layers": {"therapist": [policy("hold") | {"only_for": ["Anna"]}]}},
        {"layers": {"therapist": [policy("hold") | {"reason": "Ill"}]}},
        {"layers": {"therapist": [US_HOLIDAYS | {"begins": "2026-01-01"}]}},
        {"layers": {"exception": [policy("hold") | {"begins": "2026-06-01", "ends": "2026-06-02"}]}},
        {"layers": {"practice": [{"kind": "bounds", "longest_wait_days": 0}]}},
    ],
)
def test_what_the_schema_refuses_is_refused(change):
    document = VALE | change
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(document)
    assert faults(document)


def test_the_schema_is_one_and_takes_a_policy_and_a_list():
    jsonschema.Draft202012Validator.check_schema(policy_schema())
    SCHEMA.validate(VALE)
    SCHEMA.validate([VALE_HOURS, US_HOLIDAYS])
    json.dumps(policy_schema())


def test_the_examples_of_the_page_are_policies_that_hold():
    page = (Path(__file__).parents[2] / "docs/rules.md").read_text("utf-8")
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    files = [one for one in examples if "layers" in one]
    assert files and len(examples) > len(files)
    for one in files:
        SCHEMA.validate(one)
        assert check_policy(policy_in(one)).canonical()


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["", "24:00", "9999-12-31", "0001-01-01", "2026-02-30", "9999-12-31T23:59:59Z", "aa" * 16]
    ),
    st.just([]),
    st.just({}),
    st.just([{}]),
)


def broken(value, rng, draw):
    """The same document with one thing in it replaced, added or left out."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {other: inner for other, inner in value.items() if other != name}
        return {**value, name: broken(value[name], rng, draw)}
    if isinstance(value, list | tuple) and value and rng.random() < 0.9:
        place = rng.randrange(len(value))
        return [broken(one, rng, draw) if number == place else one for number, one in enumerate(value)]
    return draw(odd)


@settings(suppress_health_check=list(HealthCheck), max_examples=150, deadline=None)
@given(policies(), st.randoms(use_true_random=False), st.data())
def test_whatever_is_broken_in_a_file_it_is_refused_with_its_place_or_holds(some, rng, data):
    document = {
        "format": "etherapy-policy/1",
        "layers": {name: list(map(dict, r)) for name, r in some.layers.items()},
    }
    changed = json.dumps(broken(document, rng, data.draw)).encode()
    try:
        found = read_policy(changed)
        rules = check_policy(found)
    except BadPolicy as bad:
        assert all(one.field and one.problem and one.mend for one in bad.faults)
        return
    assert read_policy(write_policy(found)) == found
    decide(rules, Attempt(utc("2026-06-01T21:40"), by_client=True), Facts())
