"""Threads and messages: typed callers of the functions that take, release, place and read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record

_NO_EPOCH = 2**31 - 1
"""Headers name epochs in 32 bits, columns keep 31: no thread comes this far."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of a thread. `role` as in rosters: 1 client, 2 therapist, 3 co-therapist, 4 family."""

    account: bytes
    role: int
    chain: bytes
    last_accepted_at: datetime | None
    acked_until: datetime | None


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
    members: dict[bytes, Member]
    devices: dict[bytes, tuple[bytes, bytes]]
    """device_id -> (account, sign_pk); revoked devices too."""
    home: bytes
    owner_name: str
    """The display name of the therapist who reads."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an item stands in its thread: the fields of its Entry, and T_n."""

    n: int
    reason: int
    generation: int
    placed_at: datetime
    item_hash: bytes
    promise_hash: bytes
    t: bytes


@dataclass(frozen=True, slots=True)
class SentRow:
    """What a sender is told of one of its messages; `outcome` says what the command did."""

    outcome: str
    item_hash: bytes
    promise: bytes
    promise_now: bytes | None
    decision: bytes
    state: str
    placed: Placed | None
    status: bytes | None
    newest: bytes
    """The newest commit, with outcome `stale_epoch`."""
    told: list[bytes]
    """Accounts whose feeds moved: whoever waits for them can be woken."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A message with its decision and its signed promise, ready to be stored; see accept_message.sql."""

    thread: bytes
    account: bytes
    device: bytes
    mid: bytes
    item_hash: bytes
    envelope: bytes
    epoch: int
    commit_hash: bytes
    by_client: bool
    urgent: bool
    expects_reply: bool
    version: int
    accepted_at: datetime
    release_at: datetime | None
    reply_by: datetime | None
    window_at: datetime | None
    acked_until: datetime | None
    reason: int | None
    promise: bytes
    promise_hash: bytes
    decision: bytes
    leaf_id: bytes
    leaf_salt: bytes


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What the day's audit leaf will hold of something that only its sender may know of (A-6)."""

    day: datetime
    record_id: bytes
    salt: bytes
    record: bytes


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


@dataclass(frozen=True, slots=True)
class RosterMember:
    """A member with the whole chain that a commit is checked against."""

    account: bytes
    role: int
    chain: bytes
    links: list[bytes]


@dataclass(frozen=True, slots=True)
class Roster:
    """The newest epoch of a thread and its members."""

    caller: bytes
    device: bytes
    epoch: int
    commit_hash: bytes
    suite: int
    charter_hash: bytes
    t: bytes | None
    """T_n at the position that was asked for; None: nothing is placed there."""
    home: bytes
    members: list[RosterMember]


