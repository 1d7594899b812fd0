"""Canonical JSON (RFC 8785), so that one meaning has one hash."""

import json
from collections.abc import Iterable

_LARGEST = 2**53 - 1


def canonical_json(value: object) -> bytes:
    """UTF-8 bytes of decoded JSON without numbers other than whole ones up to 2**53 - 1; ValueError else.

    Member names sort by UTF-16 code units, as the RFC wants.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _ordered(value: object) -> object:
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in _sorted(value)}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    raise ValueError(
        "only whole numbers up to 2**53 - 1, strings, true, false and null have a canonical form here"
    )


def _sorted(names: Iterable[str]) -> list[str]:
    """By UTF-16 code units, which for ASCII is the order of strings."""
    try:
        ascii_only = "".join(names).isascii()
    except TypeError:
        raise ValueError("a member name is no string") from None
    return sorted(names) if ascii_only else sorted(names, key=lambda name: name.encode("utf-16-be"))
