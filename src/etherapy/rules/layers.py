"""Which rules hold: layers from weak to strong, resolved field by field, with the origin of each value.

Only here does an order matter. Product defaults are the defaults of the classes in `kinds/`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Self, TypeVar

import msgspec
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision, Reason
from etherapy.rules.kinds import KINDS, AnyRule, kind_of
from etherapy.rules.layer import LAYERS, Layer
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable

FORMAT = "etherapy-rules/1"
SomeRule = TypeVar("SomeRule", bound=Rule)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A resolved rule, and the layer that set each of its fields (`*`: every field)."""

    origin: dict[str, str]
    rule: AnyRule


class Cover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who reads in the owner's place for a time, by rules of their own (docs/rules.md 11)."""

    by: str
    """Who: the account, in hex."""
    name: str
    """What clients call them, such as "Dr Lind"."""
    since: int
    """Milliseconds since 1970 UTC, as in the consent."""
    until: int
    """From then on they read nothing; there is no cover without an end."""
    rules: tuple[Entry, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.since < self.until:
            raise BadRule("covers", "a cover ends before it begins", "name an end after the beginning")


class _Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    rules: tuple[Entry, ...]
    covers: tuple[Cover, ...] = ()


class Rules:
    """The rules that hold, resolved: a value, equal and hashable by its canonical form.

    Make one with `resolve` or `Rules.from_canonical`. What it derives is kept, so keep the object while it
    is used. `covers` stand beside the rules of the owner and never inside them.
    """

    def __init__(
        self, entries: Iterable[Entry], canonical: bytes | None = None, covers: Iterable[Cover] = ()
    ) -> None:
        self.entries = tuple(entries)
        self.covers = tuple(covers)
        sheet = _Sheet(FORMAT, self.entries, self.covers)
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
        if ("covers" in document) != bool(sheet.covers) or list(sheet.covers) != _in_order(sheet.covers):
            raise BadRule("covers", "written in another way than here", "use the bytes as they were kept")
        return cls(sheet.rules, bytes(canonical), sheet.covers)

    def covered_by(self, covers: Iterable[Cover]) -> Self:
        """The same rules with these covers instead of those that they have."""
        return type(self)(self.entries, covers=_in_order(covers))

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
    def covering(self) -> dict[str, "Rules"]:
        """The rules by which each cover reads, by `Cover.by`."""
        return {cover.by: Rules(cover.rules) for cover in self.covers}

    def of_reader(self, decision: Decision) -> "Rules":
        """The rules whose hours decided: the cover's that the decision names, while it covers; else these."""
        return self if decision.cover is None else self.covering.get(decision.cover.place, self)

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


def _in_order(covers: Iterable[Cover]) -> list[Cover]:
    """One order for one set of covers; between covers that promise the same, the first is named."""
    return sorted(covers, key=lambda cover: (cover.since, cover.by))


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
