"""Which rules hold: layers from weak to strong, resolved field by field, with the origin of each value.

Only here does an order matter. Product defaults are the defaults of the classes in `kinds/`.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from typing import NamedTuple, Self, TypeVar

import msgspec
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import first_instant, milliseconds, wall_minute, zone
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision, Reason
from etherapy.rules.instants import refuse_far_dates
from etherapy.rules.kinds import KINDS, AnyRule, kind_of
from etherapy.rules.kinds.absence import Absence
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.dated_exception import DatedException
from etherapy.rules.kinds.weekly_windows import WeeklyWindows
from etherapy.rules.layer import LAYERS, OF_A_THREAD, Layer, Said
from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable

FORMAT = "etherapy-rules/1"
PART_FORMAT = "etherapy-part/1"
NO_PART = canonical_json({})
"""A member's own part while nothing is agreed with one member alone."""
SomeRule = TypeVar("SomeRule", bound=Rule)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A resolved rule, the layer that set each of its fields (`*`: every field), and when it is in force."""

    origin: dict[str, str]
    rule: AnyRule
    begins: date | None = None
    """First date, on the wall of the schedule's zone; None: it always was."""
    ends: date | None = None
    """First date on which it is no longer; None: it stays."""


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


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    rules: tuple[Entry, ...]


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
            _check(entries)
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


def resolve(layers: Iterable[Layer], owner: str = "", person: str = "") -> Rules:
    """One set of rules from the layers, in whatever order they are given; BadRule if they do not make one.

    Per field and date the strongest layer that sets it wins, inside a layer what is said for fewer people.
    Kinds that accumulate stand beside each other. `owner` is the thread's therapist and `person` the
    participant for whom the rules are wanted (accounts in hex; empty: what holds for everybody).
    """
    entries = _entries(layers, owner, person)
    _check(entries)
    return Rules(entries)


def faults(layers: Iterable[Layer], owner: str = "", person: str = "") -> tuple[BadRule, ...]:
    """Everything for which `resolve` refuses these layers, of which it names only the first; and exceptions
    that are too long for the practice's bound, which is judged only when they are written."""
    given = tuple(layers)
    entries = _entries(given, owner, person)
    bounds = next((e.rule for e in entries if isinstance(e.rule, Bounds)), Bounds())
    return (*_faults(entries), *overlong(given, bounds))


def overlong(layers: Iterable[Layer], bounds: Bounds, since: date = date.min) -> Iterator[BadRule]:
    """Exceptions that last longer than the practice's bound and are not over by `since`; what is resolved no
    longer says how long."""
    for said in (one for layer in layers if layer.name == "exception" for one in layer.said):
        begins, ends = said.standing.begins, said.standing.ends
        if begins is not None and ends is not None and ends > since:
            try:
                bounds.admit_exception(ends - begins)
            except BadRule as bad:
                yield bad.within(kind_of(said.rule))


def _entries(layers: Iterable[Layer], owner: str, person: str) -> list[Entry]:
    ranked = sorted(layers, key=lambda layer: LAYERS.index(layer.name))
    names = [layer.name for layer in ranked]
    if len(set(names)) != len(names):
        raise BadRule("layer", "one layer is given twice", "give each layer once")
    said = [(layer, item) for layer in ranked for item in layer.said if _applies(layer, item, owner, person)]
    kinds = [kind for kind in KINDS.values() if kind.in_sheet]
    return _without_absences([entry for kind in kinds for entry in _resolved(kind, said)])


def _without_absences(entries: Sequence[Entry]) -> list[Entry]:
    """What the practice or an agreement adds opens no date of an absence; what the therapist or an exception
    does is known to be meant (rules.md 3.6)."""
    away = [(e.rule.away_from, e.rule.back_on) for e in entries if isinstance(e.rule, Absence)]
    found: list[Entry] = []
    for entry in entries:
        rule, layer = entry.rule, entry.origin.get("*", "").partition("/")[0]
        if isinstance(rule, DatedException) and rule.effect == "add" and layer in ("practice", "agreement"):
            found += (replace(entry, rule=part) for part in rule.outside(away))
        else:
            found.append(entry)
    return found


