"""What falls due, across practices: ids and instants only (decisions.md D-28)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from etherapy.store.database import Database, Record
from etherapy.store.people import AuditLeaf

LATEST = timedelta(minutes=5)
"""Each practice is looked at this often, whatever hints were lost."""
_CLAIM = timedelta(seconds=30)


class Due:
    """For the worker alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, now: datetime, limit: int = 100) -> list[bytes]:
        """Practices with something due, taken for half a minute so that two nodes do not do the same work."""
        rows = await self._database.call_all("claim_due", now, now + _CLAIM, limit)
        return [row[0] for row in rows]

    async def release(self, practice: bytes, now: datetime) -> tuple[list[bytes], datetime]:
        """Release everything due in a practice; the accounts told, and when to come again."""
        row = await self._database.call_one("release_practice", practice, now, now + LATEST)
        return row["told"] or [], row["next_at"]

    async def lapsed(self, practice: bytes, now: datetime) -> list[Record]:
        """Memberships whose time has run out; see read_lapsed.sql."""
        return await self._database.call_all("read_lapsed", practice, now)

    async def end_membership(
        self,
        practice: bytes,
        now: datetime,
        thread: bytes,
        account: bytes,
        mids: Sequence[bytes],
        statuses: Sequence[bytes],
        audit: AuditLeaf,
    ) -> list[bytes]:
        """Mark one of them; the accounts told. See end_membership.sql."""
        leaf = (audit.leaf_id, audit.salt, audit.record)
        row = await self._database.call_one(
            "end_membership", practice, now, thread, account, list(mids), list(statuses), *leaf
        )
        return row["told"] or []
