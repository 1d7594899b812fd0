"""Rule sets, and what those who audit them read: typed callers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.earlier import Earlier, earlier_columns
from etherapy.store.people import AuditLeaf
from etherapy.store.tasks import NewTask, task_columns

SetName = Literal["practice", "own", "agreement", "exception"]
"""Which rule set a caller means; `own` is that of a therapist, else of a client."""
SetKey = tuple[bytes, str]
"""(owner, layer) of a rule set: the practice, an account or a thread."""


@dataclass(frozen=True, slots=True)
class MemberPart:
    """What of a sheet is for one member alone."""

    account: bytes
    salt: bytes
    part: bytes


@dataclass(frozen=True, slots=True)
class NewSheet:
    """The next rule sheet of a thread."""

    thread: bytes
    r: int
    sheet: bytes
    rules_hash: bytes
    shared: bytes
    parts: Sequence[MemberPart]
    made_of: Mapping[SetKey, int] = field(default_factory=dict)
    """Versions of the rule sets it was made of, where a change of members makes it."""


class RuleSets:
    """A change reaches threads, sheets and held promises in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, who: Asking, now: datetime, name: SetName, thread: bytes | None = None) -> Record:
        """A set that the caller may change, with the practice's; see read_rules.sql."""
        return await self._database.call_one("read_rules", *opening(who, now), name, thread)

    async def load(
        self, who: Asking, now: datetime, name: SetName, thread: bytes | None = None
    ) -> list[Record]:
        """The same, and every thread a change would reach; see load_rules.sql."""
        return await self._database.call_all("load_rules", *opening(who, now), name, thread)

    async def basis(
        self, who: Asking, now: datetime, thread: bytes, clients: Sequence[bytes], covers: Sequence[bytes]
    ) -> Record:
        """What the next sheet of a thread is made of; see load_sheet_basis.sql."""
        return await self._database.call_one(
            "load_sheet_basis", *opening(who, now), thread, list(clients), list(covers)
        )

    async def set(
        self,
        who: Asking,
        now: datetime,
        key: SetKey,
        follows: int,
        rules: bytes,
        sheets: Sequence[NewSheet],
        earlier: Sequence[Earlier],
        seen: Sequence[bytes],
        tasks: Sequence[NewTask],
        audit: Sequence[AuditLeaf],
    ) -> bool:
        """`seen`: the newest promises (hashes) of all held messages that were weighed. False: something
        changed meanwhile, and nothing was done."""
        owner, layer = key
        parts = [(sheet.thread, part) for sheet in sheets for part in sheet.parts]
        row = await self._database.call(
            "set_rules",
            *opening(who, now),
            layer,
            owner,
            follows,
            rules,
            [s.thread for s in sheets],
            [s.r for s in sheets],
            [s.sheet for s in sheets],
            [s.rules_hash for s in sheets],
            [s.shared for s in sheets],
            [thread for thread, _ in parts],
            [part.account for _, part in parts],
            [part.salt for _, part in parts],
            [part.part for _, part in parts],
            list(seen),
            *task_columns(tasks),
            [a.leaf_id for a in audit],
            [a.salt for a in audit],
            [a.record for a in audit],
            *earlier_columns(earlier, now),
        )
        return row is not None and row[0] == "set"

    async def in_force(self, who: Asking, now: datetime) -> list[Record]:
        """The rule sets of the practice and of its therapists, for those who audit them; see
        read_settings.sql."""
        return await self._database.call_all("read_settings", *opening(who, now))

    async def decisions(self, who: Asking, now: datetime, start: int, limit: int) -> list[Record]:
        """Audit records in the order of the log."""
        return await self._database.call_all("read_decisions", *opening(who, now), start, limit)
