"""Which rules hold: layers from weak to strong, resolved field by field, with the origin of each value.

Only here does an order matter. Product defaults are the defaults of the classes in `kinds/`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, Self, TypeVar

import msgspec
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Reason
from etherapy.rules.kinds import KINDS, AnyRule, kind_of, read_rule
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable

FORMAT = "etherapy-rules/1"
LAYERS = ("product", "practice", "therapist")
"""Weakest first. `product` is in the code; the others are written by people."""
MOST_RULES = 500

SomeRule = TypeVar("SomeRule", bound=Rule)


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


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A resolved rule, and the layer that set each of its fields (`*`: every field)."""

    origin: dict[str, str]
    rule: AnyRule


class _Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    rules: tuple[Entry, ...]


class Rules:
    """The rules that hold, resolved: a value, equal and hashable by its canonical form.

    Make one with `resolve` or `Rules.from_canonical`. What it derives is kept, so keep the object while it
    is used.
    """

    def __init__(self, entries: Iterable[Entry], canonical: bytes | None = None) -> None:
        self.entries = tuple(entries)
        sheet = _Sheet(FORMAT, self.entries)
        self._canonical = canonical_json(msgspec.to_builtins(sheet)) if canonical is None else canonical
        self._hash = hash(self._canonical)

    @classmethod
    def from_canonical(cls, canonical: bytes) -> Self:
        """The rules of which `canonical` made these bytes; BadRule for anything else."""
        try:
            document = json.loads(canonical.decode("utf-8"))
            if canonical_json(document) != canonical:
                raise BadRule(
                    "rules", "the bytes are not in canonical form", "use the bytes as they were kept"
                )
            sheet = msgspec.convert(document, _Sheet)
        except (ValueError, RecursionError, msgspec.ValidationError):
            raise BadRule("rules", "these bytes are no rules", "use the bytes as they were kept") from None
        if sheet.format != FORMAT:
            raise BadRule("format", "these rules have another format", f"use {FORMAT}")
        return cls(sheet.rules, bytes(canonical))

    def canonical(self) -> bytes:
        """RFC 8785 bytes of the resolved rules: what a rule sheet keeps and hashes."""
        return self._canonical

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Rules) and self._canonical == other._canonical)

    def __hash__(self) -> int:
        return self._hash

    def the(self, kind: type[SomeRule]) -> SomeRule:
        """The one rule of a kind that does not accumulate; its product default if none is there."""
        return next((entry.rule for entry in self.entries if isinstance(entry.rule, kind)), None) or kind()

    @cached_property
    def timetable(self) -> Timetable:
        """When it is open, shared between rules that say the same of it."""
        return _timetable(tuple(e.rule for e in self.entries if type(e.rule).shape is not Rule.shape))

    @cached_property
    def weighing(self) -> tuple[Rule, ...]:
        """The rules that judge messages."""
        return tuple(e.rule for e in self.entries if type(e.rule).weigh is not Rule.weigh)

    def with_origin(self, reason: Reason) -> Reason:
        """The reason with the layer to which its field is due."""
        if reason.origin:
            return reason
        return self._origins.get(reason) or self._remember(reason)

    @cached_property
    def _origins(self) -> dict[Reason, Reason]:
        return {}

    def _remember(self, reason: Reason) -> Reason:
        origin = "product"
        for entry in self.entries:  # the strongest layer comes last
            if kind_of(entry.rule) == reason.kind and entry.rule.place() == reason.place:
                origin = entry.origin.get(reason.field, entry.origin.get("*", "product"))
        found = self._origins[reason] = replace(reason, origin=origin)
        return found


@lru_cache(maxsize=1024)
def _timetable(shaping: tuple[Rule, ...]) -> Timetable:
    timetable = Timetable()
    for rule in shaping:
        timetable = rule.shape(timetable)
    return timetable


def resolve(layers: Iterable[Layer]) -> Rules:
    """One set of rules from the layers, in whatever order they are given; BadRule if they do not make one.

    Per field the strongest layer that sets it wins. Kinds that accumulate stand beside each other.
    """
    ranked = sorted(layers, key=lambda layer: LAYERS.index(layer.name))
    names = [layer.name for layer in ranked]
    if len(set(names)) != len(names):
        raise BadRule("layer", "one layer is given twice", "give each layer once")
    entries = [entry for kind in KINDS.values() for entry in _resolved(kind, ranked)]
    for entry in entries:
        try:
            entry.rule.check()
        except BadRule as bad:
            raise bad.within(kind_of(entry.rule)) from None
    return Rules(entries)


def _resolved(kind: type[Rule], ranked: Sequence[Layer]) -> Iterator[Entry]:
    """The entries of one kind, weakest layer first; for kinds that accumulate by place before."""
    said = [(layer.name, item) for layer in ranked for item in layer.said if type(item.rule) is kind]
    if kind.accumulates:
        for name, item in sorted(said, key=lambda pair: pair[1].rule.place()):
            yield Entry({"*": name}, item.rule)
        return
    rule, origin = kind(), dict.fromkeys(kind.__struct_fields__, "product")
    for name, item in said:
        rule = replace(rule, **{field: getattr(item.rule, field) for field in item.fields})
        origin |= dict.fromkeys(item.fields, name)
    yield Entry({"*": origin.popitem()[1]} if len(set(origin.values())) == 1 else origin, rule)
