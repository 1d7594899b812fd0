"""Bodies of payloads: one encoding each, declared once, strict to the last key (tep.md §5.6, §6.1)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.tep import cbor
from etherapy.tep.kinds import (
    READERS,
    Act,
    Answer,
    Body,
    Change,
    HistoryOpened,
    Measure,
    Notice,
    Proposal,
    Reaction,
    SafetyPlan,
    Text,
    kind_of,
    parse_body,
    propose,
)
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Kind, Payload, View, parse_payload
from tests.tep.test_cbor import values
from tests.tep.world import NOW, flips

SEEN = View(3, bytes(32), 1, bytes(32))
mids = st.binary(min_size=16, max_size=16)
lines = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20
).filter(str.strip)  # fmt: skip
proses = st.text(min_size=1, max_size=60).filter(str.strip)
names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,31}", fullmatch=True)
steps = st.lists(lines, max_size=4).map(tuple)
times = st.integers(0, 4 * 10**12)
notes = st.none() | proses

texts = st.builds(Text, st.text(max_size=100), st.none() | lines)
changes = st.builds(Change, mids) | st.builds(Change, mids, proses, st.none() | lines)
reactions = st.builds(Reaction, mids, st.none() | lines.filter(lambda one: len(one.encode()) <= 32))
proposals = st.builds(
    Proposal, st.just(Act.PROPOSE), times, st.sampled_from(["UTC", "America/New_York", "Etc/GMT+5"]),
    st.integers(1, 1440), st.none() | lines, notes,
)  # fmt: skip
answers = st.builds(Answer, st.sampled_from([Act.ACCEPT, Act.DECLINE, Act.CANCEL]), mids, notes)
plans = st.builds(SafetyPlan, st.integers(1, 10_000), *[steps] * 7).filter(
    lambda one: any(one.steps().values())
)
measures = st.builds(
    Measure,
    names,
    times,
    st.dictionaries(st.integers(1, 255), st.integers(0, 10_000), max_size=9).map(
        lambda d: tuple(sorted(d.items()))
    ),
    st.dictionaries(names, st.integers(0, 10_000), max_size=4).map(lambda d: tuple(sorted(d.items()))),
).filter(lambda one: one.answers or one.scores)
notices = st.builds(Notice, proses)
opened = st.builds(
    HistoryOpened, st.binary(min_size=32, max_size=32), mids, st.integers(0, 5), st.integers(5, 9)
)
bodies: st.SearchStrategy[Body] = st.one_of(
    texts, changes, reactions, proposals, answers, plans, measures, notices, opened
)

EXAMPLES: list[Body] = [
    Text("Hello"),
    Text("Hello", "The summer"),
    Change(bytes(16), "Thursday", "When"),
    Change(bytes(16)),
    Reaction(bytes(16), "👍"),
    Reaction(bytes(16)),
    propose(NOW, "America/New_York", 50, "Room 4", "Bring the diary."),
    Answer(Act.ACCEPT, bytes(16)),
    Answer(Act.CANCEL, bytes(16), "I am ill."),
    SafetyPlan(1, signs=("I stop answering",), supporters=("My sister",)),
    Measure("phq-9", NOW, ((1, 2), (2, 0)), (("total", 2),)),
    Notice("The practice has a new server."),
    HistoryOpened(bytes(32), bytes(16), 0, 4),
]


def map_of(body: Body) -> Any:
    return cbor.decode(cbor.encode(body.pack()), limit=61_440)


@given(bodies)
def test_every_body_comes_back_as_it_was_through_the_bytes_of_a_payload(body: Body):
    payload = Payload(kind_of(body), body.pack(), NOW, SEEN)
    assert parse_body(parse_payload(payload.pack())) == body


def test_every_declared_kind_has_an_example_here_and_is_told_apart():
    assert {kind_of(body) for body in EXAMPLES} == set(READERS) == set(Kind) - {Kind.ATTACHMENTS}
    for body in EXAMPLES:
        assert type(READERS[kind_of(body)](map_of(body))) is type(body)


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda one: type(one).__name__)
def test_a_body_has_exactly_its_keys(body: Body):
    """AT-02: a key that is not listed, and one that is missing."""
    read, found = READERS[kind_of(body)], map_of(body)
    if isinstance(found, str):
        return
    free = next(key for key in range(24) if key not in {one.key for one in body.parts().values()})
    with pytest.raises(Malformed):
        read(found | {free: 1})
    needed = {one.key for name, one in body.parts().items() if name not in body._defaults()}
    for key in needed:
        with pytest.raises(Malformed):
            read({one: value for one, value in found.items() if one != key})


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda one: type(one).__name__)
def test_a_body_with_any_bit_flipped_is_refused_or_is_another_body(body: Body):
    """AT-01: every kind, in the bytes of its payload."""
    original = Payload(kind_of(body), body.pack(), NOW, SEEN).pack()
    for changed in flips(original):
        try:
            read = parse_payload(changed)
            found = parse_body(read)
        except Malformed:
            continue
        assert read.pack() == changed
        if found is not None and read.kind == kind_of(body):
            assert found.pack() == read.body


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda one: type(one).__name__)
@given(data=st.data())
def test_a_body_with_anything_else_in_a_field_is_refused_or_says_just_that(body: Body, data: st.DataObject):
    """AT-02: whatever is read packs to the very same map again."""
    found = map_of(body)
    if isinstance(found, str):
        return
    changed = found | {data.draw(st.sampled_from(sorted(found))): data.draw(values)}
    try:
        read = READERS[kind_of(body)](changed)
    except Malformed:
        return
    assert map_of(read) == changed


@given(st.integers(1, 9), values)
def test_any_value_under_any_kind_is_read_or_malformed_and_nothing_else(kind: int, value: Any):
    try:
        parse_body(Payload(kind, value, NOW, SEEN))
    except Malformed:
        return


@pytest.mark.parametrize(
    "made",
    [
        Text("x", ""),
        Text("x", "two\nlines"),
        Text("x", "y" * 201),
        Text("x", "a bell \x07"),
        Change(bytes(15), "x"),
        Change(bytes(16), ""),
        Change(bytes(16), "  \n "),
        Change(bytes(16), None, "a subject alone"),
        Reaction(bytes(16), "x" * 33),
        Reaction(bytes(16), "\x1b[2J"),
        Proposal(Act.PROPOSE, NOW, "Mars time!", 50),
        Proposal(Act.PROPOSE, NOW, "../etc/passwd", 50),
        Proposal(Act.PROPOSE, NOW, "UTC", 0),
        Proposal(Act.PROPOSE, NOW, "UTC", 1441),
        Proposal(Act.PROPOSE, 2**60, "UTC", 50),
        Answer(Act.PROPOSE, bytes(16)),
        Answer(5, bytes(16)),
        SafetyPlan(1),
        SafetyPlan(0, signs=("x",)),
        SafetyPlan(1, signs=("",)),
        SafetyPlan(1, signs=("x",) * 21),
        Measure("phq-9", NOW),
        Measure("PHQ-9", NOW, ((1, 1),)),
        Measure("feeling down, depressed", NOW, ((1, 1),)),
        Measure("phq-9", NOW, ((2, 1), (1, 1))),
        Measure("phq-9", NOW, ((1, 1), (1, 2))),
        Measure("phq-9", NOW, ((1, 10_001),)),
        Measure("phq-9", NOW, (), (("little interest in things", 1),)),
        Notice(""),
        HistoryOpened(bytes(32), bytes(16), 5, 4),
    ],
)
def test_what_no_reader_would_take_is_not_packed(made: Body):
    with pytest.raises(Malformed):
        made.pack()


def test_what_is_absent_has_no_second_spelling():
    for body, key, default in (
        (Change(bytes(16), "x"), 2, None),
        (SafetyPlan(1, signs=("x",)), 2, []),
        (Reaction(bytes(16)), 1, None),
    ):
        with pytest.raises(Malformed):
            READERS[kind_of(body)](map_of(body) | {key: default})
    with pytest.raises(Malformed):
        Text.parse({0: "a text without a subject is no map"})


def test_a_text_without_a_subject_is_the_bare_text_so_that_old_readers_read_it():
    assert Text("Hello").pack() == "Hello"
    assert Text.parse("Hello") == Text("Hello")


def test_the_largest_plan_fits_into_one_message():
    full = ("x" * 400,) * 20
    plan = SafetyPlan(10_000, full, full, full, full, full, full, full)
    assert len(Payload(Kind.SAFETY_PLAN, plan.pack(), NOW, SEEN).pack()) < 61_440


def test_a_plan_has_a_name_for_each_step_that_people_read():
    plan = SafetyPlan(1, signs=("x",))
    assert list(plan.steps()) == list(SafetyPlan.step_names().values())
    assert len(plan.steps()) == 7 and all(plan.steps())


def test_nothing_that_is_said_is_in_a_printed_form():
    for body in EXAMPLES:
        shown = repr(body)
        assert shown == f"{type(body).__name__}(…)"


def test_attachments_and_unknown_kinds_have_no_body_here():
    assert parse_body(Payload(Kind.ATTACHMENTS, "", NOW, SEEN)) is None
    assert parse_body(Payload(77, "", 0, raw={0: 77})) is None


def test_a_later_version_is_the_same_plan_with_another_number():
    plan = SafetyPlan(1, signs=("x",))
    assert replace(plan, version=2).steps() == plan.steps()
