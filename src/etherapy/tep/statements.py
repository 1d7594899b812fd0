"""What the server states and signs: Promise, Head, Status, LinkPromise (tep_amendments.md A-2 to A-6).

Four fixed layouts; the second byte tells them apart. Times are milliseconds since 1970 UTC. How they are
signed and checked is in `receipts`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, TypeVar

from etherapy.tep.labels import digest
from etherapy.tep.layout import Layout, values_of
from etherapy.tep.shape import MAX_TIME, ZEROS_32


class Decision(IntEnum):
    """What became of an accepted item."""

    AT_ONCE = 1
    HELD = 2
    SILENT = 3
    NO_OPENING = 4
    URGENT = 5


class State(IntEnum):
    """Where an item stands that is not placed."""

    HELD = 2
    RECALLED = 3
    RETURNED = 4
    REPLACED = 5


class StatusReason(IntEnum):
    """Why an item was recalled, returned or replaced."""

    NONE = 0
    SENDER = 1
    DEVICE_REMOVED = 2
    USER_REMOVED = 3
    THREAD_CLOSED = 4
    EPOCH_SHREDDED = 5


class LogName(IntEnum):
    """The two logs of a practice."""

    KEYS = 1
    AUDIT = 2


@dataclass(frozen=True, slots=True)
class Promise:
    """An item was taken: when, what was placed by then, when it will be shown and answered (A-2).

    `n_acc` is no position of the item. `release_at` is 0 only with NO_OPENING; `reply_by` 0: none expected.
    `rev` 0 is the acceptance; later revisions name the promise before them in `previous`.
    """

    TYPE: ClassVar[int] = 0x50
    LAYOUT: ClassVar[Layout] = Layout(">4BI16s16s32sQII32sQQQQ8s32s", "promise")

    decision: int
    rev: int
    generation: int
    thread: bytes
    mid: bytes
    item_hash: bytes
    n_acc: int
    epoch: int
    rules_rev: int
    rules_hash: bytes
    accepted_at: int
    counted_from: int
    release_at: int
    reply_by: int
    key_id: bytes
    previous: bytes = ZEROS_32

    def pack(self) -> bytes:
        """The 192 bytes."""
        expect = self.LAYOUT.expect
        expect(self.decision in Decision._value2member_map_, "decision", "unknown decision")
        expect(
            (self.rev == 0) == (self.previous == ZEROS_32), "previous", "previous promise against revision"
        )
        expect(self.release_at > 0 or self.decision == Decision.NO_OPENING, "release_at", "missing")
        expect(self.counted_from <= self.accepted_at, "counted_from", "later than accepted_at")
        times = (self.accepted_at, self.release_at, self.reply_by)
        expect(max(times) <= MAX_TIME, "range", "a time beyond the year 9999")
        return self.LAYOUT.pack(1, self.TYPE, *values_of(self))

    @classmethod
    def unpack(cls, data: bytes) -> "Promise":
        """The promise behind 192 bytes."""
        return _read(cls, data)

    @property
    def signed_at(self) -> int:
        """The time by which the signing key is judged."""
        return self.accepted_at

    @property
    def repeats_an_older_time(self) -> bool:
        """A later revision keeps `accepted_at`, so its key may have come into use after that."""
        return self.rev > 0


@dataclass(frozen=True, slots=True)
class Head:
    """The thread's last position n, its running hash T_n, and when Entry n was placed (A-3)."""

    TYPE: ClassVar[int] = 0x48
    LAYOUT: ClassVar[Layout] = Layout(">4BI16sQ32sQ8s", "head")

    generation: int
    thread: bytes
    n: int
    t: bytes
    placed_at: int
    key_id: bytes

    def pack(self) -> bytes:
        """The 80 bytes."""
        self.LAYOUT.expect(self.placed_at <= MAX_TIME, "range", "a time beyond the year 9999")
        return self.LAYOUT.pack(1, self.TYPE, 0, 0, *values_of(self))

    @classmethod
    def unpack(cls, data: bytes) -> "Head":
        """The head behind 80 bytes."""
        return _read(cls, data, zeros=2)

    @property
    def signed_at(self) -> int:
        """The time by which the signing key is judged."""
        return self.placed_at

    @property
    def repeats_an_older_time(self) -> bool:
        """A quiet thread's head is signed again long after its last entry."""
        return True


