"""What differs between two policies: layer by layer, rule by rule, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds import kind_of, read_rule
from etherapy.rules.languages import ENGLISH
from etherapy.rules.layer import Layer, Said
from etherapy.rules.policy import IN_A_FILE, Document, Policy
from etherapy.rules.telling import Teller
from etherapy.rules.words import Words

_DATES: Final = ("begins", "ends")
_BESIDE: Final = (*_DATES, "only_for", "reason")


class Difference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that two policies say otherwise; UNSET where one leaves it to other layers."""

    layer: str
    kind: str
    place: str
    """Which rule of its kind, where there are several, such as a date; may be empty."""
    field: str
    """Of the rule, or of what stands beside it (`begins`, `only_for`…); `*`: the whole rule came or went."""
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET
    rule_before: Document | None = None
    """The rule in which it stands, as written; None: there was none."""
    rule_after: Document | None = None


def differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Every difference, in the order of layers and kinds. The order of rules in a layer means nothing, so it
    is none."""
    return tuple(
        found
        for layer in IN_A_FILE
        for found in _of_layer(layer, before.layers.get(layer, ()), after.layers.get(layer, ()))
    )


def difference_lines(found: Sequence[Difference], words: Words = ENGLISH) -> Iterator[str]:
    """The differences for people: what each layer said, and what it says now."""
    layer = ""
    for one in found:
        if one.layer != layer:
            layer = one.layer
            yield f"{layer}:"
        place = f" {one.place}" if one.place else ""
        if one.field == "*":
            sign, rule = ("-", one.rule_before) if one.rule_after is None else ("+", one.rule_after)
            yield f"  {sign} {one.kind}{place}"
            yield from (f"      {sentence}" for sentence in _told(rule, words))
        else:
            yield f"    {one.kind}{place}, {one.field}"
            yield f"    - {_said(one.rule_before, one.field, one.before, words)}"
            yield f"    + {_said(one.rule_after, one.field, one.after, words)}"


class _Written(msgspec.Struct, frozen=True):
    """A rule of a layer as read and as written."""

    said: Said
    document: Document

    @property
    def name(self) -> tuple[str, str, tuple[str, ...]]:
        """What stays the same when such a rule is changed."""
        return kind_of(self.said.rule), self.said.rule.place(), tuple(sorted(self.said.standing.only_for))

    @property
    def dates(self) -> tuple[Any, ...]:
        return tuple(self.document.get(name) for name in _DATES)


def _of_layer(layer: str, before: Sequence[Document], after: Sequence[Document]) -> Iterator[Difference]:
    old, new = _by_name(layer, before), _by_name(layer, after)
    for name in sorted({*old, *new}):
        for was, now in _paired(old.get(name, []), new.get(name, [])):
            kind, place, _ = name
            if was is None or now is None:
                yield Difference(layer, kind, place, "*", rule_before=was, rule_after=now)
                continue
            for field in _fields(was, now):
                pair = was.get(field, msgspec.UNSET), now.get(field, msgspec.UNSET)
                if pair[0] != pair[1]:
                    yield Difference(layer, kind, place, field, *pair, was, now)


def _by_name(
    layer: str, documents: Sequence[Document]
) -> dict[tuple[str, str, tuple[str, ...]], list[_Written]]:
    found: dict[tuple[str, str, tuple[str, ...]], list[_Written]] = {}
    for document in documents:
        written = _Written(Layer(layer, [document]).said[0], document)
        found.setdefault(written.name, []).append(written)
    return found


def _paired(
    old: Sequence[_Written], new: Sequence[_Written]
) -> Iterator[tuple[Document | None, Document | None]]:
    """Which rule became which: those of the same dates first, then the others by their dates, in order."""
    at_dates = {one.dates: one for one in new}
    kept = [(one, at_dates[one.dates]) for one in old if one.dates in at_dates]
    same = {one.dates for one, _ in kept}
    left = sorted((one for one in old if one.dates not in same), key=_when)
    come = sorted((one for one in new if one.dates not in same), key=_when)
    for was, now in kept:
        yield was.document, now.document
    for number in range(max(len(left), len(come))):
        yield (
            left[number].document if number < len(left) else None,
            come[number].document if number < len(come) else None,
        )


def _when(written: _Written) -> tuple[str, ...]:
    return tuple(date or "" for date in written.dates)


def _fields(was: Document, now: Document) -> list[str]:
    """Fields of the rule in alphabetic order, then what stands beside it."""
    names = {*was, *now} - {"kind"}
    return sorted(names - {*_BESIDE}) + [name for name in _BESIDE if name in names]


def _told(document: Document | None, words: Words) -> list[str]:
    """A rule in words, as far as it sets its fields; as it is written where it has none."""
    if document is None:
        return []
    told = _sentences(document, words)
    return [*told.values(), *_beside(document)] or [_plain(document)]


def _sentences(document: Document, words: Words) -> dict[str, str]:
    """Field -> sentence, for the fields that the document sets; none where those mean nothing alone."""
    own = {name: value for name, value in document.items() if name not in _BESIDE}
    rule = read_rule(own)
    try:
        said = list(rule.tell(Teller(words, kind_of(rule))))
    except BadRule:  # such as a beginning without its end, which another layer sets
        return {}
    told: dict[str, str] = {}
    for field, sentence in said:
        if field in own:
            told[field] = f"{told[field]} {sentence}" if field in told else sentence
    return told


def _beside(document: Document) -> Iterator[str]:
    for name in _BESIDE:
        if document.get(name):
            yield f"{name}: {_plain(document[name])}"


def _said(document: Document | None, field: str, value: Any, words: Words) -> str:
    if value is msgspec.UNSET or document is None:
        return "(not set here)"
    told = {} if field in _BESIDE else _sentences(document, words)
    return told.get(field) or _plain(value)


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode() if isinstance(value, Mapping | list | tuple) else str(value)
