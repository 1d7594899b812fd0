"""A problem is declared once and is the same class at both ends (house.md 3.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.binary import Hash32, Id16, b64
from etherapy.protocol import door
from etherapy.protocol.pages import problems_page
from etherapy.protocol.problem import (
    _REGISTER,
    Problem,
    Unexpected,
    every_problem,
    fields,
    problem_named,
    shape,
)


class Window(msgspec.Struct, frozen=True):
    opens_at: datetime


@dataclass(eq=False)
class BeyondTheFence(Problem, status=409):
    """What was agreed with your therapist does not allow this message now.

    More for those who read the source.
    """

    because: list[str]
    retry_at: datetime | None = None
    windows: tuple[Window, ...] = ()
    thread: Id16 | None = None
    head: Hash32 | None = None
    retry_after: int | None = None


class HTTPNotSpoken(Problem, status=400):
    """Another language."""


def through_the_wire(problem: Problem) -> Problem:
    return Problem.from_document(msgspec.json.decode(msgspec.json.encode(problem.document("r1"))))


def test_type_and_title_come_from_the_class() -> None:
    assert BeyondTheFence.uri == "/problems/beyond-the-fence"
    assert BeyondTheFence.code == "beyond_the_fence"
    assert BeyondTheFence.title == "What was agreed with your therapist does not allow this message now."
    assert BeyondTheFence.status == 409
    assert HTTPNotSpoken.uri == "/problems/http-not-spoken"
    assert str(BeyondTheFence([])) == BeyondTheFence.title


def test_the_document_is_rfc_9457_with_the_fields_as_members() -> None:
    problem = BeyondTheFence(["turn_taking"], datetime(2026, 3, 2, 8, tzinfo=UTC), thread=Id16(b"t" * 16))
    assert problem.document("r1") == {
        "type": "/problems/beyond-the-fence",
        "title": BeyondTheFence.title,
        "status": 409,
        "request_id": "r1",
        "because": ["turn_taking"],
        "retry_at": "2026-03-02T08:00:00Z",
        "windows": (),
        "thread": b64(b"t" * 16),
        "head": None,
        "retry_after": None,
    }


@given(
    st.lists(st.text(max_size=5), max_size=3),
    st.none() | st.datetimes(timezones=st.just(timezone(timedelta(0)))),
    st.none() | st.binary(min_size=16, max_size=16).map(Id16),
    st.none() | st.integers(0, 1000),
)
def test_the_other_end_raises_the_same_class_with_the_same_values(
    because: list[str], retry_at: datetime | None, thread: Id16 | None, retry_after: int | None
) -> None:
    problem = BeyondTheFence(because, retry_at, (), thread, Hash32(b"h" * 32), retry_after)
    back = through_the_wire(problem)
    assert type(back) is BeyondTheFence
    assert back.request_id == "r1"
    assert {name: getattr(back, name) for name in fields(BeyondTheFence)} == {
        name: getattr(problem, name) for name in fields(BeyondTheFence)
    }


@pytest.mark.parametrize("kind", [*every_problem(), *every_problem("tests")])
def test_every_problem_has_a_title_an_error_status_and_a_schema(kind: type[Problem]) -> None:
    assert kind.title.endswith(".")
    assert 400 <= kind.status < 600
    assert problem_named(kind.code) is kind
    assert msgspec.json.schema(shape(kind), schema_hook=lambda _: {"type": "string"})


@pytest.mark.parametrize(
    "problem",
    [
        door.BadJson("not JSON"),
        door.Invalid("$.mid", "expected 16 bytes"),
        door.TooLarge(65536),
        door.NoSession(),
    ],
)
def test_problems_of_the_door_survive_the_wire(problem: Problem) -> None:
    back = through_the_wire(problem)
    assert type(back) is type(problem)
    assert back.document("r1") == problem.document("r1")


def test_members_of_a_newer_server_are_passed_over_and_missing_ones_have_their_default() -> None:
    back = Problem.from_document(
        {"type": "/problems/beyond-the-fence", "because": ["pause"], "new": {"a": 1}}
    )
    assert isinstance(back, BeyondTheFence)
    assert (back.because, back.retry_at, back.request_id) == (["pause"], None, None)


@pytest.mark.parametrize(
    "document",
    [
        {"type": "/problems/from-the-future", "title": "x", "status": 418},
        {"type": "about:blank"},
        {"type": 7},
        {"type": "/problems/beyond-the-fence", "because": 7},
        {"type": "/problems/beyond-the-fence"},
        {},
    ],
)
def test_what_is_not_known_becomes_unexpected_and_keeps_the_document(document: dict[str, object]) -> None:
    back = Problem.from_document(document, 418)
    assert type(back) is Unexpected
    assert (back.received, back.status) == (document, 418)


@pytest.mark.parametrize("document", [None, [], "text", 7])
def test_what_is_no_document_becomes_unexpected(document: object) -> None:
    back = Problem.from_document(document, 502)
    assert type(back) is Unexpected
    assert (back.received, back.status) == ({}, 502)


def test_unexpected_tells_the_other_end_nothing_of_what_it_holds() -> None:
    problem = Unexpected.holding({"secret": "canary"}, 500)
    assert "canary" not in str(problem.document("r1"))


def test_headers_follow_from_status_and_retry_after() -> None:
    assert door.NoSession().headers() == {"WWW-Authenticate": 'Bearer realm="etherapy"'}
    assert door.Unavailable(retry_after=7).headers() == {"Retry-After": "7"}
    assert BeyondTheFence([]).headers() == {}
    assert BeyondTheFence([], retry_after=3).headers() == {"Retry-After": "3"}


def test_two_problems_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match="two problems would be called no_session"):
        type("NoSession", (Problem,), {"__doc__": "Again.", "__module__": "elsewhere"}, status=401)
    assert problem_named("no_session") is door.NoSession


def test_a_field_may_not_hide_a_member_of_every_document() -> None:
    @dataclass(eq=False)
    class Misnamed(Problem, status=400):
        """Cannot be."""

        title: str  # type: ignore[misc]

    with pytest.raises(TypeError, match="may not name a field title"):
        fields(Misnamed)
    del _REGISTER["misnamed"]


def test_the_page_of_problems_names_every_type() -> None:
    page = problems_page()
    assert all(f"`{kind.uri}`, {kind.status}" in page for kind in every_problem())
    assert "- `fault`: str" in page
    assert BeyondTheFence.uri not in page
