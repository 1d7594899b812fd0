"""Unknown fields of a request, refused (guarantees.md 4.4).

A struct must tolerate unknown fields where the SDK reads a newer server's answer, and must not where the
server reads a request; so it is the reader of requests that refuses them, and not the class. The name of
an unknown field is input, and is not repeated.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from etherapy.protocol.door import Invalid

_Check = Callable[[Any, str], None]


_CHECKS: dict[Any, _Check | None] = {}


def refuse_unknown_fields(value: Any, kind: Any) -> None:
    """Raise Invalid if parsed JSON has a field that `kind`, or a struct below it, does not name."""
    if kind not in _CHECKS:
        _CHECKS[kind] = _compile(msgspec.inspect.type_info(kind), {})
    check = _CHECKS[kind]
    if check is not None:
        check(value, "$")


def _compile(info: Any, done: dict[Any, _Check]) -> _Check | None:
    """A check for unknown fields anywhere below a type; None where there is no struct below it."""
    if isinstance(info, msgspec.inspect.StructType):
        return _of_struct(info, done)
    if isinstance(info, msgspec.inspect.UnionType):
        return _of_union(info, done)
    if isinstance(info, msgspec.inspect.DictType):
        inner = _compile(info.value_type, done)
        return inner and _each(inner, lambda value: value.values() if isinstance(value, dict) else ())
    if isinstance(info, msgspec.inspect.TupleType):
        raise TypeError("wire structs use lists and structs, not tuples of fixed length")
    if (item := getattr(info, "item_type", None)) is not None:
        inner = _compile(item, done)
        return inner and _each(inner, lambda value: value if isinstance(value, list) else ())
    return None


def _each(inner: _Check, items: Callable[[Any], Any]) -> _Check:
    def check(value: Any, at: str) -> None:
        for item in items(value):
            inner(item, f"{at}[...]")

    return check


def _of_struct(info: msgspec.inspect.StructType, done: dict[Any, _Check]) -> _Check:
    if info.cls in done:
        return lambda value, at: done[info.cls](value, at)
    inner: dict[str, _Check | None] = {}

    def check(value: Any, at: str) -> None:
        if not isinstance(value, dict):
            return
        for key, below in value.items():
            if key not in inner:
                raise Invalid(at, "unknown field")
            deeper = inner[key]
            if deeper is not None:
                deeper(below, f"{at}.{key}")

    done[info.cls] = check
    if info.tag_field is not None:
        inner[info.tag_field] = None
    inner |= {each.encode_name: _compile(each.type, done) for each in info.fields}
    return check


def _of_union(info: msgspec.inspect.UnionType, done: dict[Any, _Check]) -> _Check | None:
    structs = [each for each in info.types if isinstance(each, msgspec.inspect.StructType)]
    tagged = {each.tag: _of_struct(each, done) for each in structs if each.tag_field is not None}
    others = [
        check
        for each in info.types
        if not (isinstance(each, msgspec.inspect.StructType) and each.tag_field is not None)
        and (check := _compile(each, done)) is not None
    ]
    tag_field = next((each.tag_field for each in structs if each.tag_field is not None), None)
    if not tagged and not others:
        return None

    def check_union(value: Any, at: str) -> None:
        if isinstance(value, dict) and tag_field is not None and value.get(tag_field) in tagged:
            tagged[value[tag_field]](value, at)
            return
        for each in others:
            each(value, at)

    return check_union
