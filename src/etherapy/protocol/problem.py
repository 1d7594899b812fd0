"""What can be answered instead of what was asked for (RFC 9457, house.md 2.5).

A problem is declared once, as a class. The HTTP document, the OpenAPI schema, the page in the
documentation and the exception that the SDK raises are all read off that class.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, get_type_hints

import msgspec

from etherapy.binary import dec_hook, enc_hook

_REGISTER: dict[str, type["Problem"]] = {}
_RESERVED = frozenset({"type", "title", "status", "request_id"})


class Problem(Exception):
    """Something that was refused, as a value both ends know: raise it in a handler, catch it in the SDK.

    Declare one with `@dataclass(eq=False) class OutsideBoundary(Problem, status=409)`. The type URI is
    the class name (`/problems/outside-boundary`), the title the first paragraph of the docstring, and
    each dataclass field becomes a member of the document. Fields must not repeat what was sent.
    """

    status: int = 500
    code: ClassVar[str] = "problem"
    """The class name in snake case: the stable name in logs, metrics and refusals of the store."""
    uri: ClassVar[str] = "/problems/problem"
    title: ClassVar[str] = ""
    retry_after: int | None = None
    """Whole seconds until it is worth trying again; becomes the Retry-After header."""
    request_id: str | None = None
    """The request that was refused. Set on the SDK's side, from the document."""

    def __init_subclass__(cls, *, status: int, **extra: Any) -> None:
        super().__init_subclass__(**extra)
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", cls.__name__)
        cls.code = "_".join(words).lower()
        cls.uri = "/problems/" + "-".join(words).lower()
        cls.status = status
        cls.title = " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        known = _REGISTER.setdefault(cls.code, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"two problems would be called {cls.code}: {known!r} and {cls!r}")
        _REGISTER[cls.code] = cls

    def __str__(self) -> str:
        return self.title

    def document(self, request_id: str | None = None) -> dict[str, Any]:
        """The application/problem+json members, ready to be encoded."""
        return {
            "type": self.uri,
            "title": self.title,
            "status": self.status,
            "request_id": request_id,
            **{
                name: msgspec.to_builtins(getattr(self, name), enc_hook=enc_hook)
                for name in fields(type(self))
            },
        }

    def headers(self) -> dict[str, str]:
        """The response headers that belong to this problem."""
        found = {}
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            found["WWW-Authenticate"] = 'Bearer realm="etherapy"'
        return found

    @staticmethod
    def from_document(document: object, status: int = 500) -> "Problem":
        """The problem that a server answered; `Unexpected`, holding the document, if it is not one of ours.

        Members that this release does not know are ignored: the server may be newer.
        """
        if not isinstance(document, Mapping):
            return Unexpected.holding({}, status)
        uri = document.get("type")
        kind = next((kind for kind in _REGISTER.values() if kind.uri == uri), Unexpected)
        try:
            problem = _read(kind, document)
        except (msgspec.ValidationError, TypeError, ValueError):
            problem = Unexpected.holding(document, status)
        if isinstance(problem, Unexpected):
            problem = Unexpected.holding(document, status)
        request_id = document.get("request_id")
        problem.request_id = request_id if isinstance(request_id, str) else None
        return problem


class Unexpected(Problem, status=500):
    """Something went wrong that nobody foresaw; try again, and quote the request id if it stays."""

    received: Mapping[str, Any] = {}
    """The document as it came, where this release could not read it."""

    @classmethod
    def holding(cls, document: Mapping[str, Any], status: int) -> "Unexpected":
        """An Unexpected that keeps an answer nobody could read."""
        problem = cls()
        problem.received = dict(document)
        problem.status = status
        return problem


def every_problem(package: str = "etherapy") -> Iterator[type[Problem]]:
    """All problems declared in a package, by name; import the modules that declare them first."""
    for code in sorted(_REGISTER):
        if _REGISTER[code].__module__.startswith(f"{package}."):
            yield _REGISTER[code]


def problem_named(code: str) -> type[Problem] | None:
    """The problem class whose `code` this is, so that a refusal by name becomes an answer."""
    return _REGISTER.get(code)


def fields(kind: type[Problem]) -> dict[str, Any]:
    """The extra members of a problem's document: name to type, in the order of declaration."""
    names = list(getattr(kind, "__dataclass_fields__", {}))
    hints = get_type_hints(kind)
    if taken := _RESERVED.intersection(names):
        raise TypeError(f"{kind.__name__} may not name a field {', '.join(sorted(taken))}")
    return {name: hints[name] for name in names}


def shape(kind: type[Problem]) -> type[msgspec.Struct]:
    """The whole document of a problem as a struct, for its JSON Schema."""
    opening: list[tuple[str, Any]] = [
        ("type", Literal[kind.uri]),
        ("title", str),
        ("status", Literal[kind.status]),
        ("request_id", str | None),
    ]
    return msgspec.defstruct(kind.__name__, [*opening, *fields(kind).items()])


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value, enc_hook=enc_hook)


def _read(kind: type[Problem], document: Mapping[str, Any]) -> Problem:
    """A problem back from its document; a member that is missing falls back to the field's default."""
    hints = fields(kind)
    given = {name: document[name] for name in hints if name in document}
    return kind(
        **{name: msgspec.convert(value, hints[name], dec_hook=dec_hook) for name, value in given.items()}
    )
