"""Which rules hold: layers from weak to strong, resolved field by field, with the origin of each value.

Only here does an order matter. Product defaults are the defaults of the classes in `kinds/`.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import pairwise

from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.entries import Entry, check_entries, faults_in
from etherapy.rules.kinds import KINDS, kind_of
from etherapy.rules.kinds.absence import Absence
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.dated_exception import DatedException
from etherapy.rules.layer import LAYERS, OF_A_THREAD, Layer, Said
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Rule


def resolve(layers: Iterable[Layer], owner: str = "", person: str = "") -> Rules:
    """One set of rules from the layers, in whatever order they are given; BadRule if they do not make one.

    Per field and date the strongest layer that sets it wins, inside a layer what is said for fewer people.
    Kinds that accumulate stand beside each other. `owner` is the thread's therapist and `person` the
    participant for whom the rules are wanted (accounts in hex; empty: what holds for everybody).
    """
    entries = _entries(layers, owner, person)
    check_entries(entries)
    return Rules(entries)


def faults(layers: Iterable[Layer], owner: str = "", person: str = "") -> tuple[BadRule, ...]:
    """Everything for which `resolve` refuses these layers, of which it names only the first; and exceptions
    that are too long for the practice's bound, which is judged only when they are written."""
    given = tuple(layers)
    entries = _entries(given, owner, person)
    bounds = next((e.rule for e in entries if isinstance(e.rule, Bounds)), Bounds())
    return (*faults_in(entries), *overlong(given, bounds))


def overlong(layers: Iterable[Layer], bounds: Bounds, since: date = date.min) -> Iterator[BadRule]:
    """Exceptions that last longer than the practice's bound and are not over by `since`; what is resolved no
    longer says how long."""
    for said in (one for layer in layers if layer.name == "exception" for one in layer.said):
        begins, ends = said.standing.begins, said.standing.ends
        length = ends - begins if begins is not None and ends is not None else said.rule.lasts()
        is_past = ends <= since if ends is not None else said.rule.is_past(since)
        if length is not None and not is_past:
            try:
                bounds.admit_exception(length)
            except BadRule as bad:
                field = (
                    "" if ends is None else bad.field
                )  # a kind with times of its own has another name for it
                yield BadRule(field, bad.problem, bad.mend).within(kind_of(said.rule))


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
