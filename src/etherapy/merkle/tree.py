"""The Merkle tree of RFC 9162 §2.1 (the same hashes as RFC 6962), over leaves in the order of their index.

What is stored are the hashes of *complete* subtrees: node (level, index) covers the 2**level leaves that
start at leaf index << level; level 0 holds the leaf hashes. Such a node never changes once it exists, so
a log only ever adds rows, and every root and proof of every earlier size can be made from them.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_BYTES = 32

ReadNode = Callable[[int, int], bytes]
"""(level, index) to the stored hash, LookupError if there is none. What will be asked can be named before."""


Node = tuple[int, int, bytes]
"""(level, index, hash): a complete subtree of 2**level leaves and its 32-byte hash."""


def leaf_hash(data: bytes) -> bytes:
    """H(0x00 || data), the hash of one leaf (tep.md §6.3)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 || left || right), the hash of two neighbouring subtrees."""
    return sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """The root of a log without leaves: the hash of nothing."""
    return sha256(b"").digest()


def subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """The (level, index) of the complete subtrees that make up leaves start..end-1, left to right.

    `start` must be where RFC 9162 splits a tree, which is what makes the answer unique: a multiple of
    the largest power of two that fits into the span.
    """
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def peaks(size: int) -> list[tuple[int, int]]:
    """The stored nodes, left to right, that the root of `size` leaves follows from: one per bit set in it."""
    if size < 0:
        raise ValueError("a tree has no negative size")
    return subtrees(0, size)


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes, from nothing stored."""
    return grow(0, _nothing_stored, leaf_hashes)[1]


def stored_root(size: int, read_node: ReadNode) -> bytes:
    """The root of the first `size` leaves; reads the nodes `peaks(size)`."""
    return fold([read_node(level, index) for level, index in peaks(size)])


def grow(size: int, read_node: ReadNode, new_leaf_hashes: Iterable[bytes]) -> tuple[list[Node], bytes]:
    """Append leaves to a log of `size` leaves: the nodes that must now be stored, and the new root.

    Reads the nodes `peaks(size)` and no others; answers fewer than two nodes per new leaf plus one per
    level. ValueError if a hash is not 32 bytes long.
    """
    standing = [_checked(read_node(level, index)) for level, index in peaks(size)]
    fresh: list[Node] = []
    for position, leaf in enumerate(new_leaf_hashes, size):
        level, index, digest = 0, position, _checked(leaf)
        fresh.append((level, index, digest))
        while index & 1:
            level, index, digest = level + 1, index >> 1, node_hash(standing.pop(), digest)
            fresh.append((level, index, digest))
        standing.append(digest)
    return fresh, fold(standing)


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over neighbouring complete subtrees, given left to right, the largest first."""
    if not hashes:
        return empty_root()
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def _nothing_stored(level: int, index: int) -> bytes:
    raise LookupError(f"node {index} of level {level} is not part of an empty tree")


def _checked(digest: bytes) -> bytes:
    if len(digest) != HASH_BYTES:
        raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(digest)}")
    return digest
