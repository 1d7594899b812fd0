"""Leaves of the two logs of a practice, `keys` and `audit` (tep_amendments.md A-6, A-15.2)."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256

from etherapy.tep import cbor
from etherapy.tep.labels import digest
from etherapy.tep.shape import octets, uint


def chain_link_leaf(account_id: bytes, chain_id: bytes, seq: int, link_hash: bytes) -> bytes:
    """`keys`: a link of a person's device chain."""
    head = [octets(account_id, 16, "account_id"), octets(chain_id, 32, "chain_id")]
    return cbor.encode([1, *head, uint(seq, "seq"), octets(link_hash, 32, "link_hash")])


def server_link_leaf(server_id: bytes, seq: int, link_hash: bytes) -> bytes:
    """`keys`: a link of the server's own key chain."""
    return cbor.encode(
        [2, octets(server_id, 32, "server_id"), uint(seq, "seq"), octets(link_hash, 32, "link_hash")]
    )


def restore_leaf(statement_hash: bytes) -> bytes:
    """`keys`: a restore statement."""
    return cbor.encode([3, octets(statement_hash, 32, "statement_hash")])


def audit_leaf(salt: bytes, record: bytes) -> bytes:
    """`audit`: a record, hidden behind a salt of 32 bytes until it is shown to somebody."""
    return cbor.encode([4, sha256(octets(salt, 32, "salt") + record).digest()])


def day_leaf(day: date, records: Sequence[tuple[bytes, bytes]]) -> bytes:
    """`audit`: all records of one day that may not show when they happened, as (salt 32, record) pairs.

    Written every day, also when empty. The order of the records is the caller's and must be kept with them.
    """
    return cbor.encode([5, day.isoformat(), day_root(day, records)])


def day_root(day: date, records: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The root a day's leaf names: the date, and an RFC 9162 tree over H(0x00 || salt || record)."""
    leaves = [sha256(b"\x00" + octets(salt, 32, "salt") + record).digest() for salt, record in records]
    return digest("day", day.isoformat().encode("ascii"), _tree_root(leaves))


def leaf_hash(data: bytes) -> bytes:
    """RFC 9162 leaf hash."""
    return sha256(b"\x00" + data).digest()


def _tree_root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\x01" + _tree_root(hashes[:half]) + _tree_root(hashes[half:])).digest()