def part_of(shared: Rules, own: Rules) -> bytes:
    """A member's own part of a sheet: the kinds that hold for this member in another way than in `shared`."""
    entries = [
        entry
        for kind in KINDS.values()
        if (mine := _of_kind(own, kind)) != _of_kind(shared, kind)
        for entry in mine
    ]
    return canonical_json(msgspec.to_builtins(_Part(PART_FORMAT, tuple(entries)))) if entries else NO_PART


def _of_kind(rules: Rules, kind: type[Rule]) -> list[Entry]:
    return [entry for entry in rules.entries if type(entry.rule) is kind]


@lru_cache(maxsize=4096)
def read_part(part: bytes) -> tuple[Entry, ...]:
    """The entries of a member's own part; BadRule if these bytes are none."""
    if part == NO_PART:
        return ()
    try:
        document = json.loads(part.decode("utf-8"))
        found = msgspec.convert(document, _Part)
        if canonical_json(document) != part or found.format != PART_FORMAT:
            raise ValueError
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise BadRule(
            "part", "these bytes are no part of a sheet", "use the bytes as they were kept"
        ) from None
    return found.rules


def _applies(layer: Layer, said: Said, owner: str, person: str) -> bool:
    if not said.rule.in_sheet:
        return False
    whom = person if layer.name in OF_A_THREAD else owner
    return not said.standing.only_for or whom in said.standing.only_for


def _resolved(kind: type[Rule], ranked: Sequence[tuple[Layer, Said]]) -> Iterator[Entry]:
    """The entries of one kind, weakest layer first; for kinds that accumulate by place inside a layer."""
    said = [(layer, item) for layer, item in ranked if type(item.rule) is kind]
    if kind.accumulates:
        for layer, item in sorted(said, key=lambda pair: (LAYERS.index(pair[0].name), pair[1].rule.place())):
            yield Entry({"*": layer.origin}, item.rule)
        return
    said.sort(key=_strength)
    days = {day for _, item in said for day in (item.standing.begins, item.standing.ends) if day}
    edges = [None, *sorted(days), None]
    found: list[Entry] = []
    for begins, ends in pairwise(edges):
        entry = _merged(kind, said, begins, ends)
        if found and (found[-1].rule, found[-1].origin) == (entry.rule, entry.origin):
            entry = replace(found.pop(), ends=ends)
        found.append(entry)
    yield from found


def _strength(pair: tuple[Layer, Said]) -> tuple[int, bool, bool]:
    layer, said = pair
    return LAYERS.index(layer.name), bool(said.standing.only_for), said.unfolded


def _merged(
    kind: type[Rule], said: Sequence[tuple[Layer, Said]], begins: date | None, ends: date | None
) -> Entry:
    """The one rule of a kind from one date to before another."""
    rule, origin = kind(), dict.fromkeys(kind.__struct_fields__, "product")
    for layer, item in said:
        standing = item.standing
        if standing.begins and (begins is None or begins < standing.begins):
            continue
        if standing.ends and (begins or date.min) >= standing.ends:
            continue
        rule = replace(rule, **{field: getattr(item.rule, field) for field in item.fields})
        origin |= dict.fromkeys(item.fields, layer.origin)
    one = {"*": next(iter(origin.values()), "product")}
    return Entry(one if len(set(origin.values())) <= 1 else origin, rule, begins, ends)


def _check(entries: Sequence[Entry]) -> None:
    """Refuse what does not make rules together, or lies outside the practice's bounds (R-23)."""
    for fault in _faults(entries):
        raise fault


def _faults(entries: Sequence[Entry]) -> Iterator[BadRule]:
    bounds = [(entry, entry.rule) for entry in entries if isinstance(entry.rule, Bounds)]
    for entry in entries:
        try:
            refuse_far_dates(entry)
            entry.rule.check()
            if set(entry.origin.values()) != {"product"}:
                for of_bounds, rule in bounds:
                    if _meet(of_bounds, entry):
                        entry.rule.within(rule)
        except BadRule as bad:
            yield bad.within(kind_of(entry.rule))
    if len({e.rule.zone for e in entries if isinstance(e.rule, WeeklyWindows) and e.rule.zone}) > 1:
        mend = "set the zone in a rule without begins and ends: it changes at once, for all dates"
        yield BadRule("window.weekly.zone", "the hours of some dates are those of another zone", mend)


def _meet(one: Entry, other: Entry) -> bool:
    """Whether there is a date on which both hold."""
    return (one.begins or date.min) < (other.ends or date.max) and (other.begins or date.min) < (
        one.ends or date.max
    )
