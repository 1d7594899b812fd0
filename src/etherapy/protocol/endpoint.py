"""One request and its answer, declared once (house.md 3.5).

The routes, the checks at the door, the OpenAPI document, the SDK's call and the metrics are read off
an `Endpoint`. Nothing here knows HTTP libraries: both ends import it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal

import msgspec

from etherapy.binary import B64, Hash32, Id16, b64
from etherapy.protocol.problem import Problem

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    In = TypeVar("In", default=None)
    Out = TypeVar("Out", default=None)
else:
    from typing import TypeVar

    In = TypeVar("In")
    Out = TypeVar("Out")

Role = Literal["administrator", "therapist", "client", "supervisor"]
Access = frozenset[Role]

OPEN: Final[Access] = frozenset()
"""No token is asked for. What the endpoint gives must be fit for anybody."""
EVERYONE: Final[Access] = frozenset({"administrator", "therapist", "client", "supervisor"})
"""Anybody with a session, whatever the role."""

ORDINARY_BODY = 64 * 1024
SEALED_BODY = 256 * 1024
"""For envelopes, commits and chains (decisions.md D-15)."""

JSON = "application/json"
Parameter = type[Id16] | type[Hash32] | type[int] | type[str]

_NAME = re.compile(r"\{([a-z_]+)\}")
_TEMPLATE = re.compile(r"(/([a-z0-9._-]+|\{[a-z_]+\}))+|/")
_TEXT = re.compile(r"[A-Za-z0-9._~-]{1,256}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, eq=False)
class Endpoint(Generic[In, Out]):
    """A method and a path, what is taken and what is given.

    `path` names its parameters in braces. A parameter is an `Id16` unless `where` says `Hash32`, `int`
    (0 to 2^63-1) or `str` (unreserved characters only). `gives` is a struct (JSON), `bytes` (sent as
    they are, as `media`) or None (204). A handler has the endpoint's name and takes the context, then
    by name each path parameter, `query` if there is one and `body` if something is taken.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    takes: type[In] | None = None
    gives: type[Out] | None = None
    access: Access = EVERYONE
    query: type[msgspec.Struct] | None = None
    where: Mapping[str, Parameter] = field(default_factory=dict)
    problems: tuple[type[Problem], ...] = ()
    body_limit: int = ORDINARY_BODY
    status: Literal[200, 201, 204] | None = None
    """Of the good answer; None: 200, or 204 where nothing is given."""
    repeatable: bool = False
    """A POST whose repetition with the same bytes is harmless: the SDK may send it again by itself."""
    waits: bool = False
    """A long poll: it may take longer than others and is ended early when the server stops."""
    cost: int = 1
    """How many ordinary requests one of these counts for in the rate limits."""
    media: str = JSON
    name: str = field(default="", init=False)
    """The attribute name in the table; set by `table`."""

    def __post_init__(self) -> None:
        if not _TEMPLATE.fullmatch(self.path):
            raise TypeError(f"not a path template: {self.path}")
        if self.method in ("GET", "DELETE") and self.takes is not None:
            raise TypeError(f"{self.method} {self.path} cannot take a body")
        names = _NAME.findall(self.path)
        if len(set(names)) != len(names) or not set(self.where) <= set(names):
            raise TypeError(f"{self.path}: parameters named twice, or typed without being named")
        if (self.good_status == 204) != (self.gives is None):
            raise TypeError(f"{self.path}: 204 belongs to endpoints that give nothing, and to all of them")

    @property
    def good_status(self) -> int:
        """The status of the answer that was hoped for."""
        return self.status or (204 if self.gives is None else 200)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The path's parameters with their types, in order."""
        return {name: self.where.get(name, Id16) for name in _NAME.findall(self.path)}

    @property
    def safe_to_repeat(self) -> bool:
        """Whether sending the same bytes again can do no harm (RFC 9110 9.2.2, or declared)."""
        return self.repeatable or self.method not in ("POST", "PATCH")

    def fill(self, values: Mapping[str, object]) -> str:
        """The path with its parameters filled in; TypeError if they are not those of the template."""
        expected = self.parameters
        if set(values) != set(expected):
            raise TypeError(f"{self.path} needs {sorted(expected)}, was given {sorted(values)}")
        return _NAME.sub(lambda found: write_parameter(expected[found[1]], values[found[1]]), self.path)


def write_parameter(kind: Parameter, value: object) -> str:
    """A path parameter as text; plain bytes are taken where an `Id16` or `Hash32` is meant."""
    if issubclass(kind, B64):
        if not isinstance(value, bytes) or len(value) != kind.LENGTH:
            raise TypeError(f"a parameter must be {kind.LENGTH} bytes")
        return b64(value)
    text = str(value)
    if not (_NUMBER if kind is int else _TEXT).fullmatch(text):
        raise TypeError("a path parameter must be a small number or unreserved characters")
    return text


def read_parameter(kind: Parameter, text: str) -> Any:
    """A path parameter from its text; ValueError if it cannot name anything, without repeating it."""
    if issubclass(kind, B64):
        return kind.read(text)
    if kind is int:
        if not _NUMBER.fullmatch(text) or int(text) >= 2**63:
            raise ValueError("not a number from 0 to 2^63-1")
        return int(text)
    if not _TEXT.fullmatch(text):
        raise ValueError("not a name")
    return text


Table = Mapping[str, Endpoint[Any, Any]]


def table(namespace: Mapping[str, object]) -> Table:
    """The endpoints of a module by attribute name: `table(vars(endpoints))`.

    Gives each endpoint its name. TypeError if two share a method and a path, if one stands under two
    names, or if a wire struct holds plain `bytes` (which would travel in the other alphabet).
    """
    found = {name: value for name, value in namespace.items() if isinstance(value, Endpoint)}
    roads: dict[tuple[str, str], str] = {}
    for name, endpoint in found.items():
        road = (endpoint.method, _NAME.sub("{}", endpoint.path))
        if road in roads:
            raise TypeError(f"{name} and {roads[road]} share {endpoint.method} {endpoint.path}")
        if endpoint.name not in ("", name):
            raise TypeError(f"{endpoint.name} is also called {name}")
        roads[road] = name
        object.__setattr__(endpoint, "name", name)
        _refuse_plain_bytes(name, endpoint)
    return MappingProxyType(found)


def _refuse_plain_bytes(name: str, endpoint: Endpoint[Any, Any]) -> None:
    kinds = [kind for kind in (endpoint.takes, endpoint.gives, endpoint.query) if kind not in (None, bytes)]
    if plain := sorted({place for kind in kinds for place in _plain_bytes(kind)}):
        raise TypeError(f"{name}: {', '.join(plain)} must be B64, Id16 or Hash32, not bytes")


def _plain_bytes(kind: Any) -> list[str]:
    """The struct fields, anywhere below `kind`, that are declared as plain bytes."""
    found: list[str] = []
    seen: set[Any] = set()

    def look(info: Any, place: str) -> None:
        if isinstance(info, msgspec.inspect.BytesType | msgspec.inspect.ByteArrayType):
            found.append(place)
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                return
            seen.add(info.cls)
            for each in info.fields:
                look(each.type, f"{info.cls.__name__}.{each.name}")
        for below in ("types", "item_types"):
            for each in getattr(info, below, ()):
                look(each, place)
        for below in ("item_type", "key_type", "value_type", "type"):
            if isinstance(inner := getattr(info, below, None), msgspec.inspect.Type):
                look(inner, place)

    look(msgspec.inspect.type_info(kind), getattr(kind, "__name__", str(kind)))
    return found
