"""Endpoints and handlers belong together by name and type, and the start fails if they do not."""

import types

import pytest

from etherapy.binary import Id16
from etherapy.protocol.door import NoSuchPlace, WrongMethod
from etherapy.protocol.endpoint import Endpoint, table
from etherapy.server.context import Context
from etherapy.server.routes import Routes, handlers_in
from tests.server import small_house
from tests.server.small_house import HANDLERS, TABLE, Note, Parts, Shout, WaitQuery


def test_an_endpoint_without_handler_stops_the_start() -> None:
    rest = {name: handler for name, handler in HANDLERS.items() if name != "shout"}
    with pytest.raises(TypeError, match="shout has no handler"):
        Routes(TABLE, rest)


def test_a_handler_without_endpoint_stops_the_start() -> None:
    with pytest.raises(TypeError, match="whisper has no endpoint"):
        Routes(TABLE, {**HANDLERS, "whisper": HANDLERS["shout"]})


class NotCalled(Exception):
    """These handlers are looked at only."""


async def _no_parameter(ctx: Context[Parts]) -> Note:
    raise NotCalled


async def _other_name(ctx: Context[Parts], message: Id16, body: Shout, query: WaitQuery) -> Note:
    raise NotCalled


async def _other_type(ctx: Context[Parts], note: str, body: Shout, query: WaitQuery) -> Note:
    raise NotCalled


async def _other_body(ctx: Context[Parts], note: Id16, body: Note, query: WaitQuery) -> Note:
    raise NotCalled


async def _other_query(ctx: Context[Parts], note: Id16, body: Shout, query: Shout) -> Note:
    raise NotCalled


async def _other_result(ctx: Context[Parts], note: Id16, body: Shout, query: WaitQuery) -> Shout:
    raise NotCalled


async def _no_result(ctx: Context[Parts], note: Id16, body: Shout, query: WaitQuery) -> None:
    raise NotCalled


async def _good(ctx: Context[Parts], note: Id16, body: Shout, query: WaitQuery) -> Note:
    raise NotCalled


async def _good_as_bytes(ctx: Context[Parts], note: bytes, query: WaitQuery, body: Shout) -> Note:
    raise NotCalled


def routes_with(handler: object) -> Routes:
    class one:
        change = Endpoint("PUT", "/notes/{note}", takes=Shout, gives=Note, query=WaitQuery)

    return Routes(table(vars(one)), {"change": handler})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "handler",
    [_no_parameter, _other_name, _other_type, _other_body, _other_query, _other_result, _no_result],
)
def test_a_handler_of_another_shape_stops_the_start(handler: object) -> None:
    with pytest.raises(TypeError, match="change: "):
        routes_with(handler)


@pytest.mark.parametrize("handler", [_good, _good_as_bytes])
def test_a_handler_of_the_right_shape_is_taken(handler: object) -> None:
    routes_with(handler)


def test_handlers_are_found_in_their_own_module_only() -> None:
    assert handlers_in(vars(small_house)) == {**HANDLERS, "until": small_house.until}
    assert handlers_in(vars(types)) == {}
    with pytest.raises(TypeError, match="two handlers are called"):
        handlers_in(vars(small_house), vars(small_house))


def test_a_path_is_found_by_its_literal_part_first() -> None:
    class some:
        one = Endpoint("GET", "/notes/newest", gives=Note)
        any_note = Endpoint("GET", "/notes/{note}", gives=Note)
        deep = Endpoint("GET", "/notes/{note}/parts/{part}", gives=Note, where={"part": int})

    async def one(ctx: Context[Parts]) -> Note:
        raise NotCalled

    async def any_note(ctx: Context[Parts], note: Id16) -> Note:
        raise NotCalled

    async def deep(ctx: Context[Parts], note: Id16, part: int) -> Note:
        raise NotCalled

    routes = Routes(table(vars(some)), {"one": one, "any_note": any_note, "deep": deep})
    assert routes.find("GET", "/notes/newest")[0].endpoint is some.one
    found, values = routes.find("HEAD", "/notes/abc")
    assert (found.endpoint, values) == (some.any_note, ["abc"])
    assert routes.find("GET", "/notes/a/parts/7")[1] == ["a", "7"]
    for path in ("/", "/notes", "/notes/a/parts", "/notes/a/parts/7/8", "/other"):
        with pytest.raises(NoSuchPlace):
            routes.find("GET", path)
    with pytest.raises(WrongMethod):
        routes.find("POST", "/notes/newest")
    assert routes.methods("/notes/newest") == ["GET", "HEAD"]
