"""Exact shapes of decoded values: every key listed, every length and range said (tep.md §6.1)."""

from collections.abc import Collection
from itertools import pairwise
from typing import Any

from etherapy.tep.malformed import Malformed

ZEROS_32 = bytes(32)
MAX_TIME = 253_402_300_800_000
"""First millisecond of the year 10000: times beyond it could not be shown by anybody."""


def keyed(
    value: object, need: Collection[int], may: Collection[int] = (), what: str = "keys"
) -> dict[int, Any]:
    """A map that has all keys of `need`, perhaps some of `may`, and no other."""
    if not isinstance(value, dict):
        raise Malformed("type", f"{what}: expected a map")
    if any(key not in value for key in need) or any(key not in need and key not in may for key in value):
        raise Malformed("keys", f"{what}: not exactly the keys of this format")
    return value


def numbered(*values: object) -> dict[int, object]:
    """The values under keys 0, 1, 2 …; None leaves its key out."""
    return {key: value for key, value in enumerate(values) if value is not None}


def uint(value: object, what: str, least: int = 0, most: int = 2**64 - 1) -> int:
    """An unsigned integer within its range; true and false are not numbers here."""
    if type(value) is not int:
        raise Malformed("type", f"{what}: expected an unsigned integer")
    if not least <= value <= most:
        raise Malformed("range", f"{what}: outside {least}..{most}")
    return value


def instant(value: object, what: str) -> int:
    """Milliseconds since 1970 UTC."""
    return uint(value, what, 0, MAX_TIME)


def boolean(value: object, what: str) -> bool:
    """True or false, not a number."""
    if not isinstance(value, bool):
        raise Malformed("type", f"{what}: expected true or false")
    return value


def octets(value: object, length: int, what: str) -> bytes:
    """Exactly `length` bytes."""
    if not isinstance(value, bytes):
        raise Malformed("type", f"{what}: expected bytes")
    if len(value) != length:
        raise Malformed("length", f"{what}: expected {length} bytes")
    return value


def text(value: object, what: str, most: int) -> str:
    """Text of at most `most` bytes in UTF-8."""
    if not isinstance(value, str):
        raise Malformed("type", f"{what}: expected text")
    if len(value.encode("utf-8")) > most:
        raise Malformed("length", f"{what}: longer than {most} bytes")
    return value


def items(value: object, what: str, least: int, most: int) -> list[Any]:
    """An array of `least` to `most` entries."""
    if not isinstance(value, list):
        raise Malformed("type", f"{what}: expected an array")
    if not least <= len(value) <= most:
        raise Malformed("length", f"{what}: {least} to {most} entries are allowed")
    return value


def row(value: object, what: str, width: int) -> list[Any]:
    """An array of exactly `width` entries."""
    return items(value, what, width, width)


def ascending(keys: list[bytes], what: str) -> None:
    """Each key greater than the one before, which also means: no key twice."""
    if any(a >= b for a, b in pairwise(keys)):
        raise Malformed("order", f"{what}: not in ascending order, or one occurs twice")


def version_one(value: object) -> None:
    """Every CBOR structure of TEP/1 begins with 0: 1."""
    if type(value) is not int or value != 1:
        raise Malformed("version", "version is not 1")
