"""What one layer says: rules as their author wrote them, judged as far as one layer alone can be."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.instants import refuse_far_dates
from etherapy.rules.kinds import KINDS, kind_of, read_rule
from etherapy.rules.rule import Rule

LAYERS: Final = ("product", "practice", "therapist", "agreement", "exception", "client")
"""Weakest first. `product` is in the code; the others are written by people: `agreement` and `exception` for
one thread, `client` by a client alone, for the few kinds that are theirs."""
OF_A_THREAD: Final = frozenset({"agreement", "exception"})
MOST_RULES = 500


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What an author writes beside any rule: for when, for whom, why."""

    begins: date | None = None
    """First date of the schedule's zone on which it is in force; None: it always was."""
    ends: date | None = None
    """First date on which it is no longer; None: it stays."""
    only_for: tuple[str, ...] = ()
    """Accounts (hex) to which alone it applies, empty: everybody. In the practice's layer therapists, in
    those of a thread participants."""
    reason: str = ""
    """Why, as a code of the practice's own such as `illness`; an exception needs one."""

    def overlaps(self, other: "Standing") -> bool:
        """Whether there is a date and a person for whom both hold."""
        if bool(self.only_for) != bool(other.only_for):
            return False  # the narrower is stronger: no tie
        if self.only_for and not set(self.only_for) & set(other.only_for):
            return False
        return (self.begins or date.min) < (other.ends or date.max) and (other.begins or date.min) < (
            self.ends or date.max
        )

    def during(self, begins: date | None, ends: date | None) -> "Standing":
        """The same, as far as it lies between these dates."""
        firsts = [day for day in (self.begins, begins) if day is not None]
        lasts = [day for day in (self.ends, ends) if day is not None]
        return replace(self, begins=max(firsts, default=None), ends=min(lasts, default=None))


ALWAYS: Final = Standing()
_BESIDE: Final = frozenset(Standing.__struct_fields__)


class Said(msgspec.Struct, frozen=True):
    """A rule as one layer says it, which of its fields it sets, and for when and whom."""

    rule: Rule
    fields: frozenset[str]
    standing: Standing = ALWAYS
    unfolded: bool = False
    """It came along with another rule, and is stronger than its neighbours."""


class Layer:
    """The rules of one layer as written: JSON objects with `kind`, some of its fields, and `Standing` beside.

    `version`: of the rule set behind it, named in origins; 0: none. BadRule for what cannot be a rule, and
    for two that say the same field for the same date and person.
    """

    def __init__(self, name: str, documents: Sequence[Mapping[str, Any]], version: int = 0) -> None:
        if name not in LAYERS[1:]:
            raise BadRule("layer", "there is no such layer", f"use one of {', '.join(LAYERS[1:])}")
        if len(documents) > MOST_RULES:
            raise BadRule("rules", f"more than {MOST_RULES} rules", "remove dates that are past")
        self.name = name
        self.origin = f"{name}/{version}" if version else name
        self.said = tuple(item for document in documents for item in self._read(document))
        alike: dict[tuple[str, str, bool], list[Said]] = {}
        for said in self.said:
            for claim in said.rule.claims():
                before = alike.setdefault((kind_of(said.rule), claim, said.unfolded), [])
                for other in before:
                    _refuse_tie(said, other)
                before.append(said)

    def _read(self, document: Mapping[str, Any]) -> Iterator[Said]:
        """One rule of the layer and what it brings along; BadRule with a path that begins with its kind."""
        said = _read(document)
        kind = kind_of(said.rule)
        try:
            self._admit(said)
            yield said
            for extra in said.rule.unfold():
                inner = _read(extra.document)
                standing = said.standing.during(extra.begins, extra.ends)
                brought = Said(inner.rule, inner.fields, standing, unfolded=True)
                self._admit(brought)
                yield brought
        except BadRule as bad:
            raise bad.within(kind) from None

    def _admit(self, said: Said) -> None:
        """Refuse a rule that is not this layer's to say, or not in this way."""
        rule, standing = said.rule, said.standing
        if self.name not in rule.layers:
            allowed = ", ".join(one for one in LAYERS if one in rule.layers)
            raise BadRule("", f"the {self.name} layer cannot say it", f"it belongs to: {allowed}")
        if rule.accumulates and said.unfolded:
            raise BadRule("", "a phase cannot bring it along", "write it beside: it has its own dates")
        if rule.accumulates and (standing.begins or standing.ends):
            raise BadRule("begins", "this kind has its own dates", "leave begins and ends out")
        if standing.only_for and (
            self.name in ("therapist", "client") or (self.name in OF_A_THREAD and not rule.personal)
        ):
            raise BadRule("only_for", "it cannot be said for one person alone here", "leave only_for out")
        if self.name == "exception":
            if not standing.reason:
                raise BadRule("reason", "an exception needs a reason", "name one, such as illness")
            if not rule.accumulates and (standing.begins is None or standing.ends is None):
                mend = "name begins and ends; for what has no end, change the agreement"
                raise BadRule("ends", "an exception has a first date and an end", mend)
        rule.said_in(self.name)


def _refuse_tie(said: Said, other: Said) -> None:
    if not said.standing.overlaps(other.standing):
        return
    kind, place = kind_of(said.rule), said.rule.place()
    what = f"two rules of kind {kind}" + (f" for {place}" if place else "")
    raise BadRule(kind, what, "keep one of them, or give one an end where the other begins")


def _read(document: Mapping[str, Any]) -> Said:
    """A rule with what stands beside it."""
    kind = document.get("kind")
    known = kind if isinstance(kind, str) and kind in KINDS else None
    if known is None:
        raise BadRule("kind", "there is no such kind of rule", f"use one of {', '.join(KINDS)}")
    if "origin" in document:
        raise BadRule(f"{known}.origin", "the layer is not written inside a rule", "leave it out")
    own = {name: value for name, value in document.items() if name not in _BESIDE}
    try:
        standing = msgspec.convert({n: v for n, v in document.items() if n in _BESIDE}, Standing)
        refuse_far_dates(standing)
        _check_standing(standing)
        KINDS[known].refuse(own)
        rule = read_rule(own)
        refuse_far_dates(rule)
        canonical_json(msgspec.to_builtins(rule))
    except BadRule as bad:
        raise bad.within(known) from None
    except msgspec.ValidationError as error:
        raise _translated(str(error), known) from None
    except ValueError:  # a lone surrogate
        raise BadRule(known, "a text has no UTF-8 form", "remove the broken character") from None
    return Said(rule, frozenset(own) - {"kind"}, standing)


def _check_standing(standing: Standing) -> None:
    if standing.begins and standing.ends and standing.begins >= standing.ends:
        raise BadRule(
            "ends", "it ends before it begins", "ends is the first date on which it no longer holds"
        )
    if not all(re.fullmatch(r"[0-9a-f]{32}", one) for one in standing.only_for):
        raise BadRule("only_for", "not an account", "name accounts by their 32 hex digits")
    if not re.fullmatch(r"([a-z][a-z0-9_]{0,39})?", standing.reason):
        raise BadRule("reason", "not a code", "write up to 40 of a-z, 0-9 and _, such as illness")


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
