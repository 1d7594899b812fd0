"""Names and what passphrases are checked by (tep.md §5.11)."""

from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.people import AuditLeaf


class Passphrases:
    """A passphrase ties a waiting device to an account and does nothing else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, practice: bytes, name: str) -> Record | None:
        """account_id, salt, verifier under a folded name."""
        return await self._database.call("find_passphrase", practice, name)

    async def set(
        self, who: Asking, now: datetime, name: str, salt: bytes, verifier: str, audit: AuditLeaf
    ) -> str:
        """set or taken."""
        leaf = (audit.leaf_id, audit.salt, audit.record)
        row = await self._database.call("set_passphrase", *opening(who, now), name, salt, verifier, *leaf)
        return "" if row is None else str(row[0])

    async def drop(self, who: Asking, now: datetime, audit: AuditLeaf) -> None:
        """There is none from now on."""
        await self._database.call(
            "drop_passphrase", *opening(who, now), audit.leaf_id, audit.salt, audit.record
        )

    async def open_pending(
        self, practice: bytes, now: datetime, lookup: bytes, account: bytes, verifier: str, token_hash: bytes
    ) -> tuple[str, datetime | None]:
        """opened, waiting or none; and until when the request waits."""
        row = await self._database.call("open_pending", practice, now, lookup, account, verifier, token_hash)
        return ("none", None) if row is None else (row["outcome"], row["expires_at"])
