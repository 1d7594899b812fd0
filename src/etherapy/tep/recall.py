"""Recall: a record signed by a device of the sender that takes back or replaces a held item (A-4)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from etherapy.signing import SIGNATURE_BYTES, SigningKey, verify
from etherapy.tep.labels import digest, label
from etherapy.tep.layout import Layout, values_of
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import MAX_TIME, ZEROS_32

_TYPE = 0x52
RECALL_BYTES = 128 + SIGNATURE_BYTES


class RecallMode(IntEnum):
    """Take back, or put another item in its place."""

    RECALL = 1
    REPLACE = 2


@dataclass(frozen=True, slots=True)
class Recall:
    """What a device asks: `mid` and `item_hash` name the old item, `new_item_hash` the one that replaces it.

    `new_item_hash` is zeros in mode RECALL. `at` is the device's own time in ms.
    """

    LAYOUT: ClassVar[Layout] = Layout(">4BI16s16s16s32s32sQ", "recall")

    mode: int
    thread: bytes
    mid: bytes
    device: bytes
    item_hash: bytes
    new_item_hash: bytes
    at: int

    def pack(self) -> bytes:
        """The 128 bytes that are signed."""
        expect = self.LAYOUT.expect
        expect(self.mode in RecallMode._value2member_map_, "mode", "unknown mode")
        replaces = self.mode == RecallMode.REPLACE
        expect(replaces == (self.new_item_hash != ZEROS_32), "mode", "a new item against the mode")
        expect(self.new_item_hash != self.item_hash, "mode", "an item cannot replace itself")
        expect(self.at <= MAX_TIME, "range", "a time beyond the year 9999")
        mode, *rest = values_of(self)
        return self.LAYOUT.pack(1, _TYPE, mode, 0, 0, *rest)

    @classmethod
    def unpack(cls, data: bytes) -> "Recall":
        """The recall behind 128 bytes."""
        version, kind, mode, zero, zeros, *rest = cls.LAYOUT.unpack(data)
        cls.LAYOUT.expect((version, kind) == (1, _TYPE), "version", "not this format")
        cls.LAYOUT.expect(zero == zeros == 0, "reserved", "reserved bytes are not zero")
        found = cls(mode, *rest)
        found.pack()
        return found


@dataclass(frozen=True, slots=True)
class SignedRecall:
    """A recall with its signature and its name; not verified yet."""

    recall: Recall
    core: bytes
    sig: bytes
    recall_hash: bytes


def parse_recall(data: bytes) -> SignedRecall:
    """Split the 192 bytes of a signed recall."""
    if len(data) != RECALL_BYTES:
        raise Malformed("length", f"recall: expected {RECALL_BYTES} bytes")
    core, sig = data[:128], data[128:]
    return SignedRecall(Recall.unpack(core), core, sig, recall_hash(data))


def sign_recall(recall: Recall, key: SigningKey) -> bytes:
    """The 192 bytes of a signed recall."""
    core = recall.pack()
    return core + key.sign(label("recall") + core)


def recall_verifies(signed: SignedRecall, sign_pk: bytes) -> bool:
    """Whether the device with this key signed the recall."""
    return verify(sign_pk, label("recall") + signed.core, signed.sig)


def recall_hash(data: bytes) -> bytes:
    """The `cause` that a Status names; over core and signature."""
    return digest("recall-hash", data)
