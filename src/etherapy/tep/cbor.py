"""Deterministic CBOR: one spelling for every value, on both ends (tep.md §6.1).

Allowed: unsigned integers up to 64 bits, byte strings, UTF-8 text, arrays, maps with ascending keys 0..23,
true, false, null; definite lengths and shortest forms only; nesting at most 8. The reader below knows
nothing else, so tags, floats and other extension points have no code to reach. What it has read is then
encoded by an independent encoder and must give the same bytes again.
"""

from typing import Any

import cbor2

from etherapy.tep.malformed import Malformed

__all__ = ["MAX_DEPTH", "Malformed", "decode", "encode"]

MAX_DEPTH = 8
_MAX_UINT = 2**64 - 1
_SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}


def encode(value: object) -> bytes:
    """The one encoding of `value` (int, bytes, str, bool, None, list or tuple, dict with keys 0..23)."""
    _allow(value, MAX_DEPTH)
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes, *, limit: int, depth: int = MAX_DEPTH) -> Any:
    """The value behind `data`; Malformed unless `data` is its one encoding and at most `limit` bytes long.

    Codes: size, truncated, trailing, encoding, depth, type, keys, text.
    """
    if len(data) > limit:
        raise Malformed("size", f"more than {limit} bytes")
    value, end = _read(data, 0, depth)
    if end != len(data):
        raise Malformed("trailing", "bytes after the end")
    if cbor2.dumps(value, canonical=True) != data:
        raise Malformed("encoding", "not the one encoding of its value")
    return value


def _allow(value: object, depth: int) -> None:
    if value is None or isinstance(value, bool | bytes):
        return
    if isinstance(value, int):
        if not 0 <= value <= _MAX_UINT:
            raise Malformed("type", "integer outside 0..2^64-1")
    elif isinstance(value, str):
        _utf8(value)
    elif isinstance(value, list | tuple):
        _deeper(depth)
        for item in value:
            _allow(item, depth - 1)
    elif isinstance(value, dict):
        _deeper(depth)
        for key, item in value.items():
            if type(key) is not int or not 0 <= key <= 23:
                raise Malformed("keys", "map key outside 0..23")
            _allow(item, depth - 1)
    else:
        raise Malformed("type", f"{type(value).__name__} has no place in the profile")


def _utf8(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("text", "text is not valid Unicode") from None


def _deeper(depth: int) -> None:
    if depth <= 0:
        raise Malformed("depth", f"nested deeper than {MAX_DEPTH}")


def _read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if at >= len(data):
        raise Malformed("truncated", "ends too early")
    major = data[at] >> 5
    if major == 7:
        if data[at] not in _SIMPLE:
            raise Malformed("type", "simple value or float outside the profile")
        return _SIMPLE[data[at]], at + 1
    if major in (1, 6):
        raise Malformed("type", "negative integer or tag")
    n, at = _count(data, at)
    if major == 0:
        return n, at
    if n > len(data) - at:
        raise Malformed("truncated", "a length points beyond the end")
    if major == 2:
        return data[at : at + n], at + n
    if major == 3:
        return _text(data[at : at + n]), at + n
    _deeper(depth)
    return _array(data, at, n, depth) if major == 4 else _map(data, at, n, depth)


def _count(data: bytes, at: int) -> tuple[int, int]:
    """The argument of an initial byte, which must be in its shortest form."""
    low = data[at] & 31
    if low < 24:
        return low, at + 1
    if low > 27:
        raise Malformed("encoding", "indefinite or reserved length")
    size = 1 << (low - 24)
    end = at + 1 + size
    if end > len(data):
        raise Malformed("truncated", "ends too early")
    n = int.from_bytes(data[at + 1 : end], "big")
    if n < (24 if size == 1 else 1 << (4 * size)):
        raise Malformed("encoding", "not the shortest form")
    return n, end


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("text", "text is not valid UTF-8") from None


def _array(data: bytes, at: int, n: int, depth: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(n):
        item, at = _read(data, at, depth - 1)
        found.append(item)
    return found, at


def _map(data: bytes, at: int, n: int, depth: int) -> tuple[dict[int, Any], int]:
    found: dict[int, Any] = {}
    last = -1
    for _ in range(n):
        if at >= len(data):
            raise Malformed("truncated", "ends too early")
        key = data[at]
        if not last < key <= 23:
            raise Malformed("keys", "map keys are not ascending 0..23")
        found[key], at = _read(data, at + 1, depth - 1)
        last = key
    return found, at
