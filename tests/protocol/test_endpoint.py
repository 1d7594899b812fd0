"""One request and its answer, declared once; a declaration that cannot hold is refused at import."""

import dataclasses
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.binary import B64, Hash32, Id16, b64
from etherapy.protocol.endpoint import Endpoint, read_parameter, table, write_parameter


class Thing(msgspec.Struct):
    id: Id16


class Wrong(msgspec.Struct):
    id: bytes


class Hidden(msgspec.Struct):
    things: dict[str, list[Wrong | None]]


class Tree(msgspec.Struct):
    sealed: B64
    below: "list[Tree]" = []


def test_the_good_status_follows_from_what_is_given() -> None:
    assert Endpoint("GET", "/a", gives=Thing).good_status == 200
    assert Endpoint("DELETE", "/a").good_status == 204
    assert Endpoint("POST", "/a", gives=Thing, status=201).good_status == 201


def test_what_may_be_repeated_follows_from_the_method_or_is_said() -> None:
    assert Endpoint("GET", "/a", gives=Thing).safe_to_repeat
    assert Endpoint("PUT", "/a", takes=Thing).safe_to_repeat
    assert Endpoint("DELETE", "/a").safe_to_repeat
    assert not Endpoint("POST", "/a", takes=Thing).safe_to_repeat
    assert not Endpoint("PATCH", "/a", takes=Thing).safe_to_repeat
    assert Endpoint("POST", "/a", takes=Thing, repeatable=True).safe_to_repeat


@pytest.mark.parametrize(
    "given",
    [
        {"path": "a"},
        {"path": "/a b"},
        {"path": "/{A}"},
        {"path": "/x{a}"},
        {"path": "/a/"},
        {"path": "/{a}/{a}"},
        {"path": "/{a}", "where": {"b": int}},
        {"path": "/a", "takes": Thing},
        {"path": "/a", "gives": None},
        {"path": "/a", "status": 204},
    ],
)
def test_a_declaration_that_cannot_hold_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Endpoint(**{"method": "GET", "gives": Thing, "status": 200, **given})


def test_a_table_names_its_endpoints() -> None:
    read = Endpoint("GET", "/things/{thing}", gives=Thing)
    found = table({"read_thing": read, "other": 7, "__name__": "x"})
    assert dict(found) == {"read_thing": read}
    assert read.name == "read_thing"
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.name = "x"  # type: ignore[misc]


def test_a_table_refuses_two_endpoints_on_one_road() -> None:
    one, two = Endpoint("GET", "/t/{a}", gives=Thing), Endpoint("GET", "/t/{b}", gives=Thing)
    with pytest.raises(TypeError, match="two and one share GET"):
        table({"one": one, "two": two})


def test_a_table_refuses_one_endpoint_under_two_names() -> None:
    one = Endpoint("GET", "/t", gives=Thing)
    table({"one": one})
    with pytest.raises(TypeError, match="one is also called two"):
        table({"two": one})


def test_plain_bytes_are_refused_wherever_they_hide() -> None:
    with pytest.raises(TypeError, match=r"bad: Wrong\.id must be B64"):
        table({"bad": Endpoint("GET", "/t", gives=Wrong)})
    with pytest.raises(TypeError, match=r"bad: Wrong\.id must be B64"):
        table({"bad": Endpoint("POST", "/t", takes=Hidden)})
    assert table({"good": Endpoint("GET", "/t", gives=Tree)})
    assert table({"raw": Endpoint[None, bytes]("GET", "/t", gives=bytes)})


def test_a_path_is_filled_with_ids_numbers_and_names() -> None:
    endpoint = Endpoint(
        "GET", "/a/{id}/{n}/{hash}/{name}", gives=Thing, where={"n": int, "hash": Hash32, "name": str}
    )
    assert endpoint.parameters == {"id": Id16, "n": int, "hash": Hash32, "name": str}
    path = endpoint.fill({"id": b"i" * 16, "n": 7, "hash": Hash32(b"h" * 32), "name": "audit-log"})
    assert path == f"/a/{b64(b'i' * 16)}/7/{b64(b'h' * 32)}/audit-log"
    for bad in ({"id": b"i" * 15}, {"n": -1}, {"n": "x"}, {"name": "a/b"}, {"name": ""}, {"other": 1}):
        values = {"id": b"i" * 16, "n": 7, "hash": b"h" * 32, "name": "x", **bad}
        with pytest.raises(TypeError):
            endpoint.fill(values)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**63 - 1))
def test_parameters_survive_the_path(identity: bytes, number: int) -> None:
    assert read_parameter(Id16, write_parameter(Id16, identity)) == identity
    assert read_parameter(int, write_parameter(int, number)) == number


FIXED_WORDS = {
    "not base0url without padding",
    "not base0url without padding: trailing bits are not zero",
    "expected 0 bytes, got 0",
    "not a number from 0 to 0^0-0",
    "not a name",
}


@given(st.text(max_size=30))
def test_no_text_is_two_parameters(text: str) -> None:
    for kind in (Id16, Hash32, int, str):
        try:
            value = read_parameter(kind, text)
        except ValueError as error:
            assert re.sub(r"\d+", "0", str(error)) in FIXED_WORDS  # nothing of the text can be in it
        else:
            assert write_parameter(kind, value) == text
