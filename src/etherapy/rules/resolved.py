"""The rules that hold: resolved entries as one value that answers which rule is in force when."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import NamedTuple, Self, TypeVar

import msgspec
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import first_instant, milliseconds, wall_minute, zone
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision, Reason
from etherapy.rules.entries import Entry, check_entries
from etherapy.rules.kinds import kind_of
from etherapy.rules.kinds.absence import Absence
from etherapy.rules.parts import read_part
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable

FORMAT = "etherapy-rules/1"
SomeRule = TypeVar("SomeRule", bound=Rule)


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


class InForce(NamedTuple):
    """The rules of one stretch of time, ready to be asked."""

    by_kind: Mapping[type[Rule], Rule]
    """Those that do not accumulate."""
    limiting: tuple[Rule, ...]
    weighing: tuple[Rule, ...]
    origins: dict[Reason, Reason]
    entries: tuple[Entry, ...]


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
        for entries in (sheet.rules, *(cover.rules for cover in sheet.covers)):
            check_entries(entries)
        return cls(sheet.rules, bytes(canonical), sheet.covers)

    def covered_by(self, covers: Iterable[Cover]) -> Self:
        """The same rules with these covers instead of those that they have."""
        return type(self)(self.entries, covers=_in_order(covers))

    def with_part(self, part: bytes) -> Self:
        """The rules as they hold for the member with this own part of the sheet; BadRule if it is none."""
        own = read_part(part)
        if not own:
            return self
        kinds = {type(entry.rule) for entry in own}
        entries = [*(one for one in self.entries if type(one.rule) not in kinds), *own]
        return type(self)(entries, covers=self.covers)

    def canonical(self) -> bytes:
        """RFC 8785 bytes of the resolved rules: what a rule sheet keeps and hashes."""
        return self._canonical

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Rules) and self._canonical == other._canonical)

    def __hash__(self) -> int:
        return self._hash

    def the(self, kind: type[SomeRule], at: datetime) -> SomeRule:
        """The one rule of a kind that is in force then; its product default if none is. Not for kinds that
        accumulate: see `each`."""
        found = self.in_force(at).by_kind.get(kind)
        return found if isinstance(found, kind) else kind()

    def each(self, kind: type[SomeRule]) -> Iterator[SomeRule]:
        """All rules of a kind, whenever they are in force."""
        return (entry.rule for entry in self.entries if isinstance(entry.rule, kind))

    @cached_property
    def timetable(self) -> Timetable:
        """When it is open, shared between rules that say the same of it."""
        shaping = (e for e in self.entries if type(e.rule).shape is not Rule.shape)
        return _timetable(tuple((e.rule, e.begins, e.ends) for e in shaping))

    @cached_property
    def absences(self) -> tuple[Absence, ...]:
        """All absences, past and to come."""
        return tuple(self.each(Absence))

    @cached_property
    def lookback(self) -> timedelta:
        """How far back `Facts.sent` must reach."""
        return max((entry.rule.lookback() for entry in self.entries), default=timedelta())

    @cached_property
    def covering(self) -> dict[str, "Rules"]:
        """The rules by which each cover reads, by `Cover.by`."""
        return {cover.by: Rules(cover.rules) for cover in self.covers}

    def of_reader(self, decision: Decision) -> "Rules":
        """The rules whose hours decided: the cover's that the decision names, while it covers; else these."""
        return self if decision.cover is None else self.covering.get(decision.cover.place, self)

    def in_force(self, at: datetime) -> InForce:
        """The rules in force at an instant."""
        return self._stretches[bisect_right(self._bounds, milliseconds(at)) if self._bounds else 0]

    def changes_after(self, at: datetime) -> list[date]:
        """The dates after an instant on which other rules come into force."""
        first = bisect_right(self._bounds, milliseconds(at))
        return self._change_dates[first:]

    @cached_property
    def _change_dates(self) -> list[date]:
        return sorted({day for e in self.entries for day in (e.begins, e.ends) if day is not None})

    @cached_property
    def _bounds(self) -> list[int]:
        """When rules change: midnights of the schedule's zone, in milliseconds."""
        if not self._change_dates:
            return []
        place = zone(self.timetable.zone_name)
        return [first_instant(place, wall_minute(day.toordinal())) for day in self._change_dates]

    @cached_property
    def _stretches(self) -> list[InForce]:
        edges = [date.min, *self._change_dates]
        return [_in_force(tuple(e for e in self.entries if _holds_on(e, day))) for day in edges]

    def with_origin(self, reason: Reason, at: datetime) -> Reason:
        """The reason with the layer to which its field is due at that instant."""
        if reason.origin:
            return reason
        force = self.in_force(at)
        found = force.origins.get(reason)
        if found is None:
            found = force.origins[reason] = replace(reason, origin=_origin(force.entries, reason))
        return found


def _origin(entries: Iterable[Entry], reason: Reason) -> str:
    origin = "product"
    for entry in entries:  # the strongest layer comes last
        if kind_of(entry.rule) == reason.kind and entry.rule.place() == reason.place:
            origin = entry.origin.get(reason.field, entry.origin.get("*", "product"))
    return origin


def _holds_on(entry: Entry, day: date) -> bool:
    return (entry.begins or date.min) <= day and (entry.ends is None or day < entry.ends)


def _in_force(entries: tuple[Entry, ...]) -> InForce:
    rules = [entry.rule for entry in entries]
    return InForce(
        by_kind={type(rule): rule for rule in rules if not rule.accumulates},
        limiting=tuple(rule for rule in rules if type(rule).limit is not Rule.limit),
        weighing=tuple(rule for rule in rules if type(rule).weigh is not Rule.weigh),
        origins={},
        entries=entries,
    )


def _in_order(covers: Iterable[Cover]) -> list[Cover]:
    """One order for one set of covers; between covers that promise the same, the first is named."""
    return sorted(covers, key=lambda cover: (cover.since, cover.by))


@lru_cache(maxsize=1024)
def _timetable(shaping: tuple[tuple[Rule, date | None, date | None], ...]) -> Timetable:
    return Timetable.shaped(partial(rule.shape, begins=begins, ends=ends) for rule, begins, ends in shaping)
