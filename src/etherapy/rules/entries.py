"""Resolved rules one by one: who set what of them, when they are in force, whether they hold together."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.instants import refuse_far_dates
from etherapy.rules.kinds import AnyRule, kind_of
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.weekly_windows import WeeklyWindows


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A resolved rule, the layer that set each of its fields (`*`: every field), and when it is in force."""

    origin: dict[str, str]
    rule: AnyRule
    begins: date | None = None
    """First date, on the wall of the schedule's zone; None: it always was."""
    ends: date | None = None
    """First date on which it is no longer; None: it stays."""


def check_entries(entries: Sequence[Entry]) -> None:
    """Refuse what does not make rules together, or lies outside the practice's bounds (R-23)."""
    for fault in faults_in(entries):
        raise fault


def faults_in(entries: Sequence[Entry]) -> Iterator[BadRule]:
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
