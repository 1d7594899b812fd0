"""Canonical JSON (RFC 8785), so that one meaning has one hash."""

import json

_LARGEST = 2**53 - 1


def canonical_json(value: object) -> bytes:
    """UTF-8 bytes of decoded JSON without numbers other than whole ones up to 2**53 - 1; ValueError else.

    Member names sort by UTF-16 code units, as the RFC wants.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _ordered(value: object) -> object:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("a member name is no string")
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _ordered(value[name]) for name in names}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    raise ValueError(
        "only whole numbers up to 2**53 - 1, strings, true, false and null have a canonical form here"
    )
