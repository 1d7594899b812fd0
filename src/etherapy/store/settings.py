"""Rule sets, and what those who audit them read: typed callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.messages import DayRecord
from etherapy.store.people import AuditLeaf


@dataclass(frozen=True, slots=True)
class NewSheet:
    """The next rule sheet of a thread."""

    thread: bytes
    r: int
    sheet: bytes
    rules_hash: bytes
    shared: bytes
    salts: Sequence[tuple[bytes, bytes]]
    """(account, salt) for each member's part."""
    rule_versions: Sequence[tuple[bytes, int]] = ()
    """(owner, version) of the rule sets it was made of, where a change of members makes it."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A held message whose promise moves earlier."""

    account: bytes
    mid: bytes
    release_at: datetime
    reply_by: datetime | None
    window_at: datetime | None
    promise: bytes
    promise_hash: bytes
    day: DayRecord
    reader: bytes | None = None
    """The cover whose hours decided; None: the owner."""


class RuleSets:
    """A change reaches threads, sheets and held promises in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, who: Asking, now: datetime, whole: bool) -> list[Record]:
        """The sets in force and every thread a change would reach; see load_rules.sql."""
        return await self._database.call_all("load_rules", *opening(who, now), whole)

    async def basis(self, who: Asking, now: datetime, thread: bytes, covers: Sequence[bytes]) -> list[Record]:
        """What the next sheet of a thread is made of; see load_sheet_basis.sql."""
        return await self._database.call_all("load_sheet_basis", *opening(who, now), thread, list(covers))

    async def held(self, who: Asking, now: datetime, threads: Sequence[bytes]) -> list[Record]:
        """Messages that wait in these threads; see load_held.sql."""
        return (
            await self._database.call_all("load_held", *opening(who, now), list(threads)) if threads else []
        )

    async def set(
        self,
        who: Asking,
        now: datetime,
        owner: bytes,
        follows: int,
        rules: bytes,
        part: bytes,
        sheets: Sequence[NewSheet],
        earlier: Sequence[Earlier],
        seen: Sequence[bytes],
        audit: Sequence[AuditLeaf],
    ) -> bool:
        """`seen`: the mids of all held messages that were weighed. False: something changed meanwhile,
        and nothing
        was done."""
        parts = [(sheet.thread, account, salt) for sheet in sheets for account, salt in sheet.salts]
        row = await self._database.call(
            "set_rules",
            *opening(who, now),
            owner,
            follows,
            rules,
            [s.thread for s in sheets],
            [s.r for s in sheets],
            [s.sheet for s in sheets],
            [s.rules_hash for s in sheets],
            [s.shared for s in sheets],
            [p[0] for p in parts],
            [p[1] for p in parts],
            [p[2] for p in parts],
            part,
            [e.account for e in earlier],
            [e.mid for e in earlier],
            [e.release_at for e in earlier],
            [e.reply_by for e in earlier],
            [e.window_at for e in earlier],
            [e.reader for e in earlier],
            [e.promise for e in earlier],
            [e.promise_hash for e in earlier],
            list(seen),
            [a.leaf_id for a in audit],
            [a.salt for a in audit],
            [a.record for a in audit],
            now.date(),
            [e.day.record_id for e in earlier],
            [e.day.salt for e in earlier],
            [e.day.record for e in earlier],
        )
        return row is not None and row[0] == "set"

    async def in_force(self, who: Asking, now: datetime) -> list[Record]:
        """All rule sets in force, for those who audit them; see read_settings.sql."""
        return await self._database.call_all("read_settings", *opening(who, now))

    async def decisions(self, who: Asking, now: datetime, start: int, limit: int) -> list[Record]:
        """Audit records in the order of the log."""
        return await self._database.call_all("read_decisions", *opening(who, now), start, limit)
