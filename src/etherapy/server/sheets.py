"""Rule sheets: what a thread's promises name (tep_amendments.md A-7, A-15.5)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from etherapy.protocol.problems import BadRules
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import milliseconds
from etherapy.rules.canonical import canonical_json
from etherapy.rules.layer import Layer
from etherapy.rules.layers import Rules, resolve
from etherapy.tep.rulesheet import RuleSheet, member_part_hash, rules_hash, shared_part_hash

NO_PART = canonical_json({})
"""A member's own part while nothing is agreed with one member alone."""


@dataclass(frozen=True, slots=True)
class MadeSheet:
    """A sheet with everything its hashes stand for."""

    sheet: bytes
    rules_hash: bytes
    shared: bytes
    salts: tuple[bytes, ...]
    """In the order in which the members were given."""


def make_sheet(
    thread: bytes,
    r: int,
    previous: bytes,
    now: datetime,
    rules: Rules,
    chains: Sequence[bytes],
    random: Callable[[int], bytes],
) -> MadeSheet:
    """Sheet r of a thread; `previous` is the hash of sheet r-1, zeros for the first."""
    shared = rules.canonical()
    salts = tuple(random(16) for _ in chains)
    parts = sorted(
        (chain, member_part_hash(salt, NO_PART)) for chain, salt in zip(chains, salts, strict=True)
    )
    sheet = RuleSheet(thread, r, previous, milliseconds(now), shared_part_hash(shared), tuple(parts)).pack()
    return MadeSheet(sheet, rules_hash(sheet), shared, salts)


def rules_in_force(practice: bytes | None, therapist: bytes | None) -> Rules:
    """The rules of a thread from the rule sets as they are kept (None: nothing was set). BadRules if
    they make none."""
    try:
        return _resolved(practice, therapist)
    except BadRule as bad:
        raise BadRules(bad.field, bad.problem, bad.mend) from None


def read_rules(stored: bytes | None) -> list[dict[str, Any]]:
    """A rule set as its author wrote it."""
    return [] if stored is None else json.loads(stored)


def keep_rules(layer: str, documents: Sequence[Mapping[str, Any]]) -> bytes:
    """A rule set as it is kept, checked as far as one layer alone can be. BadRules otherwise."""
    try:
        Layer(layer, documents)
    except BadRule as bad:
        raise BadRules(bad.field, bad.problem, bad.mend) from None
    return canonical_json(list(documents))


@lru_cache(maxsize=1024)
def _resolved(practice: bytes | None, therapist: bytes | None) -> Rules:
    return resolve([Layer("practice", read_rules(practice)), Layer("therapist", read_rules(therapist))])
