"""What a commit is checked against, and all that follows from one: values on either side of the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.database import Record
from etherapy.store.people import AuditLeaf
from etherapy.store.settings import NewSheet


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is or was in a thread, or whom a commit brings in (`role` None), with the whole chain."""

    account: bytes
    role: int | None
    chain: bytes
    present: bool
    until: datetime | None
    ended_at: datetime | None
    consent: bytes | None
    """The core of the consent that brought them in."""
    links: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Roster:
    """The newest epoch of a thread and everybody whom a commit in it may name."""

    caller: bytes
    device: bytes
    owner: bytes
    epoch: int
    commit_hash: bytes
    newest: bytes
    """The commit of the newest epoch."""
    suite: int
    charter_hash: bytes
    generation: int
    t: bytes | None
    """T_n at the position that was asked for; None: nothing is placed there."""
    home: bytes
    people: Mapping[bytes, Person]
    """By account."""

    def by_chain(self) -> dict[bytes, Person]:
        """The same people by chain_id."""
        return {person.chain: person for person in self.people.values()}


@dataclass(frozen=True, slots=True)
class NewMember:
    """Somebody whom a commit brings in. `start_n` 0: with all that was before."""

    account: bytes
    role: int
    start_n: int
    until: datetime | None
    consent_hash: bytes


@dataclass(frozen=True, slots=True)
class Turnover:
    """What follows from a commit beside the epoch itself; see commit_epoch.sql."""

    present: Sequence[bytes]
    """Accounts that were present when it was verified."""
    names: Sequence[bytes] = ()
    come: Sequence[NewMember] = ()
    mids: Sequence[bytes] = ()
    statuses: Sequence[bytes] = ()
    sheet: NewSheet | None = None
    audit: AuditLeaf | None = None


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """A verified commit; `heads` maps accounts to the chain heads it was verified on."""

    epoch: int
    suite: int
    prev: bytes
    commit: bytes
    commit_hash: bytes
    heads: Mapping[bytes, bytes]
    seats: Sequence[bytes]
    turnover: Turnover


def person_of(row: Record) -> Person:
    """Somebody in a row of load_roster.sql."""
    names = ("role", "present", "until", "ended_at", "consent", "links")
    return Person(row["account_id"], chain=row["chain_id"], **{name: row[name] for name in names})


def sheet_columns(sheet: NewSheet | None) -> tuple[object, ...]:
    """The arguments from p_r to p_rule_versions."""
    if sheet is None:
        return (None, None, None, None, [], [], [], [], [], [])
    return (
        sheet.r,
        sheet.sheet,
        sheet.rules_hash,
        sheet.shared,
        [part.account for part in sheet.parts],
        [part.salt for part in sheet.parts],
        [part.part for part in sheet.parts],
        [owner for owner, _ in sheet.made_of],
        [layer for _, layer in sheet.made_of],
        list(sheet.made_of.values()),
    )


def audit_columns(audit: AuditLeaf | None) -> tuple[bytes | None, bytes | None, bytes | None]:
    return (None, None, None) if audit is None else (audit.leaf_id, audit.salt, audit.record)