@dataclass(frozen=True, slots=True)
class Status:
    """Where an unplaced item stands, for its sender only (A-4). `cause` is a hash, zeros for HELD."""

    TYPE: ClassVar[int] = 0x53
    LAYOUT: ClassVar[Layout] = Layout(">4BI16s16s32s32sQ8s", "status")

    state: int
    reason: int
    generation: int
    thread: bytes
    mid: bytes
    item_hash: bytes
    cause: bytes
    at: int
    key_id: bytes

    def pack(self) -> bytes:
        """The 120 bytes."""
        expect = self.LAYOUT.expect
        expect(self.state in State._value2member_map_, "state", "unknown state")
        expect(self.reason in StatusReason._value2member_map_, "reason", "unknown reason")
        held = self.state == State.HELD
        expect(held == (self.cause == ZEROS_32), "cause", "an ending has a cause, a hold has none")
        expect(
            held == (self.reason == StatusReason.NONE), "reason", "an ending has a reason, a hold has none"
        )
        expect(self.at <= MAX_TIME, "range", "a time beyond the year 9999")
        return self.LAYOUT.pack(1, self.TYPE, *values_of(self))

    @classmethod
    def unpack(cls, data: bytes) -> "Status":
        """The status behind 120 bytes."""
        return _read(cls, data)

    @property
    def signed_at(self) -> int:
        """The time by which the signing key is judged."""
        return self.at

    @property
    def repeats_an_older_time(self) -> bool:
        """A status is signed when it is asked for or caused."""
        return False


@dataclass(frozen=True, slots=True)
class LinkPromise:
    """A leaf was taken and will be in the log by `sequenced_by` (A-6)."""

    TYPE: ClassVar[int] = 0x4B
    LAYOUT: ClassVar[Layout] = Layout(">4BI16s32sQQ8s8s", "link promise")

    log: int
    generation: int
    practice: bytes
    leaf_hash: bytes
    at: int
    sequenced_by: int
    key_id: bytes

    def pack(self) -> bytes:
        """The 88 bytes."""
        expect = self.LAYOUT.expect
        expect(self.log in LogName._value2member_map_, "log", "unknown log")
        expect(
            self.at <= self.sequenced_by <= MAX_TIME, "range", "sequenced before it was taken, or too late"
        )
        return self.LAYOUT.pack(1, self.TYPE, self.log, 0, *values_of(self)[1:], bytes(8))

    @classmethod
    def unpack(cls, data: bytes) -> "LinkPromise":
        """The link promise behind 88 bytes."""
        version, kind, log, zero, *rest, tail = cls.LAYOUT.unpack(data)
        cls.LAYOUT.expect(
            (version, kind, zero, tail) == (1, cls.TYPE, 0, bytes(8)), "version", "not this format"
        )
        found = cls(log, *rest)
        found.pack()
        return found

    @property
    def signed_at(self) -> int:
        """The time by which the signing key is judged."""
        return self.at

    @property
    def repeats_an_older_time(self) -> bool:
        """A link promise is signed when its leaf is taken."""
        return False


Statement = Promise | Head | Status | LinkPromise
TYPES: dict[int, type[Promise] | type[Head] | type[Status] | type[LinkPromise]] = {
    one.TYPE: one for one in (Promise, Head, Status, LinkPromise)
}
"""Statement class by type byte."""

_T = TypeVar("_T", Promise, Head, Status)


def _read(cls: type[_T], data: bytes, zeros: int = 0) -> _T:
    version, kind, *rest = cls.LAYOUT.unpack(data)
    cls.LAYOUT.expect((version, kind) == (1, cls.TYPE), "version", "not this format")
    cls.LAYOUT.expect(not any(rest[:zeros]), "reserved", "reserved bytes are not zero")
    found = cls(*rest[zeros:])
    found.pack()
    return found


def promise_hash(core: Promise | bytes) -> bytes:
    """What an Entry and the next revision name a promise by."""
    return digest("promise", core if isinstance(core, bytes) else core.pack())
