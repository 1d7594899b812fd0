"""Threads and messages: typed callers of the functions that take, release, place and read them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from etherapy.rules.rule import Counted
from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.earlier import Earlier, earlier_columns
from etherapy.store.messages import (
    Acceptance,
    Ended,
    HeldItem,
    Placed,
    SentRow,
    acceptance_columns,
    ended_columns,
    placed_row,
    sent_row,
)
from etherapy.store.people import AuditLeaf


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a thread. `role` as in rosters: 1 client, 2 therapist, 3 co-therapist, 4 family."""

    account: bytes
    role: int
    chain: bytes
    last_accepted_at: datetime | None
    acked_until: datetime | None
    part: bytes = b"{}"
    """Its own part of the newest rule sheet."""
    declared: bytes | None = None
    """What a client set alone, such as the region of its crisis card; None: nothing."""
    wrote: bool = False
    """Whether it has a message here that waits or is placed."""


@dataclass(frozen=True, slots=True)
class ThreadFacts:
    """What a promise in a thread depends on, at one version of it (decisions.md D-35)."""

    version: int
    is_open: bool
    generation: int
    last_n: int
    epoch: int
    commit_hash: bytes
    suite: int
    rules_rev: int
    rules_hash: bytes
    rules: bytes
    """The resolved rules of the newest sheet, canonical JSON."""
    turn_reply_by: datetime | None
    """By when the clients' turn is to be answered, as far as it is placed; None: nothing waits for an
    answer."""
    turn: int
    """Answers placed so far."""
    turn_urgent: bool
    begun: bool
    """Whether a client's message was placed, whoever wrote it."""
    members: dict[bytes, Member]
    devices: dict[bytes, tuple[bytes, bytes]]
    """device_id -> (account, sign_pk); revoked devices too."""
    home: bytes
    owner_name: str
    """The display name of the therapist who reads."""
    sent: dict[bytes, tuple[Counted, ...]] = field(default_factory=dict)
    """account -> what limits on its messages count, for those that asked; nobody else's decision may hang
    on it (G5)."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One placed position with what stands there (None: erased)."""

    item_type: int
    placed: Placed
    item: bytes | None
    promise: bytes | None


@dataclass(frozen=True, slots=True)
class ThreadEnd:
    """The last position of a thread."""

    n: int
    t: bytes
    placed_at: datetime
    generation: int


@dataclass(frozen=True, slots=True)
class Change:
    """A thread in somebody's feed."""

    thread: bytes
    role: int
    cursor: int
    last_n: int