class Threads:
    """Every call takes the one who asks and the instant; a refusal by the database raises `Refused`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def facts(
        self, who: Asking, now: datetime, thread: bytes
    ) -> tuple[ThreadFacts, bytes, list[bytes]] | None:
        """The facts, the caller's account, and whose feeds moved on the way; None: no such thread of the
        caller."""
        row = await self._database.call("load_facts", *opening(who, now), thread)
        return None if row is None else (_facts(row), row["caller"], row["told"])

    async def accept(self, who: Asking, now: datetime, message: Acceptance) -> SentRow:
        """Hold or place a message, in one round trip. Outcomes: see accept_message.sql."""
        m = message
        row = await self._database.call(
            "accept_message",
            *opening(who, now),
            m.thread,
            m.account,
            m.device,
            m.mid,
            m.item_hash,
            m.envelope,
            min(m.epoch, _NO_EPOCH),
            m.commit_hash,
            m.by_client,
            m.urgent,
            m.expects_reply,
            m.version,
            m.accepted_at,
            m.release_at,
            m.reply_by,
            m.window_at,
            m.acked_until,
            m.reason,
            m.promise,
            m.promise_hash,
            m.decision,
            m.leaf_id,
            m.leaf_salt,
        )
        return _sent(_one(row))

    async def recall(
        self,
        who: Asking,
        now: datetime,
        thread: bytes,
        account: bytes,
        mid: bytes,
        item_hash: bytes,
        recall: bytes,
        status: bytes,
        day: DayRecord,
    ) -> SentRow:
        """Take a held message back. Outcomes: see accept_recall.sql."""
        row = await self._database.call(
            "accept_recall",
            *opening(who, now),
            thread,
            account,
            mid,
            item_hash,
            recall,
            status,
            day.day.date(),
            day.record_id,
            day.salt,
            day.record,
        )
        return _sent(_one(row))

    async def message(self, who: Asking, now: datetime, thread: bytes, mid: bytes) -> SentRow | None:
        """What became of an own message."""
        row = await self._database.call("read_message", *opening(who, now), thread, mid)
        return None if row is None else _sent(row)

    async def waiting(self, who: Asking, now: datetime, thread: bytes) -> list[Record]:
        """Own held messages: rows of mid, envelope, promise, decision."""
        return await self._database.call_all("read_waiting", *opening(who, now), thread)

    async def decision(self, who: Asking, now: datetime, thread: bytes, mid: bytes) -> Record | None:
        """The decision record of a message that the caller may know of; see read_decision.sql."""
        return await self._database.call("read_decision", *opening(who, now), thread, mid)

    async def page(
        self, who: Asking, now: datetime, thread: bytes, after: int, limit: int
    ) -> tuple[list[PageRow], ThreadEnd]:
        """Placed positions after `after`, and where the thread ends."""
        rows = await self._database.call_all("read_page", *opening(who, now), thread, after, limit)
        first = rows[0]
        end = ThreadEnd(first["last_n"], first["last_t"], first["last_placed_at"], first["last_generation"])
        found = [
            PageRow(r["item_type"], _placed(r), r["item"], r["promise"]) for r in rows if r["n"] is not None
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

    async def notices(self, who: Asking, now: datetime, since: datetime) -> list[Record]:
        """A therapist's notices: rows of window_at, urgent, noticed_at."""
        return await self._database.call_all("read_notices", *opening(who, now), since)

    async def roster(self, who: Asking, now: datetime, thread: bytes, n: int) -> Roster:
        """What a commit is checked against, and T_n at position `n`."""
        rows = await self._database.call_all("load_roster", *opening(who, now), thread, n)
        first = rows[0]
        members = [RosterMember(r["account_id"], r["role"], r["chain_id"], r["links"]) for r in rows]
        return Roster(
            first["caller"],
            first["caller_device"],
            first["epoch"],
            first["commit_hash"],
            first["suite"],
            first["charter_hash"],
            first["t"],
            first["home"],
            members,
        )

    async def commit(
        self,
        who: Asking,
        now: datetime,
        thread: bytes,
        *,
        epoch: int,
        suite: int,
        prev: bytes,
        commit: bytes,
        commit_hash: bytes,
        heads: dict[bytes, bytes],
        seats: Sequence[bytes],
    ) -> SentRow:
        """Place a verified commit; `heads` maps accounts to the chain heads it was verified on."""
        row = await self._database.call(
            "commit_epoch",
            *opening(who, now),
            thread,
            min(epoch, _NO_EPOCH),
            suite,
            prev,
            commit,
            commit_hash,
            list(heads),
            list(heads.values()),
            list(seats),
        )
        return _sent(_one(row))

    async def sheet(self, who: Asking, now: datetime, thread: bytes, r: int) -> Record:
        """A rule sheet with the caller's own part; see read_sheet.sql."""
        return _one(await self._database.call("read_sheet", *opening(who, now), thread, r))

    async def joining(self, who: Asking, now: datetime, thread: bytes) -> Record:
        """The invitation and the answer that began a thread; see read_joining.sql."""
        return _one(await self._database.call("read_joining", *opening(who, now), thread))


def _one(row: Record | None) -> Record:
    if row is None:
        raise LookupError("a command that always answers did not")
    return row


def _facts(row: Record) -> ThreadFacts:
    members = [
        Member(*each)
        for each in zip(
            row["members"],
            row["member_roles"],
            row["chains"],
            row["last_accepted"],
            row["acked_until"],
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


def _placed(row: Record) -> Placed:
    return Placed(
        row["n"],
        row["reason"],
        row["generation"],
        row["placed_at"],
        row["item_hash"],
        row["promise_hash"],
        row["t"],
    )


def _sent(row: Record) -> SentRow:
    return SentRow(
        row["outcome"],
        row["item_hash"],
        row["promise"],
        row["promise_now"],
        row["decision"],
        row["state"],
        None if row["n"] is None else _placed(row),
        row["status"],
        row["newest"] or b"",
        row["told"] or [],
    )
