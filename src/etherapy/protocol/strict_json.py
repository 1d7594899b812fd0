"""Bodies and query strings, read strictly: one parser, one meaning (guarantees.md 4.4, decisions.md D-15).

Whatever is not plain JSON is a `BadJson`: bytes that are not UTF-8, duplicate keys, NaN and numbers that
lose their value, lone surrogates, NUL, deep or crowded structures. What is JSON but not what the endpoint
takes is an `Invalid` that names the place, never the value.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

import msgspec

from etherapy.binary import dec_hook, enc_hook
from etherapy.protocol.door import BadJson, Invalid
from etherapy.protocol.unknown_fields import refuse_unknown_fields

MAX_DEPTH = 16
MAX_MEMBERS = 1_000
"""Of all objects and arrays of one body together."""
MAX_STRING = 32 * 1024
"""Characters of a text; binary fields are bounded by their own format instead."""
MAX_DIGITS = 20

Kind = TypeVar("Kind")

# Possessive, and content with a missing end: so that no text makes it look at a sign twice.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_SIGN = re.compile(r"[\[\]{},]")
_PLACE = re.compile(r"^(?P<fault>.*?)(?: - at `(?P<at>[^`]*)`)?$", re.DOTALL)
_SAFE_FAULT = re.compile(r"Expected `[^`]*`(?:, got `[a-z |]*`)?|Object missing required field `[a-z_0-9]+`")
_VALUE_FAULTS = ("Invalid enum value", "Invalid value")
_ENCODER = msgspec.json.Encoder(enc_hook=enc_hook)


def write_json(value: object) -> bytes:
    """A wire struct as JSON bytes."""
    return _ENCODER.encode(value)


def read_json(data: bytes, kind: type[Kind]) -> Kind:
    """A request body as a `kind`; raises BadJson or Invalid."""
    value = parse(data)
    found = _convert(value, kind)
    if len(data) > MAX_STRING:
        _refuse_long_texts(found, "$")
    return found


def read_query(pairs: Mapping[str, str], kind: type[Kind]) -> Kind:
    """Query parameters as a `kind`; numbers and truth values are read from their text."""
    if any(len(text) > MAX_STRING or not _storable(text) for text in pairs.values()):
        raise Invalid("$", "not a text that can be kept")
    return _convert(dict(pairs), kind, strict=False)


def parse(data: bytes) -> Any:
    """The one JSON value in `data`, as dicts, lists, str, int, float, bool and None; raises BadJson."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadJson("not UTF-8") from None
    brackets = text.count("{") + text.count("[")
    if brackets > MAX_DEPTH or brackets + text.count(",") > MAX_MEMBERS:
        _check_structure(text)
    try:
        value = _READER.decode(text)
    except (json.JSONDecodeError, RecursionError):
        raise BadJson("not JSON") from None
    if "\\u" in text:
        _check_escaped(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("duplicate key")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadJson("number too large")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadJson("number too large")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise BadJson("not JSON")


_READER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_float, parse_int=_integer, parse_constant=_no_constant
)


def _check_structure(text: str) -> None:
    """Refuse depth and crowds before anything is built; only reached where there are many signs."""
    depth = members = 0
    for found in _SIGN.finditer(_STRING.sub("", text)):
        sign = found[0]
        depth += (sign in "[{") - (sign in "]}")
        members += sign in "[{,"
        if depth > MAX_DEPTH:
            raise BadJson("too deep")
        if members > MAX_MEMBERS:
            raise BadJson("too many members")


def _check_escaped(value: Any) -> None:
    """Escapes can spell what bytes cannot: halves of surrogate pairs, and NUL."""
    if isinstance(value, str):
        if not _storable(value):
            raise BadJson("a text with NUL or half a surrogate pair")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_escaped(key)
            _check_escaped(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_escaped(inner)


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _convert(value: Any, kind: type[Kind], *, strict: bool = True) -> Kind:
    try:
        found = msgspec.convert(value, kind, strict=strict, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), value) from None
    refuse_unknown_fields(value, kind)
    return found


def _invalid(message: str, value: Any) -> Invalid:
    """What msgspec complained about, without anything that was sent."""
    found = _PLACE.match(message)
    fault, at = (found["fault"], found["at"] or "$") if found else (message, "$")
    if fault.startswith("Object contains unknown field"):
        return Invalid(at, "unknown field")
    if fault.startswith(_VALUE_FAULTS):
        return Invalid(at, "not one of the allowed values")
    if not _SAFE_FAULT.match(fault) and any(text in fault for text in _texts(value) if len(text) > 2):
        fault = "not a valid value"
    return Invalid(at, fault[:1].lower() + fault[1:])


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in (str(key), *_texts(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [str(value)]


def _refuse_long_texts(value: Any, at: str) -> None:
    """Only texts: by now binary fields are bytes, and their formats bound them."""
    if isinstance(value, str):
        if len(value) > MAX_STRING:
            raise Invalid(at, f"text of more than {MAX_STRING} characters")
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            _refuse_long_texts(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_long_texts(key, f"{at}[...]")
            _refuse_long_texts(inner, f"{at}[...]")
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            _refuse_long_texts(inner, f"{at}[...]")
