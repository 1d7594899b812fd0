"""Placing: an Entry gives an item its position, T_n runs over the entries (tep_amendments.md A-3).

Nothing is signed here; a Head over T_n covers all entries below it.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from etherapy.tep.labels import digest
from etherapy.tep.layout import Layout, values_of
from etherapy.tep.shape import MAX_TIME, ZEROS_32


class ItemType(IntEnum):
    """What can have a position in a thread."""

    ENVELOPE = 1
    COMMIT = 2
    ERASE_RECORD = 3
    GENERATION_MARK = 4
    CHARTER = 5


class Reason(IntEnum):
    """Why an item was placed when it was. NONE for everything that is never held."""

    NONE = 0
    AT_ONCE = 1
    DUE = 2
    EARLIER_OPENING = 3
    OPENED_EARLY = 4
    COVER = 5
    URGENT = 6
    ABSENCE_ENDED = 7
    RULE_CHANGE = 8
    HEALED = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """Item `item_hash` stands at position n since `placed_at` (ms). `promise_hash` only for envelopes."""

    LAYOUT: ClassVar[Layout] = Layout(">4BIQQ32s32s", "entry")

    item_type: int
    reason: int
    generation: int
    n: int
    placed_at: int
    item_hash: bytes
    promise_hash: bytes = ZEROS_32

    def pack(self) -> bytes:
        """The 88 bytes."""
        expect = self.LAYOUT.expect
        expect(self.item_type in ItemType._value2member_map_, "type", "unknown item type")
        expect(self.reason in Reason._value2member_map_, "reason", "unknown reason")
        envelope = self.item_type == ItemType.ENVELOPE
        expect(
            envelope == (self.promise_hash != ZEROS_32), "promise", "envelopes have a promise, others none"
        )
        allowed = self.reason != Reason.NONE if envelope else self.reason in (Reason.NONE, Reason.HEALED)
        expect(allowed, "reason", "not a reason for this type of item")
        expect(self.n > 0, "range", "positions begin at 1")
        expect(self.placed_at <= MAX_TIME, "range", "a time beyond the year 9999")
        item_type, reason, *rest = values_of(self)
        return self.LAYOUT.pack(1, item_type, reason, 0, *rest)

    @classmethod
    def unpack(cls, data: bytes) -> "Entry":
        """The entry behind 88 bytes."""
        version, item_type, reason, flags, *rest = cls.LAYOUT.unpack(data)
        cls.LAYOUT.expect(version == 1, "version", "version is not 1")
        cls.LAYOUT.expect(flags == 0, "flags", "an unknown flag is set")
        found = cls(item_type, reason, *rest)
        found.pack()
        return found


def thread_start(thread_id: bytes, home: bytes) -> bytes:
    """T_0: names the thread and the installation and practice it lives in."""
    return digest("tlog0", thread_id, home)


def thread_next(t: bytes, entry: Entry | bytes) -> bytes:
    """T_n from T_(n-1) and Entry n."""
    return digest("tlog", t, entry if isinstance(entry, bytes) else entry.pack())