class Threads:
    """Every call takes the one who asks and the instant; a refusal by the database raises `Refused`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def facts(
        self, who: Asking, now: datetime, thread: bytes
    ) -> tuple[ThreadFacts, bytes, list[bytes]]:
        """The facts, the caller's account, and whose feeds moved on the way."""
        row = await self._database.call_one("load_facts", *opening(who, now), thread)
        return _facts(row), row["caller"], row["told"]

    async def accept(self, who: Asking, now: datetime, message: Acceptance) -> SentRow:
        """Hold or place a message, in one round trip. Outcomes: see accept_message.sql."""
        row = await self._database.call_one(
            "accept_message",
            *opening(who, now),
            message.thread,
            message.account,
            *acceptance_columns(message),
        )
        return sent_row(row)

    async def replace(
        self,
        who: Asking,
        now: datetime,
        ended: Ended,
        message: Acceptance,
        earlier: Sequence[Earlier] = (),
    ) -> SentRow:
        """Put a message in the place of one that waits or came back. Outcomes: see replace_message.sql."""
        row = await self._database.call_one(
            "replace_message",
            *opening(who, now),
            message.thread,
            message.account,
            *ended_columns(ended),
            *acceptance_columns(message),
            *earlier_columns(earlier, now),
        )
        return sent_row(row)

    async def recall(
        self,
        who: Asking,
        now: datetime,
        thread: bytes,
        account: bytes,
        ended: Ended,
        version: int | None = None,
        earlier: Sequence[Earlier] = (),
    ) -> SentRow:
        """Take a held message back, which lets others of its sender go `earlier`, weighed on this version of
        the thread. Outcomes: see accept_recall.sql."""
        row = await self._database.call_one(
            "accept_recall",
            *opening(who, now),
            thread,
            account,
            *ended_columns(ended),
            version,
            *earlier_columns(earlier, now),
        )
        return sent_row(row)

    async def sent_since(
        self, who: Asking, now: datetime, thread: bytes, since: datetime
    ) -> dict[bytes, Counted]:
        """The caller's own live messages by mid, oldest first; see load_sent.sql."""
        rows = await self._database.call_all("load_sent", *opening(who, now), thread, since)
        return {
            row["mid"]: Counted(
                row["accepted_at"], row["counts_at"], row["service_class"], row["size"], row["turn"]
            )
            for row in rows
        }

    async def held(self, who: Asking, now: datetime, threads: Sequence[bytes]) -> list[Record]:
        """Messages that wait in these threads, for the server itself; see load_held.sql."""
        return (
            await self._database.call_all("load_held", *opening(who, now), list(threads)) if threads else []
        )

    async def message(self, who: Asking, now: datetime, thread: bytes, mid: bytes) -> SentRow | None:
        """What became of an own message."""
        row = await self._database.call("read_message", *opening(who, now), thread, mid)
        return None if row is None else sent_row(row)

    async def waiting(self, who: Asking, now: datetime, thread: bytes) -> list[Record]:
        """Own messages that wait or came back; see read_waiting.sql."""
        return await self._database.call_all("read_waiting", *opening(who, now), thread)

    async def all_waiting(self, who: Asking, now: datetime) -> list[Record]:
        """Where something of the caller's waits; see read_all_waiting.sql."""
        return await self._database.call_all("read_all_waiting", *opening(who, now))

    async def held_of(
        self,
        who: Asking,
        now: datetime,
        accounts: Sequence[bytes],
        devices: Sequence[bytes] | None,
        thread: bytes | None,
    ) -> list[HeldItem]:
        """What waits of these accounts, for the server itself; see load_held_of.sql."""
        rows = await self._database.call_all(
            "load_held_of",
            *opening(who, now),
            list(accounts),
            None if devices is None else list(devices),
            thread,
        )
        return [HeldItem(*row) for row in rows]

    async def decision(self, who: Asking, now: datetime, thread: bytes, mid: bytes) -> Record | None:
        """The decision record of a message that the caller may know of; see read_decision.sql."""
        return await self._database.call("read_decision", *opening(who, now), thread, mid)

    async def open_early(self, who: Asking, now: datetime, thread: bytes, audit: AuditLeaf) -> list[bytes]:
        """Place what clients have waiting in a thread; see open_early.sql. Whose feeds moved."""
        leaf = (audit.leaf_id, audit.salt, audit.record)
        row = await self._database.call_one("open_early", *opening(who, now), thread, *leaf)
        return list(row["told"])

    async def record(self, who: Asking, now: datetime, thread: bytes, mid: bytes) -> Record | None:
        """What an own message was decided on: question, decision, promise; see read_record.sql."""
        return await self._database.call("read_record", *opening(who, now), thread, mid)

    async def page(
        self, who: Asking, now: datetime, thread: bytes, after: int, limit: int
    ) -> tuple[list[PageRow], ThreadEnd]:
        """Placed positions after `after`, and where the thread ends."""
        rows = await self._database.call_all("read_page", *opening(who, now), thread, after, limit)
        first = rows[0]
        end = ThreadEnd(first["last_n"], first["last_t"], first["last_placed_at"], first["last_generation"])
        found = [
            PageRow(r["item_type"], placed_row(r), r["item"], r["promise"])
            for r in rows
            if r["n"] is not None
        ]
        return found, end

    async def changes(
        self, who: Asking, now: datetime, after: int, limit: int
    ) -> tuple[bytes, list[Change], list[bytes]]:
        """The caller's account, its threads that changed after a cursor, and whose feeds moved on the way."""
        rows = await self._database.call_all("read_sync", *opening(who, now), after, limit)
        found = [
            Change(r["thread_id"], r["role"], r["feed_at"], r["last_n"])
            for r in rows
            if r["thread_id"] is not None
        ]
        return rows[0]["account_id"], found, rows[0]["told"]

    async def inbox(self, who: Asking, now: datetime, limit: int) -> list[Record]:
        """A therapist's waiting turns; see read_inbox.sql."""
        return await self._database.call_all("read_inbox", *opening(who, now), limit)

    async def notices(
        self, who: Asking, now: datetime, since: datetime, reach: timedelta = timedelta()
    ) -> list[Record]:
        """Notices of a therapist, arrivals of a client from `reach` before that on; see read_notices.sql."""
        return await self._database.call_all("read_notices", *opening(who, now), since, reach)

    async def sheet(self, who: Asking, now: datetime, thread: bytes, r: int) -> Record:
        """A rule sheet with the caller's own part; see read_sheet.sql."""
        return await self._database.call_one("read_sheet", *opening(who, now), thread, r)

    async def joining(self, who: Asking, now: datetime, thread: bytes) -> Record:
        """The invitation and the answer that began a thread; see read_joining.sql."""
        return await self._database.call_one("read_joining", *opening(who, now), thread)


def _facts(row: Record) -> ThreadFacts:
    members = [
        Member(*each)
        for each in zip(
            row["members"],
            row["member_roles"],
            row["chains"],
            row["last_accepted"],
            row["acked_until"],
            (part or b"{}" for part in row["parts"]),
            row["declared"],
            row["wrote"],
            strict=True,
        )
    ]
    same: dict[str, Any] = {
        name: row[name]
        for name in (
            "version",
            "is_open",
            "generation",
            "last_n",
            "epoch",
            "commit_hash",
            "suite",
            "rules_rev",
            "rules_hash",
            "rules",
            "turn_reply_by",
            "turn",
            "turn_urgent",
            "begun",
            "home",
            "owner_name",
        )
    }
    return ThreadFacts(
        members={member.account: member for member in members},
        devices={
            device: (account, key)
            for device, account, key in zip(
                row["devices"], row["device_accounts"], row["device_keys"], strict=True
            )
        },
        **same,
    )
