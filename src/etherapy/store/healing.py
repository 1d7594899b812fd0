"""Generations and what comes back after a restore: typed callers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.messages import DayRecord
from etherapy.store.people import AuditLeaf


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a commit stands in a thread, and the commit after it (None: it is the newest)."""

    n: int
    next_n: int | None


@dataclass(frozen=True, slots=True)
class Lost:
    """A verified message from before a restore, without what only one of the two commands needs."""

    thread: bytes
    account: bytes
    device: bytes
    mid: bytes
    item_hash: bytes
    epoch: int
    by_client: bool
    accepted_at: datetime
    counted_from: datetime
    release_at: datetime | None
    reply_by: datetime | None
    decision: bytes
    question: bytes
    leaf_id: bytes
    leaf_salt: bytes


@dataclass(frozen=True, slots=True)
class LostMessage:
    """A message that may be held or placed again; see heal_message.sql."""

    lost: Lost
    envelope: bytes
    urgent: bool
    expects_reply: bool
    service_class: int
    size: int
    window_at: datetime | None
    promise: bytes
    promise_now: bytes
    promise_hash: bytes


@dataclass(frozen=True, slots=True)
class LostRecall:
    """A Recall whose message was lost; see heal_recall.sql."""

    lost: Lost
    promise: bytes
    promise_hash: bytes
    recall: bytes
    status: bytes
    day: DayRecord


class Healing:
    """Each call takes the one who asks; what is refused by the database raises `Refused`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def generation(self, who: Asking, now: datetime) -> Record | None:
        """generation and statement of the practice."""
        return await self._database.call("read_generation", *opening(who, now))

    async def thread_generation(self, who: Asking, now: datetime, thread: bytes) -> Record | None:
        """n and mark; None: the thread was never restored."""
        return await self._database.call("read_thread_generation", *opening(who, now), thread)

    async def standings(
        self, who: Asking, now: datetime, thread: bytes, commits: Sequence[bytes]
    ) -> tuple[int | None, dict[bytes, Standing]]:
        """The position of the newest generation mark, and where these commits stand."""
        rows = await self._database.call_all("load_healing", *opening(who, now), thread, list(commits))
        found = {r["commit_hash"]: Standing(r["n"], r["next_n"]) for r in rows if r["commit_hash"]}
        return rows[0]["mark_n"], found

    async def message(self, who: Asking, now: datetime, m: LostMessage) -> Record:
        """outcome, state, promise, status, told."""
        x = m.lost
        return await self._database.call_one(
            "heal_message",
            *opening(who, now),
            *(x.thread, x.account, x.device, x.mid, x.item_hash, m.envelope, x.epoch),
            *(x.by_client, m.urgent, m.expects_reply, m.service_class, m.size, x.accepted_at, x.counted_from),
            *(x.release_at, x.reply_by, m.window_at, m.promise, m.promise_now, m.promise_hash),
            *(x.decision, x.question, x.leaf_id, x.leaf_salt),
        )

    async def recall(self, who: Asking, now: datetime, m: LostRecall) -> Record:
        """outcome, state, promise, status, told."""
        x = m.lost
        return await self._database.call_one(
            "heal_recall",
            *opening(who, now),
            *(x.thread, x.account, x.device, x.mid, x.item_hash, x.epoch, x.by_client),
            *(x.accepted_at, x.counted_from, x.release_at, x.reply_by, m.promise, m.promise_hash),
            *(x.decision, x.question, m.recall, m.status, x.leaf_id, x.leaf_salt),
            *(m.day.day.date(), m.day.record_id, m.day.salt, m.day.record),
        )

    async def begin(
        self,
        practice: bytes,
        now: datetime,
        generation: int,
        statement: bytes,
        marks: Sequence[tuple[bytes, bytes, bytes]],
        leaf: bytes,
        leaf_id: bytes,
        audit: AuditLeaf,
    ) -> None:
        """For the operator: the practice goes on in a new generation. `marks`: thread, item_hash, item."""
        await self._database.call(
            "begin_generation",
            *(practice, now, generation, statement),
            *([one[0] for one in marks], [one[1] for one in marks], [one[2] for one in marks]),
            *(leaf_id, leaf, audit.leaf_id, audit.salt, audit.record),
        )
