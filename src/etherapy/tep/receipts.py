"""Receipts: one signature over one statement, or over a small tree of them (tep_amendments.md A-2).

`core || signature 64 || u8 d || u16 index || d x 32`. A batch always has 2^d slots: what is not used is
filled with random leaves and the order is shuffled, so that neither the length of a path nor its form tells
one person whether somebody else wrote in the same moment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from os import urandom

from etherapy.signing import SIGNATURE_BYTES, SigningKey, verify
from etherapy.tep.labels import label
from etherapy.tep.malformed import Malformed
from etherapy.tep.statements import (
    TYPES,
    Decision,
    Head,
    LinkPromise,
    LogName,
    Promise,
    State,
    Statement,
    Status,
    StatusReason,
    promise_hash,
)

__all__ = [
    "MAX_RECEIPT",
    "Decision",
    "Head",
    "KeyDates",
    "LinkPromise",
    "LogName",
    "Promise",
    "Receipt",
    "State",
    "Statement",
    "Status",
    "StatusReason",
    "is_unproven",
    "parse_receipt",
    "promise_hash",
    "read_core",
    "sign_receipt",
    "sign_receipts",
    "verify_receipt",
]

MAX_D = 8
UNPROVEN_AFTER_MS = 30 * 24 * 3_600_000
"""How long after the end of its key a receipt that nobody had seen still proves anything (A-8)."""
MAX_RECEIPT = 192 + SIGNATURE_BYTES + 3 + 32 * MAX_D
KeyDates = tuple[bytes, int, int]
"""(public key 32, from ms, until ms): the key counts for times in [from, until)."""
Keys = Mapping[bytes, KeyDates] | Callable[[bytes], KeyDates | None]
"""Receipt keys by key_id 8."""

_LEAF = b"\x00" + label("receipt-leaf")
_RECEIPT = label("receipt")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A split receipt; nothing is verified yet."""

    core: bytes
    sig: bytes
    d: int
    index: int
    path: tuple[bytes, ...]

    def pack(self) -> bytes:
        """The bytes of the receipt."""
        tail = self.d.to_bytes(1, "big") + self.index.to_bytes(2, "big")
        return self.core + self.sig + tail + b"".join(self.path)


def read_core(core: bytes) -> Statement:
    """The statement behind core bytes, by its type byte."""
    if len(core) < 2 or core[1] not in TYPES:
        raise Malformed("type", "receipt: unknown type")
    return TYPES[core[1]].unpack(core)


def parse_receipt(data: bytes) -> Receipt:
    """Split a receipt. Codes: length, type, d, index."""
    if len(data) < 2 or data[1] not in TYPES:
        raise Malformed("type", "receipt: unknown type")
    core_end = TYPES[data[1]].LAYOUT.size
    tail = core_end + SIGNATURE_BYTES
    if len(data) < tail + 3:
        raise Malformed("length", "receipt: ends too early")
    d, index = data[tail], int.from_bytes(data[tail + 1 : tail + 3], "big")
    if d > MAX_D or (d and data[1] == Head.TYPE):
        raise Malformed("d", "receipt: a path this long is not allowed here")
    if index >= 1 << d:
        raise Malformed("index", "receipt: no such slot")
    if len(data) != tail + 3 + 32 * d:
        raise Malformed("length", "receipt: the path has not the length it names")
    path = tuple(data[at : at + 32] for at in range(tail + 3, len(data), 32))
    return Receipt(data[:core_end], data[core_end:tail], d, index, path)


def verify_receipt(receipt: bytes, public_keys: Keys) -> Statement:
    """The statement in a receipt that the server really signed, by a key that counted at its time.

    A Head and a later revision of a Promise repeat an older time, so for them only the key's end is judged.
    Codes beyond those of `parse_receipt`: key (unknown), dates, signature.
    """
    split = parse_receipt(receipt)
    statement = read_core(split.core)
    found = public_keys(statement.key_id) if callable(public_keys) else public_keys.get(statement.key_id)
    if found is None:
        raise Malformed("key", "receipt: signed by an unknown key")
    public, since, until = found
    if statement.signed_at >= until or (statement.signed_at < since and not statement.repeats_an_older_time):
        raise Malformed("dates", "receipt: its time is outside the dates of its key")
    if not verify(public, _message(statement.key_id, split.d, _climb(split)), split.sig):
        raise Malformed("signature", "receipt: the signature does not verify")
    return statement


def is_unproven(statement: Statement, public_keys: Keys, seen_at: int) -> bool:
    """Whether a receipt that stands alone was first seen (ms) too long after its key's end: whoever got
    hold of
    the old key could have made it since."""
    found = public_keys(statement.key_id) if callable(public_keys) else public_keys.get(statement.key_id)
    return found is not None and found[2] + UNPROVEN_AFTER_MS < seen_at


def sign_receipt(core: Statement | bytes, key: SigningKey, key_id: bytes, d: int = 0) -> bytes:
    """One receipt. With d > 0 it stands alone among 2^d - 1 random leaves."""
    if d:
        return sign_receipts([core], key, key_id, d)[0]
    data = _core_bytes(core, key_id)
    return data + key.sign(_message(key_id, 0, _leaf(data))) + b"\0\0\0"


def sign_receipts(
    cores: Sequence[Statement | bytes],
    key: SigningKey,
    key_id: bytes,
    d: int,
    random: Callable[[int], bytes] = urandom,
) -> list[bytes]:
    """Receipts in the order of `cores`, one signature per 2^d of them. `random(n)` gives n random bytes."""
    if not 0 <= d <= MAX_D:
        raise Malformed("d", f"d is 0..{MAX_D}")
    datas = [_core_bytes(core, key_id) for core in cores]
    if d and any(data[1] == Head.TYPE for data in datas):
        raise Malformed("d", "a head is always signed alone")
    step = 1 << d
    return [
        receipt
        for at in range(0, len(datas), step)
        for receipt in _sign_batch(datas[at : at + step], key, key_id, d, random)
    ]


def _sign_batch(
    cores: list[bytes], key: SigningKey, key_id: bytes, d: int, random: Callable[[int], bytes]
) -> list[bytes]:
    slots = sorted(range(1 << d), key=lambda _: random(16))
    leaves = [random(32) for _ in slots]
    for slot, core in zip(slots, cores, strict=False):
        leaves[slot] = _leaf(core)
    levels = _levels(leaves)
    sig = key.sign(_message(key_id, d, levels[-1][0]))
    return [
        Receipt(core, sig, d, slot, tuple(levels[i][(slot >> i) ^ 1] for i in range(d))).pack()
        for slot, core in zip(slots, cores, strict=False)
    ]


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([_node(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return levels


def _climb(receipt: Receipt) -> bytes:
    h = _leaf(receipt.core)
    for i, beside in enumerate(receipt.path):
        h = _node(beside, h) if receipt.index >> i & 1 else _node(h, beside)
    return h


def _leaf(core: bytes) -> bytes:
    return sha256(_LEAF + core).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _message(key_id: bytes, d: int, root: bytes) -> bytes:
    return _RECEIPT + key_id + d.to_bytes(1, "big") + root


def _core_bytes(core: Statement | bytes, key_id: bytes) -> bytes:
    statement = read_core(core) if isinstance(core, bytes) else core
    if statement.key_id != key_id:
        raise Malformed("key", "the statement names another key")
    return core if isinstance(core, bytes) else core.pack()
