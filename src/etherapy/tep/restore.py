"""Generations: how a server that was restored from a backup says so, under its signature (A-8).

The statement is signed by a key of use 3 and names, under one root, where every thread of the practice was
taken up again. Each of these threads goes on with an Entry of type 4, whose item is a Mark: the statement,
and the path from the thread's own place to that root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates
from etherapy.tep.serverkeys import ServerKeys, Use
from etherapy.tep.shape import instant, items, keyed, octets, uint, version_one
from etherapy.tep.signed import pack_signed, parse_signed

MAX_STATEMENT = 512
MAX_MARK = 4096
MAX_GENERATION = 2**31 - 1
_MAX_PATH = 63
_MINUTE_MS = 60_000
_COUNTED_FROM_MS = 1_577_836_800_000
"""2020-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class RestoreStatement:
    """Practice `practice` goes on in `generation` after `previous`, restored at `at` (ms).

    `root` is the RFC 9162 root over `thread_leaf` of every thread it had then, in the order of their ids.
    """

    practice: bytes
    generation: int
    previous: int
    at: int
    root: bytes

    def pack(self) -> bytes:
        """The core bytes."""
        data = cbor.encode(
            {0: 1, 1: self.practice, 2: self.generation, 3: self.previous, 4: self.at, 5: self.root}
        )
        _parse_core(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedRestore:
    """A split statement; nothing is verified yet."""

    statement: RestoreStatement
    core: bytes
    sig: bytes
    whole: bytes

    @property
    def statement_hash(self) -> bytes:
        """What its leaf in the `keys` log and every thread's mark name it by."""
        return digest("restore-hash", self.whole)


@dataclass(frozen=True, slots=True)
class Mark:
    """The item of a type 4 Entry: the statement, and the way from one thread's leaf to its root."""

    signed: SignedRestore
    index: int
    size: int
    path: tuple[bytes, ...]


def next_generation(previous: int, at: int) -> int:
    """The number of the generation that begins at `at` (ms).

    It grows with the minutes, not by one: two restores of one backup know the same previous generation, and
    must not give two histories one number (A-3: that would prove a fork).
    """
    return max(previous + 1, (at - _COUNTED_FROM_MS) // _MINUTE_MS)


def sign_restore(statement: RestoreStatement, key: SigningKey) -> bytes:
    """The signed statement."""
    core = statement.pack()
    return pack_signed(core, [key.sign(_signed_bytes(core))])


def parse_restore(data: bytes) -> SignedRestore:
    """Split a statement. Codes: those of the container, type, length, range, generation."""
    found = parse_signed(data, MAX_STATEMENT)
    if len(found.signatures) != 1:
        raise Malformed("signature", "restore statement: one signature is needed")
    return SignedRestore(_parse_core(found.core), found.core, found.signatures[0], data)


def restore_keys(server: ServerKeys) -> dict[bytes, KeyDates]:
    """The keys that may sign statements, by key_id."""
    return {
        one.key_id: (one.public, one.since, one.until)
        for one in server.keys.values()
        if one.use == Use.RESTORE
    }


def check_restore(signed: SignedRestore, keys: Mapping[bytes, KeyDates], practice: bytes) -> None:
    """Malformed unless a key of the server that counted at that time signed this for the practice.

    Codes: practice, signature.
    """
    if signed.statement.practice != practice:
        raise Malformed("practice", "restore statement: for another practice")
    message = _signed_bytes(signed.core)
    if not any(
        since <= signed.statement.at < until and verify(public, message, signed.sig)
        for public, since, until in keys.values()
    ):
        raise Malformed("signature", "restore statement: no key of this server that counts signed it")


def thread_leaf(thread: bytes, n: int, t: bytes) -> bytes:
    """Where a thread was taken up again, as a leaf of the statement's tree."""
    return cbor.encode([6, octets(thread, 16, "thread"), uint(n, "n"), octets(t, 32, "T_n")])


def mark_hash(statement_hash: bytes, thread: bytes, n: int, t: bytes) -> bytes:
    """item_hash of the first Entry of a thread in a generation, after position n."""
    return digest("tgen", statement_hash, thread, n.to_bytes(8, "big"), t)


def pack_mark(statement: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The item of a type 4 Entry."""
    data = cbor.encode({0: statement, 1: index, 2: size, 3: list(path)})
    parse_mark(data)
    return data


def parse_mark(data: bytes) -> Mark:
    """Split a mark; whether the path leads to the root is for whoever has a Merkle tree to say."""
    found = keyed(cbor.decode(data, limit=MAX_MARK), range(4), what="mark")
    if not isinstance(found[0], bytes):
        raise Malformed("type", "mark: expected bytes")
    size = uint(found[2], "size", 1, 2**63 - 1)
    path = tuple(octets(one, 32, "path") for one in items(found[3], "path", 0, _MAX_PATH))
    return Mark(parse_restore(found[0]), uint(found[1], "index", 0, size - 1), size, path)


def _signed_bytes(core: bytes) -> bytes:
    return label("restore") + plain_digest(core)


def _parse_core(data: bytes) -> RestoreStatement:
    core = keyed(cbor.decode(data, limit=MAX_STATEMENT), range(6), what="restore statement")
    version_one(core[0])
    found = RestoreStatement(
        octets(core[1], 16, "practice"),
        uint(core[2], "generation", 2, MAX_GENERATION),
        uint(core[3], "previous", 1, MAX_GENERATION),
        instant(core[4], "restored"),
        octets(core[5], 32, "root"),
    )
    if found.generation <= found.previous:
        raise Malformed("generation", "restore statement: a generation follows the one before it")
    return found
