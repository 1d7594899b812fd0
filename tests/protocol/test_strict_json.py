"""One reader of JSON: strict, bounded in time, and silent about what it read."""

import json
import time
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.binary import B64, Id16
from etherapy.protocol.door import BadJson, Invalid
from etherapy.protocol.strict_json import MAX_MEMBERS, parse, read_json, write_json

NAMES = st.text('ab\\"{}[],é', max_size=4)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab\\"{}[],é', max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


class Cat(msgspec.Struct, tag="cat", frozen=True):
    name: str


class Dog(msgspec.Struct, tag="dog", frozen=True):
    name: str
    friend: "Cat | Dog | None" = None


class Whole(msgspec.Struct, frozen=True):
    pet: Cat | Dog
    pets: dict[str, list[Cat | Dog]] = {}
    one_of: Literal["aa", "bb"] = "aa"
    small: Annotated[int, msgspec.Meta(le=10)] = 0
    sealed: B64 = B64(b"")
    mid: Id16 | None = None
    renamed: int = msgspec.field(default=0, name="other-name")


class Owned(msgspec.Struct, frozen=True):
    zone: str

    def __post_init__(self) -> None:
        raise ValueError(f"no zone is called {self.zone}")


@given(plain)
def test_plain_json_is_read_as_the_standard_says(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False, indent=1).encode()) == value


@given(st.binary(max_size=200) | st.text('{}[]",:\\u0d8e1-.aN ', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        value = parse(data)
    except BadJson:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize("depth", [1, 15, 16])
def test_sixteen_levels_are_read(depth: int) -> None:
    assert parse(b"[" * depth + b"]" * depth) is not None


@pytest.mark.parametrize(
    "data", [b"[" * 17 + b"]" * 17, b'{"a":[' * 9 + b"]}" * 9, b'["' + b"[" * 40 + b'",' + b"[" * 17]
)
def test_more_levels_are_refused(data: bytes) -> None:
    with pytest.raises(BadJson, match=r".*") as refusal:
        parse(data)
    assert refusal.value.fault == "too deep"


def test_brackets_and_commas_in_texts_do_not_count() -> None:
    text = '[{,"\\' * 2_000
    assert parse(json.dumps({"a": text, "b": [text]}).encode()) == {"a": text, "b": [text]}


def test_a_thousand_members_are_read_and_no_more() -> None:
    assert len(parse(json.dumps(list(range(MAX_MEMBERS))).encode())) == MAX_MEMBERS
    for crowd in (list(range(MAX_MEMBERS + 1)), [[1] * 600, [1] * 600], [{"a": 1}] * 600):
        with pytest.raises(BadJson):
            parse(json.dumps(crowd).encode())


@pytest.mark.parametrize(
    "data",
    [
        b'"' + b'\\"' * 131_000,
        b'"' * 262_000,
        b"[" * 17 + b'"' + b'\\"' * 131_000,
        b'[[],"' * 50_000,
        b"\\" * 262_000,
        b'{"a":' * 50_000,
        b"[" + b'"\\u0041",' * 900 + b'"' + b"\\\\" * 120_000 + b'"]',
        b"[" + b"1" * 262_000 + b"]",
        b"-" * 262_000,
        b" " * 262_000,
        b"\xe2\x82" * 131_000,
    ],
)
def test_no_body_takes_long(data: bytes) -> None:
    begun = time.process_time()
    with suppress(BadJson):
        parse(data)
    assert time.process_time() - begun < 0.1


def refused(data: object, kind: type = Whole) -> tuple[str, str]:
    with pytest.raises(Invalid) as refusal:
        read_json(json.dumps(data).encode(), kind)
    assert "canary" not in refusal.value.at + refusal.value.fault
    return refusal.value.at, refusal.value.fault


CAT = {"type": "cat", "name": "Mia"}


def test_places_are_named_and_values_are_not() -> None:
    assert refused({"pet": CAT, "one_of": "canary"}) == ("$.one_of", "not one of the allowed values")
    assert refused({"pet": {"type": "canary"}}) == ("$.pet.type", "not one of the allowed values")
    assert refused({"pet": CAT, "small": 11}) == ("$.small", "expected `int` <= 10")
    assert refused({"pet": CAT, "mid": "canary"})[0] == "$.mid"
    assert refused({"pet": CAT, "pets": {"canary": [{"type": "cat"}]}})[0] == "$.pets[...][0]"
    assert refused({"pet": CAT, "pets": {"canary": 7}}) == ("$.pets[...]", "expected `array`, got `int`")
    assert refused({}) == ("$", "object missing required field `pet`")
    assert refused({"zone": "canary"}, Owned) == ("$", "not a valid value")


def test_unknown_fields_are_refused_at_every_depth() -> None:
    assert refused({"pet": CAT, "canary": 1}) == ("$", "unknown field")
    assert refused({"pet": {**CAT, "canary": 1}}) == ("$.pet", "unknown field")
    friend = {"type": "dog", "name": "a", "friend": {"type": "dog", "name": "b", "canary": 1}}
    assert refused({"pet": friend}) == ("$.pet.friend", "unknown field")
    assert refused({"pet": CAT, "pets": {"x": [CAT, {**CAT, "canary": 1}]}})[1] == "unknown field"
    assert refused({"pet": {"type": "cat", "name": "a", "friend": CAT}}) == ("$.pet", "unknown field")
    assert refused({"pet": CAT, "renamed": 1}) == ("$", "unknown field")


def test_what_is_written_is_read_back() -> None:
    whole = Whole(
        Dog("Rex", Cat("Mia")), {"x": [Cat("a"), Dog("b")]}, "bb", 10, B64(b"\xff\xfe"), Id16(b"i" * 16), 5
    )
    data = write_json(whole)
    assert read_json(data, Whole) == whole
    assert b'"sealed":"__4"' in data
    assert b'"other-name":5' in data


def test_a_long_text_is_refused_and_a_long_binary_field_is_not() -> None:
    sealed = write_json(Whole(Cat("a"), sealed=B64(bytes(66_000))))
    assert len(read_json(sealed, Whole).sealed) == 66_000
    long = "a" * 40_000
    assert refused({"pet": {"type": "cat", "name": long}})[0] == "$.pet.name"
    assert refused({"pet": CAT, "pets": {long: []}})[0] == "$.pets[...]"
    assert refused({"pet": CAT, "pets": {"x": [{"type": "cat", "name": long}]}})[0] == "$.pets[...][...].name"
