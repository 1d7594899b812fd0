"""Messages as commands take them and tell of them: values on either side, and their columns."""

from dataclasses import dataclass
from datetime import datetime

from etherapy.store.database import Record

MOST_EPOCHS = 2**31 - 1
"""Headers and commits name epochs in 32 bits, columns keep 31: no thread comes this far."""


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
    recall: bytes | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One step of the plan by which somebody on call is told of an urgent message (R-16)."""

    step: int
    alert: bytes
    callee: bytes
    name: str
    due_at: datetime
    until: datetime
    """When the next one is called, or the practice is told that nobody acknowledged."""


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
    service_class: int
    size: int
    turn: int
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
    question: bytes
    leaf_id: bytes
    leaf_salt: bytes
    counted_from: datetime | None = None
    """None: `accepted_at`. Earlier where it takes the place of another (A-4)."""
    reader: bytes | None = None
    """The cover whose hours decided; None: the owner."""
    ready_at: datetime | None = None
    """Limits keep it back until then; None: none did."""
    counts_at: datetime | None = None
    notice_at: datetime | None = None
    """Its reader is told no earlier; None: when it is placed."""
    calls: tuple[Call, ...] = ()
    card: str = ""
    """The crisis card that its sender was shown, with its version; for `calls` only."""


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A message that waits, as far as the server signs for its end."""

    account: bytes
    mid: bytes
    thread: bytes
    device: bytes
    item_hash: bytes
    generation: int


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What the day's audit leaf will hold of something that only its sender may know of (A-6)."""

    day: datetime
    record_id: bytes
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a message by a signed Recall of its sender, ready to be stored; see accept_recall.sql."""

    mid: bytes
    item_hash: bytes
    device: bytes
    """That signed the Recall."""
    recall: bytes
    status: bytes
    day: DayRecord


def acceptance_columns(m: Acceptance) -> tuple[object, ...]:
    """The arguments of accept_message.sql from the device on, which replace_message.sql takes too."""
    return (
        m.device,
        m.mid,
        m.item_hash,
        m.envelope,
        min(m.epoch, MOST_EPOCHS),
        m.commit_hash,
        m.by_client,
        m.urgent,
        m.expects_reply,
        m.service_class,
        m.size,
        m.turn,
        m.version,
        m.accepted_at,
        m.counted_from or m.accepted_at,
        m.release_at,
        m.reply_by,
        m.ready_at,
        m.counts_at,
        m.window_at,
        m.notice_at,
        m.reader,
        m.acked_until,
        m.reason,
        m.promise,
        m.promise_hash,
        m.decision,
        m.question,
        m.leaf_id,
        m.leaf_salt,
        [call.step for call in m.calls],
        [call.alert for call in m.calls],
        [call.callee for call in m.calls],
        [call.name for call in m.calls],
        [*(call.due_at for call in m.calls), *(call.until for call in m.calls[-1:])],
        m.card,
    )


def ended_columns(e: Ended) -> tuple[object, ...]:
    day = e.day
    return (
        e.mid, e.item_hash, e.device, e.recall, e.status, day.day.date(), day.record_id, day.salt, day.record
    )  # fmt: skip


def placed_row(row: Record) -> Placed:
    return Placed(
        row["n"],
        row["reason"],
        row["generation"],
        row["placed_at"],
        row["item_hash"],
        row["promise_hash"],
        row["t"],
    )


def sent_row(row: Record) -> SentRow:
    """What a function that answers `sent` told."""
    return SentRow(
        row["outcome"],
        row["item_hash"],
        row["promise"],
        row["promise_now"],
        row["decision"],
        row["state"],
        None if row["n"] is None else placed_row(row),
        row["status"],
        row["newest"] or b"",
        row["told"] or [],
        row["recall"],
    )
