"""How a body is declared: a dataclass whose fields say their key, their rule and their words, once.

Packing, parsing, limits and the names that people read all follow from the declaration. A field that has its
default has no key on the wire, and a key that holds the default is refused, so that every body has one
encoding (tep.md §6.1).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, ClassVar, Self

from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import items, keyed, text

Read = Callable[[object, str], Any]
"""Takes a decoded value and what it is called; gives the value of the field, or raises Malformed."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a body: its key in the map, its rule, and how people call it."""

    key: int
    read: Read
    words: str


def part(key: int, read: Read, words: str = "", **default: Any) -> Any:
    """Declare a field. With a `default` it may be left out."""
    return field(metadata={"part": Part(key, read, words)}, **default)


class Body:
    """What a payload of one kind says. `pack` gives the map inside the payload, `parse` reads it strictly."""

    __slots__ = ()

    NOUN: ClassVar[str]
    """What people call it, such as "a safety plan"."""

    def pack(self) -> Any:
        """The map; Malformed for values that no reader would take."""
        found = {
            part.key: _plain(value)
            for name, part in self.parts().items()
            if (value := getattr(self, name)) != self._defaults().get(name, Body)
        }
        type(self).parse(found)
        return found

    @classmethod
    def parse(cls, value: object) -> Self:
        """The body behind a decoded map. Codes: those of `tep.shape`."""
        parts, defaults = cls.parts(), cls._defaults()
        need = [one.key for name, one in parts.items() if name not in defaults]
        found = keyed(value, need, [parts[name].key for name in defaults if name in parts], cls.NOUN)
        read = {
            name: one.read(found[one.key], one.words or name)
            for name, one in parts.items()
            if one.key in found
        }
        if any(name in defaults and defaults[name] == value for name, value in read.items()):
            raise Malformed("encoding", f"{cls.NOUN}: a key holds what its absence means")
        made = cls(**read)
        made.check()
        return made

    def check(self) -> None:
        """Malformed where fields that are good alone do not fit each other."""

    @classmethod
    def parts(cls) -> dict[str, Part]:
        """The declared fields by name, in their order."""
        return {one.name: one.metadata["part"] for one in fields(cls) if "part" in one.metadata}  # type: ignore[arg-type]  # every subclass is a dataclass

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        return {one.name: one.default for one in fields(cls) if one.default is not _MISSING}  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


_MISSING = field().default


def prose(most: int) -> Read:
    """A text with as many lines as its author likes, at most `most` bytes, not empty."""
    return lambda value, what: _filled(text(value, what, most), what)


def line(most: int) -> Read:
    """One line of at most `most` bytes, not empty, without anything that moves a cursor."""

    def read(value: object, what: str) -> str:
        found = _filled(text(value, what, most), what)
        if _CONTROL.search(found):
            raise Malformed("text", f"{what}: more than one line, or control characters")
        return found

    return read


def named(pattern: str) -> Read:
    """A name in a narrow alphabet, in which nothing can be said but a name."""
    allowed = re.compile(pattern)

    def read(value: object, what: str) -> str:
        found = text(value, what, 64)
        if not allowed.fullmatch(found):
            raise Malformed("text", f"{what}: not a name of this form")
        return found

    return read


def listed(most: int, read: Read) -> Read:
    """One to `most` entries of one form."""
    return lambda value, what: tuple(read(one, what) for one in items(value, what, 1, most))


def pair(first: Read, second: Read) -> Read:
    """Two values that belong together."""

    def read(value: object, what: str) -> tuple[Any, Any]:
        left, right = items(value, what, 2, 2)
        return first(left, what), second(right, what)

    return read


def _filled(found: str, what: str) -> str:
    if not found.strip():
        raise Malformed("text", f"{what}: empty")
    return found


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return int(value) if isinstance(value, IntEnum) else value
