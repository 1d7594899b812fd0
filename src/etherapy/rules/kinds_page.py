"""docs/rule-kinds.md: every kind of rule with its fields, as the code has them."""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from etherapy.rules.kinds import KINDS
from etherapy.rules.layer import LAYERS
from etherapy.rules.rule import Rule

_HEAD = """# Kinds of rules

Derived from the code. What kinds have in common (layers, dates, decisions) is in [rules.md](rules.md);
a schema for editors in [rules.schema.json](rules.schema.json).
"""


def kinds_page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for kind in KINDS.values() for line in _kind(kind))])


def _kind(kind: type[Rule]) -> Iterator[str]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    yield f"## `{info.tag}`\n"
    yield f"{_doc(kind)}\n"
    yield f"{_standing(kind)}\n"
    yield from _fields(info)
    for shape in _shapes(info, set()):
        tag = f", `{shape.tag_field}` `{shape.tag}`" if shape.tag_field else ""
        yield f"**{shape.cls.__name__}**{tag}: {_doc(shape.cls)}\n"
        yield from _fields(shape)


def _standing(kind: type[Rule]) -> str:
    """Who may say it, and how what several say comes together."""
    layers = ", ".join(layer for layer in LAYERS if layer in kind.layers)
    together = (
        "Rules of this kind stand beside each other, with dates of their own."
        if kind.accumulates
        else "The strongest layer that sets a field wins."
    )
    own = " It can be agreed with one participant alone." if kind.personal else ""
    sheet = "" if kind.in_sheet else " It is its author's own, and in no rule sheet."
    return f"Layers: {layers}. {together}{own}{sheet}"


def _fields(info: msgspec.inspect.StructType) -> Iterator[str]:
    if not info.fields:
        return
    told = _field_docs(info.cls)
    yield "| field | value | default | |"
    yield "|---|---|---|---|"
    for field in info.fields:
        default = "" if field.required else _default(field)
        said = told.get(field.name, "")
        yield f"| `{field.encode_name}` | {_type(field.type)} | {default} | {said} |"
    yield ""


def _default(field: msgspec.inspect.Field) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    plain = msgspec.to_builtins(value)
    if plain in ((), [], {}, "", None):
        return "none"
    text = plain if isinstance(plain, str) else msgspec.json.encode(plain).decode()
    return f"`{text}`"


def _shapes(info: Any, seen: set[type]) -> Iterator[msgspec.inspect.StructType]:
    """The structs inside a kind, each once, in the order in which they are met."""
    for field in info.fields:
        for shape in _structs(field.type):
            if shape.cls not in seen:
                seen.add(shape.cls)
                yield shape
                yield from _shapes(shape, seen)


def _structs(found: Any) -> Iterator[msgspec.inspect.StructType]:
    shapes = msgspec.inspect
    match found:
        case shapes.StructType():
            yield found
        case shapes.Metadata():
            yield from _structs(found.type)
        case shapes.UnionType():
            for one in found.types:
                yield from _structs(one)
        case shapes.VarTupleType():
            yield from _structs(found.item_type)
        case shapes.DictType():
            yield from _structs(found.value_type)


def _type(found: Any) -> str:
    """What may stand in a field, in words."""
    shapes = msgspec.inspect
    match found:
        case shapes.Metadata():
            return _type(found.type)
        case shapes.StructType():
            return found.cls.__name__
        case shapes.UnionType():
            return " or ".join(_type(one) for one in found.types)
        case shapes.LiteralType():
            return ", ".join(f"`{one}`" for one in found.values)
        case shapes.VarTupleType():
            limit = "" if found.max_length is None else f", at most {found.max_length}"
            return f"list of {_type(found.item_type)}{limit}"
        case shapes.DictType():
            return f"object: {_type(found.key_type)} to {_type(found.value_type)}"
        case shapes.IntType():
            return f"whole number{_range(found)}"
        case shapes.StrType():
            return f"text{_length(found)}"
        case shapes.BoolType():
            return "true or false"
        case shapes.NoneType():
            return "null"
        case shapes.DateType():
            return "date"
        case shapes.DateTimeType():
            return "instant"
    return "a rule"


def _range(found: msgspec.inspect.IntType) -> str:
    if found.ge is None or found.le is None:
        return ""
    return f", {found.ge} to {found.le}"


def _length(found: msgspec.inspect.StrType) -> str:
    if found.pattern is not None:
        return f" like `{found.pattern.replace('|', chr(92) + '|')}`"
    return "" if found.max_length is None else f", at most {found.max_length} characters"


def _doc(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or "")


def _field_docs(cls: type) -> dict[str, str]:
    """The sentence below each field, which only its source has."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found, before = {}, ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            before = node.target.id
            continue
        if before and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[before] = re.sub(r"\s+", " ", str(node.value.value)).strip()
        before = ""
    return found
