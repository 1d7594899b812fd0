"""Who is in a thread: typed callers of the functions that show its people and papers and let people come and
go."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.messages import MOST_EPOCHS, SentRow, sent_row
from etherapy.store.people import AuditLeaf, NewAccount
from etherapy.store.rosters import NewEpoch, Roster, audit_columns, person_of, sheet_columns

MOST_CONSENTS = 100
MOST_GRANTED = 2 * 1024 * 1024
"""Consents of a thread that let nobody in so far, and bytes of grants that one person leaves there for one
device: far beyond use, so that nobody fills the disk, or keeps others from giving."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command did, and whose feeds moved by it."""

    outcome: str
    told: Sequence[bytes] = ()
    complete: bool = field(default=False)
    """Of a consent: everybody who must sign has signed."""


@dataclass(frozen=True, slots=True)
class SealedGrant:
    """A history grant on its way; its signature was verified with `giver_key`."""

    giver: bytes
    giver_key: bytes
    receiver: bytes
    grant_hash: bytes
    sealed: bytes


class Membership:
    """Every call takes the one who asks and the instant; a refusal by the database raises `Refused`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def roster(
        self, who: Asking, now: datetime, thread: bytes, n: int, consents: Sequence[bytes] = ()
    ) -> Roster:
        """What a commit is checked against, and T_n at position `n`; see load_roster.sql."""
        rows = await self._database.call_all("load_roster", *opening(who, now), thread, n, list(consents))
        first = rows[0]
        return Roster(
            first["caller"],
            first["caller_device"],
            first["owner"],
            first["epoch"],
            first["commit_hash"],
            next(row["newest"] for row in rows if row["newest"] is not None),
            first["suite"],
            first["charter_hash"],
            first["generation"],
            first["t"],
            first["home"],
            {row["account_id"]: person_of(row) for row in rows},
        )

    async def commit(self, who: Asking, now: datetime, thread: bytes, new: NewEpoch) -> SentRow:
        """Place a verified commit with all that follows from it. Outcomes: see commit_epoch.sql."""
        then, sheet = new.turnover, new.turnover.sheet
        row = await self._database.call_one(
            "commit_epoch",
            *opening(who, now),
            thread,
            min(new.epoch, MOST_EPOCHS),
            new.suite,
            new.prev,
            new.commit,
            new.commit_hash,
            list(new.heads),
            list(new.heads.values()),
            list(new.seats),
            list(then.present),
            list(then.names),
            [one.account for one in then.come],
            [one.role for one in then.come],
            [one.start_n for one in then.come],
            [one.until for one in then.come],
            [one.consent_hash for one in then.come],
            list(then.mids),
            list(then.statuses),
            *sheet_columns(sheet),
            *audit_columns(then.audit),
        )
        return sent_row(row)

    async def people(self, who: Asking, now: datetime, thread: bytes) -> list[Record]:
        """Everybody who is or was in a thread; see read_people.sql."""
        return await self._database.call_all("read_people", *opening(who, now), thread)

    async def papers(self, who: Asking, now: datetime, thread: bytes) -> list[Record]:
        """Every paper that commits of a thread name; see read_papers.sql."""
        return await self._database.call_all("read_papers", *opening(who, now), thread)

    async def sign_consent(
        self,
        who: Asking,
        now: datetime,
        thread: bytes,
        consent_hash: bytes,
        core: bytes,
        newcomer: bytes,
        role: int,
        signature: bytes,
    ) -> Said:
        """Propose a consent or add one's signature. Outcomes: see sign_consent.sql."""
        row = await self._database.call_one(
            "sign_consent",
            *opening(who, now),
            thread,
            consent_hash,
            core,
            newcomer,
            role,
            signature,
            MOST_CONSENTS,
        )
        return _said(row)

    async def leave(
        self,
        who: Asking,
        now: datetime,
        thread: bytes,
        leave_hash: bytes,
        leave: bytes,
        mids: Sequence[bytes],
        statuses: Sequence[bytes],
        audit: AuditLeaf,
    ) -> Said:
        """Leave a thread. Outcomes: see leave_thread.sql."""
        row = await self._database.call_one(
            "leave_thread",
            *opening(who, now),
            thread,
            leave_hash,
            leave,
            list(mids),
            list(statuses),
            *audit_columns(audit),
        )
        return _said(row)

    async def accept(
        self,
        practice: bytes,
        lookup: bytes,
        now: datetime,
        *,
        accept: bytes,
        owner_seq: int,
        charter_signature: bytes,
        person: NewAccount,
        audit: AuditLeaf,
    ) -> Said:
        """Somebody new accepts an invitation into a thread. Outcomes: see accept_membership.sql."""
        row = await self._database.call_one(
            "accept_membership",
            practice,
            lookup,
            now,
            accept,
            owner_seq,
            charter_signature,
            *person.columns(),
            *audit_columns(audit),
        )
        return _said(row)

    async def give_history(
        self, who: Asking, now: datetime, thread: bytes, grants: Sequence[SealedGrant]
    ) -> Said:
        """Keep history grants. Outcomes: see give_history.sql."""
        row = await self._database.call_one(
            "give_history",
            *opening(who, now),
            thread,
            [one.giver for one in grants],
            [one.giver_key for one in grants],
            [one.receiver for one in grants],
            [one.grant_hash for one in grants],
            [one.sealed for one in grants],
            MOST_GRANTED,
        )
        return _said(row)

    async def grants(self, who: Asking, now: datetime, thread: bytes) -> list[bytes]:
        """The grants for the very device that asks."""
        rows = await self._database.call_all("read_grants", *opening(who, now), thread)
        return [row["sealed"] for row in rows]

    async def colleagues(self, who: Asking, now: datetime) -> list[Record]:
        """account_id, chain_id and name of the practice's therapists."""
        return await self._database.call_all("read_colleagues", *opening(who, now))


def _said(row: Record) -> Said:
    return Said(row["outcome"], row["told"] or [], row.get("complete", False))
