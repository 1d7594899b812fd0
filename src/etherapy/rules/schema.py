"""The JSON Schema (2020-12) of policy files, made of the kinds themselves: docs/rules.schema.json.

It tells an editor what may be written. What it refuses is refused here; what needs arithmetic, such as
a window that ends when it starts, only we refuse.
"""

import inspect
from typing import Any, Final

import msgspec

from etherapy.rules.kinds import KINDS
from etherapy.rules.layer import MOST_RULES, Standing
from etherapy.rules.policy import FORMAT, IN_A_FILE
from etherapy.rules.rule import Rule

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"
_ACCOUNT = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_DATES = frozenset({"begins", "ends"})
_BESIDE: Final = {
    "begins": "First date of the schedule's zone on which it is in force; absent: it always was.",
    "ends": "First date on which it is no longer; absent: it stays.",
    "only_for": "Accounts to which alone it applies; absent or empty: everybody.",
    "reason": "Why, as a code such as illness; an exception needs one.",
}


def policy_schema() -> dict[str, Any]:
    """The schema of a policy file, or of a plain list of rules."""
    (standing, *of_kinds), shapes = msgspec.json.schema_components(
        [Standing, *KINDS.values()], ref_template=_REF
    )
    shapes = {name: _cleaned(shape) for name, shape in shapes.items()}
    beside = shapes.pop(_name(standing))["properties"]
    for name, text in _BESIDE.items():
        beside[name] |= {"description": text}
    beside["only_for"] |= {"items": _ACCOUNT}
    beside["reason"] |= {"pattern": "^([a-z][a-z0-9_]{0,39})?$"}
    names = {kind: _name(ref) for kind, ref in zip(KINDS, of_kinds, strict=True)}
    for kind, name in names.items():
        shapes[name]["properties"] |= _beside_of(KINDS[kind], beside)
    layers = {layer: _layer(layer, names) for layer in IN_A_FILE}
    return {
        "$schema": DIALECT,
        "$id": f"urn:{FORMAT.replace('/', ':')}",
        "title": "Rules of a practice, its therapists and their threads",
        "oneOf": [
            _policy(),
            {"type": "array", "maxItems": MOST_RULES, "items": {"anyOf": [*map(_to, names.values())]}},
        ],
        "$defs": {f"layer.{name}": layer for name, layer in layers.items()} | shapes,
    }


def _policy() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["format", "layers"],
        "additionalProperties": False,
        "properties": {
            "format": {"const": FORMAT},
            "owner": _ACCOUNT,
            "layers": {
                "type": "object",
                "additionalProperties": False,
                "properties": {layer: _to(f"layer.{layer}") for layer in IN_A_FILE},
            },
        },
    }


def _layer(layer: str, names: dict[str, str]) -> dict[str, Any]:
    """What one layer may say; an exception gives its reason."""
    allowed = [_to(name) for kind, name in names.items() if layer in KINDS[kind].layers]
    items: dict[str, Any] = {"anyOf": allowed}
    if layer == "exception":
        items |= {"required": ["reason"], "properties": {"reason": {"minLength": 1}}}
    return {"type": "array", "maxItems": MOST_RULES, "items": items}


def _beside_of(kind: type[Rule], beside: dict[str, Any]) -> dict[str, Any]:
    """What stands beside a rule of this kind; dated kinds have their own dates."""
    return {name: shape for name, shape in beside.items() if not (kind.accumulates and name in _DATES)}


def _to(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}


def _name(ref: dict[str, Any]) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _cleaned(shape: Any) -> Any:
    """Without what only OpenAPI knows, and with descriptions as they are read."""
    if isinstance(shape, list):
        return [_cleaned(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    found = {name: _cleaned(one) for name, one in shape.items() if name != "discriminator"}
    if isinstance(found.get("description"), str):
        found["description"] = inspect.cleandoc(found["description"])
    return found
