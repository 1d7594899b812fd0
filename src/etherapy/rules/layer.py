"""What one layer says: rules as their author wrote them, judged as far as one layer alone can be."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import KINDS, kind_of, read_rule
from etherapy.rules.rule import Rule

LAYERS = ("product", "practice", "therapist")
"""Weakest first. `product` is in the code; the others are written by people."""
MOST_RULES = 500


class Said(msgspec.Struct, frozen=True):
    """A rule as one layer says it, and which of its fields it sets."""

    rule: Rule
    fields: frozenset[str]


class Layer:
    """The rules of one layer as written: JSON objects with `kind` and some of its fields.

    BadRule for what cannot be a rule, and for two rules of one kind, or two exceptions for one date.
    """

    def __init__(self, name: str, documents: Sequence[Mapping[str, Any]]) -> None:
        if name not in LAYERS[1:]:
            raise BadRule("layer", "there is no such layer", f"use one of {', '.join(LAYERS[1:])}")
        if len(documents) > MOST_RULES:
            raise BadRule("rules", f"more than {MOST_RULES} rules", "remove dates that are past")
        self.name = name
        self.said = tuple(_read(document) for document in documents)
        seen: set[tuple[str, str]] = set()
        for said in self.said:
            key = kind_of(said.rule), said.rule.place()
            if key in seen:
                what = f"two rules of kind {key[0]}" + (f" for {key[1]}" if key[1] else "")
                raise BadRule(key[0], what, "keep one of them")
            seen.add(key)


def _read(document: Mapping[str, Any]) -> Said:
    """One rule of a layer; BadRule with a path that begins with its kind."""
    kind = document.get("kind")
    known = kind if isinstance(kind, str) and kind in KINDS else None
    if known is None:
        raise BadRule("kind", "there is no such kind of rule", f"use one of {', '.join(KINDS)}")
    if "origin" in document:
        raise BadRule(f"{known}.origin", "the layer is not written inside a rule", "leave it out")
    try:
        rule = read_rule(document)
        canonical_json(msgspec.to_builtins(rule))
    except BadRule as bad:
        raise bad.within(known) from None
    except msgspec.ValidationError as error:
        raise _translated(str(error), known) from None
    except ValueError:  # a lone surrogate
        raise BadRule(known, "a text has no UTF-8 form", "remove the broken character") from None
    return Said(rule, frozenset(document) - {"kind"})


def _translated(complaint: str, kind: str) -> BadRule:
    """What the decoder complains of, as BadRule; what was written is not repeated in it."""
    problem, _, path = complaint.partition(" - at `$")
    if "unknown field" in problem:
        problem = "there is a field that is not known"
    problem = re.sub(r" ['\"].*['\"]$", "", problem)
    fields = ", ".join(KINDS[kind].__struct_fields__)
    return BadRule(
        kind + path.rstrip("`"), problem[:1].lower() + problem[1:], f"{kind} has the fields {fields}"
    )
