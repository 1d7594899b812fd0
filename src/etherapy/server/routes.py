"""From a method and a path to an endpoint and its handler; all of it settled at the start."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_type_hints

from etherapy.binary import B64
from etherapy.protocol.door import NoSuchPlace, WrongMethod
from etherapy.protocol.endpoint import Endpoint, Table

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and the function that serves it."""

    endpoint: Endpoint[Any, Any]
    handler: Handler


class _Place:
    """A node of the tree of path segments."""

    __slots__ = ("any", "methods", "named")

    def __init__(self) -> None:
        self.named: dict[str, _Place] = {}
        self.any: _Place | None = None
        self.methods: dict[str, Route] = {}


class Routes:
    """Every endpoint of `table` with the handler of the same name.

    TypeError, naming the culprit, if a name has no partner on either side, or if a handler's parameters or
    result are not those of its endpoint.
    """

    def __init__(self, table: Table, handlers: Mapping[str, Handler]) -> None:
        if lonely := sorted(set(table) ^ set(handlers)):
            missing = [f"{name} has no {'handler' if name in table else 'endpoint'}" for name in lonely]
            raise TypeError("; ".join(missing))
        self._root = _Place()
        for name, endpoint in table.items():
            _check_partner(name, endpoint, handlers[name])
            self._add(endpoint, handlers[name])

    def _add(self, endpoint: Endpoint[Any, Any], handler: Handler) -> None:
        place = self._root
        for segment in _segments(endpoint.path):
            if segment.startswith("{"):
                place.any = place = place.any or _Place()
            else:
                place = place.named.setdefault(segment, _Place())
        place.methods[endpoint.method] = Route(endpoint, handler)

    def find(self, method: str, path: str) -> tuple[Route, list[str]]:
        """The route and its parameters' texts; raises NoSuchPlace or WrongMethod. HEAD finds what GET does.

        Paths are compared as they are spelled: a percent sign, a doubled or a final slash is another place.
        """
        place, values = self._walk(path)
        route = place.methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise WrongMethod()
        return route, values

    def methods(self, path: str) -> list[str]:
        """The methods declared for a path, HEAD beside GET; raises NoSuchPlace."""
        found = sorted(self._walk(path)[0].methods)
        return [*found, "HEAD"] if "GET" in found else found

    def _walk(self, path: str) -> tuple[_Place, list[str]]:
        place: _Place | None = self._root
        values = []
        for segment in _segments(path):
            assert place is not None
            if segment in place.named:
                place = place.named[segment]
            else:
                place = place.any
                values.append(segment)
            if place is None:
                break
        if place is None or not place.methods:
            raise NoSuchPlace()
        return place, values


def _segments(path: str) -> list[str]:
    return path.split("/")[1:]


def handlers_in(*namespaces: Mapping[str, Any]) -> dict[str, Handler]:
    """The public coroutine functions that modules define: `handlers_in(vars(people), vars(messages))`."""
    found: dict[str, Handler] = {}
    for namespace in namespaces:
        for name, value in namespace.items():
            own = getattr(value, "__module__", None) == namespace.get("__name__")
            if inspect.iscoroutinefunction(value) and own and not name.startswith("_"):
                if name in found:
                    raise TypeError(f"two handlers are called {name}")
                found[name] = value
    return found


def _check_partner(name: str, endpoint: Endpoint[Any, Any], handler: Handler) -> None:
    hints = get_type_hints(handler)
    given = list(inspect.signature(handler).parameters)[1:]
    expected: dict[str, Any] = dict(endpoint.parameters)
    if endpoint.query is not None:
        expected["query"] = endpoint.query
    if endpoint.takes is not None:
        expected["body"] = endpoint.takes
    if set(given) != set(expected):
        raise TypeError(f"{name}: takes {given} besides the context, its endpoint gives {list(expected)}")
    for parameter, kind in expected.items():
        if not _fits(kind, hints.get(parameter)):
            raise TypeError(f"{name}: {parameter} is {hints.get(parameter)}, its endpoint gives {kind}")
    if hints.get("return") != (endpoint.gives or NoneType):
        raise TypeError(f"{name}: returns {hints.get('return')}, its endpoint says {endpoint.gives}")


def _fits(kind: Any, annotation: Any) -> bool:
    return annotation == kind or (annotation is bytes and isinstance(kind, type) and issubclass(kind, B64))
