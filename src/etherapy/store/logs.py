"""The two logs of a practice: typed callers for readers, for the sequencer and for the day's leaf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record

KEYS, AUDIT = 1, 2


@dataclass(frozen=True, slots=True)
class LogState:
    """How far a log is sequenced. `note` is empty before the first checkpoint."""

    size: int
    root: bytes
    note: bytes
    day_written: date | None
    waiting: bool
    """Whether leaves wait for the sequencer."""


class Hidden(NamedTuple):
    """A record that only the leaf of its day shows, and only as a hash. Ordered by its random id."""

    record_id: bytes
    salt: bytes
    record: bytes


class Logs:
    """Reading asks for a session; the sequencer's own calls do not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def checkpoint(self, who: Asking, now: datetime, log: int) -> Record | None:
        """size, root, checkpoint."""
        return await self._database.call("read_log", *opening(who, now), log)

    async def leaves(self, who: Asking, now: datetime, log: int, start: int, limit: int) -> list[Record]:
        """index and data."""
        return await self._database.call_all("read_leaves", *opening(who, now), log, start, limit)

    async def state(self, practice: bytes, log: int) -> LogState | None:
        """For the server's own use; None: no such practice."""
        row = await self._database.call("read_log_state", practice, log)
        if row is None:
            return None
        return LogState(
            row["size"], row["root"], row["checkpoint"] or b"", row["day_written"], row["waiting"]
        )

    async def nodes(
        self, practice: bytes, log: int, places: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], bytes]:
        """Stored subtree hashes by (level, index)."""
        if not places:
            return {}
        levels, indexes = [level for level, _ in places], [index for _, index in places]
        rows = await self._database.call_all("read_log_nodes", practice, log, levels, indexes)
        return {(row["level"], row["index"]): row["hash"] for row in rows}

    async def unsequenced(self, practice: bytes, log: int, limit: int) -> list[tuple[bytes, bytes]]:
        """(leaf_id, data), oldest first."""
        rows = await self._database.call_all("read_unsequenced", practice, log, limit)
        return [(row["leaf_id"], row["data"]) for row in rows]

    async def sequence(
        self,
        practice: bytes,
        log: int,
        size: int,
        leaves: Sequence[bytes],
        nodes: Sequence[tuple[int, int, bytes]],
        root: bytes,
        note: bytes,
    ) -> bool:
        """False: another sequencer was faster."""
        row = await self._database.call(
            "sequence_leaves",
            practice,
            log,
            size,
            list(leaves),
            [level for level, _, _ in nodes],
            [index for _, index, _ in nodes],
            [hash_ for _, _, hash_ in nodes],
            root,
            note,
        )
        return row is not None and bool(row[0])

    async def day(self, practice: bytes, day: date) -> list[Hidden]:
        """What the day's leaf holds so far."""
        rows = await self._database.call_all("read_day", practice, day)
        return [Hidden(row["record_id"], row["salt"], row["record"]) for row in rows]

    async def write_day(
        self, practice: bytes, day: date, leaf_id: bytes, data: bytes, now: datetime, own: Hidden
    ) -> bool:
        """Write the day's leaf, and keep the day's own record that is in it. False: written before."""
        row = await self._database.call("write_day", practice, day, leaf_id, data, now, *own)
        return row is not None and bool(row[0])
