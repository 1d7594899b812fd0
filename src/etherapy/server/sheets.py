"""Rule sets as they are kept, and the rule sheets that follow from them (tep_amendments.md A-7, A-15.5)."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

from etherapy.protocol.problems import BadRules
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import milliseconds
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import kind_of
from etherapy.rules.layer import OF_A_THREAD, Layer
from etherapy.rules.layers import resolve
from etherapy.rules.parts import NO_PART, part_of
from etherapy.rules.resolved import Rules
from etherapy.store.database import Record
from etherapy.store.settings import MemberPart, NewSheet, SetKey
from etherapy.tep.rulesheet import RuleSheet, member_part_hash, rules_hash, shared_part_hash

MOST_OF_A_CLIENT: Final = 50
"""Rules that a client may set alone."""


class Kept(NamedTuple):
    """A rule set as it is kept. Version 0, no rules: none was ever set."""

    version: int
    rules: bytes | None


class Written(NamedTuple):
    """One layer as its author wrote it. Version 0: of no single rule set."""

    layer: str
    version: int
    rules: bytes


@dataclass(frozen=True, slots=True)
class Authored:
    """The rule sets that hold in a thread: of the practice, of the therapist who owns it, those of the thread
    and what its clients set alone."""

    practice: bytes
    owner: bytes
    sets: Mapping[SetKey, Kept]
    thread: bytes = b""
    """Empty: the therapist's rules, whatever the thread."""
    clients: tuple[bytes, ...] = ()
    """Accounts of clients and of family."""

    def changed(self, key: SetKey, rules: bytes) -> Self:
        """The same with a newer version of one set, if it is one of these."""
        if key not in self.sets:
            return self
        newer = Kept(self.sets[key].version + 1, rules)
        return replace(self, sets={**self.sets, key: newer})

    def layers(self) -> tuple[Written, ...]:
        """What was written, weakest layer first."""
        keys = [(self.practice, "practice"), (self.owner, "therapist")]
        keys += [(self.thread, layer) for layer in ("agreement", "exception")]
        sets = [(layer, self.sets.get((owner, layer))) for owner, layer in keys]
        found = [Written(layer, kept.version, kept.rules) for layer, kept in sets if kept and kept.rules]
        together = in_sheets([(one, self.sets[one, "client"].rules) for one in self.clients])
        return (*found, Written("client", 0, together)) if together else tuple(found)

    def rules(self, person: bytes = b"") -> Rules:
        """What they resolve to, for everybody or for one participant. BadRule if they make no rules."""
        return _resolved(self.layers(), self.owner.hex(), person.hex())

    def parts(self, accounts: Sequence[bytes]) -> list[bytes]:
        """Each participant's own part of the sheet (`part_of`)."""
        written = self.layers()
        said = (said for one in written if one.layer in OF_A_THREAD for said in _layer(one).said)
        if not any(one.standing.only_for for one in said):
            return [NO_PART for _ in accounts]
        shared = self.rules()
        return [part_of(shared.entries, self.rules(account).entries) for account in accounts]

    def of_cover(self, account: bytes) -> Rules:
        """The rules by which a colleague covers: the practice's with their own."""
        return replace(self, owner=account, thread=b"", clients=()).rules()


def read_sets(row: Record) -> dict[SetKey, Kept]:
    """The rule sets in a row that has the arrays of rule_sets_of.sql."""
    rows = zip(row["set_owners"], row["set_layers"], row["set_versions"], row["set_rules"], strict=True)
    return {(owner, layer): Kept(version, rules) for owner, layer, version, rules in rows}


def make_sheet(
    thread: bytes,
    r: int,
    previous: bytes,
    now: datetime,
    rules: Rules,
    members: Iterable[tuple[bytes, bytes, bytes]],
    random: Callable[[int], bytes],
) -> NewSheet:
    """Sheet r of a thread; `previous` is the hash of sheet r-1, zeros for the first. `members`: of each the
    account, the chain and the own part."""
    shared, parts, hashed = rules.canonical(), [], []
    for account, chain, part in members:
        own = MemberPart(account, random(16), part)
        parts.append(own)
        hashed.append((chain, member_part_hash(own.salt, part)))
    signed = RuleSheet(
        thread, r, previous, milliseconds(now), shared_part_hash(shared), tuple(sorted(hashed))
    )
    sheet = signed.pack()
    return NewSheet(thread, r, sheet, rules_hash(sheet), shared, parts)


def rules_in_force(authored: Authored) -> Rules:
    """The rules of a thread, for everybody in it. BadRules if they make none."""
    try:
        return authored.rules()
    except BadRule as bad:
        raise refused(bad) from None


def refused(bad: BadRule, whose: str = "") -> BadRules:
    """The answer to somebody whose rules do not hold; `whose`, where others do not fit them."""
    return BadRules(bad.field, bad.problem, bad.mend, whose)


def read_rules(stored: bytes | None) -> list[dict[str, Any]]:
    """A rule set as its author wrote it."""
    return [] if stored is None else json.loads(stored)


def keep_rules(layer: str, documents: Sequence[Mapping[str, Any]]) -> bytes:
    """A rule set as it is kept, checked as far as one layer alone can be. BadRules otherwise."""
    try:
        if layer == "client" and len(documents) > MOST_OF_A_CLIENT:
            raise BadRule("rules", f"more than {MOST_OF_A_CLIENT} rules of your own", "remove what is past")
        for said in Layer(layer, documents).said:
            if not said.rule.in_sheet:  # nothing resolves it later
                _check_alone(said.rule)
    except BadRule as bad:
        raise refused(bad) from None
    return canonical_json(list(documents))


def _check_alone(rule: Any) -> None:
    try:
        rule.check()
    except BadRule as bad:
        raise bad.within(kind_of(rule)) from None


def in_sheets(sets: Sequence[tuple[bytes, bytes | None]]) -> bytes:
    """What the clients of a thread have set alone, together, as far as sheets hold it; empty: nothing.

    The layer has no version: that would tell the others how often one of them changed what is theirs alone.
    Of two rules that cannot stand beside each other the first stays.
    """
    claimed: set[tuple[str, str]] = set()
    found: list[dict[str, Any]] = []
    for document in (one | _whose(account, one) for account, stored in sets for one in read_rules(stored)):
        rule = Layer("client", [document]).said[0].rule
        claims = {(kind_of(rule), claim) for claim in rule.claims()}
        if rule.in_sheet and not claims & claimed:
            claimed |= claims
            found.append(document)
    return canonical_json(found) if found else b""


def _whose(account: bytes, document: Mapping[str, Any]) -> dict[str, str]:
    """A client's own pause rests that client's writing alone."""
    return {"of": account.hex()} if document.get("kind") == "pause" else {}


@lru_cache(maxsize=1024)
def _layer(written: Written) -> Layer:
    return Layer(written.layer, read_rules(written.rules), written.version)


@lru_cache(maxsize=1024)
def _resolved(written: tuple[Written, ...], owner: str, person: str) -> Rules:
    return resolve([_layer(one) for one in written], owner, person)
