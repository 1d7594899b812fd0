"""Fixed binary layouts: big-endian, no gaps, one encoding for every value (tep_amendments.md A-1 to A-4)."""

from functools import cache
from operator import attrgetter
from struct import Struct, error
from typing import Any, Protocol

from etherapy.tep.malformed import Malformed


class Layout:
    """A `struct` format that refuses what `struct` would silently cut, pad or wrap."""

    __slots__ = ("_struct", "_what", "size")

    def __init__(self, form: str, what: str) -> None:
        self._struct = Struct(form)
        self._what = what
        self.size = self._struct.size

    def pack(self, *values: int | bytes) -> bytes:
        """The bytes of `values`; Malformed when a number or a length does not fit its field."""
        try:
            data = self._struct.pack(*values)
        except error:
            raise Malformed("range", f"{self._what}: a value does not fit its field") from None
        if self._struct.unpack(data) != values:
            raise Malformed("length", f"{self._what}: a field has the wrong length")
        return data

    def unpack(self, data: bytes) -> tuple[Any, ...]:
        """The values behind exactly `size` bytes."""
        if len(data) != self.size:
            raise Malformed("length", f"{self._what}: expected {self.size} bytes")
        return self._struct.unpack(data)

    def expect(self, holds: bool, what: str, rule: str) -> None:
        """Malformed with the code `what` unless the rule holds."""
        if not holds:
            raise Malformed(what, f"{self._what}: {rule}")


class Slotted(Protocol):
    """A dataclass with slots."""

    __slots__: tuple[str, ...]


def values_of(record: Slotted) -> tuple[Any, ...]:
    """The fields of a slotted dataclass in their order."""
    found: tuple[Any, ...] = _getter(record.__slots__)(record)
    return found


@cache
def _getter(names: tuple[str, ...]) -> "attrgetter[Any]":
    return attrgetter(*names)
