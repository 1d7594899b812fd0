"""Where a log was changed: the search for the first leaf that is not what was signed (guarantees.md 3.11)."""

from collections.abc import Sequence

from etherapy.merkle.tree import ReadNode, fold, grow, node_hash, peaks, root


def first_bad_leaf(
    leaf_hashes: Sequence[bytes], size: int, signed_root: bytes, read_node: ReadNode
) -> int | None:
    """The index of the first leaf that the signed root over `size` leaves does not bear out; None if all are.

    `leaf_hashes` are computed afresh from the entries as they are now; `read_node` gives the nodes stored
    when they were sequenced. Stored nodes are believed only as far down as they hash up to the signed
    root: where they are changed or missing too, the answer is the first leaf of the smallest subtree that
    can still be judged, hence at or before the fault. A missing leaf is the index where the list ends. Leaves
    beyond `size` are not judged, being younger than the checkpoint.
    """
    judged = leaf_hashes[:size]
    if len(judged) == size and root(judged) == signed_root:
        return None
    actual = {(level, index): digest for level, index, digest in grow(0, read_node, judged)[0]}
    stored = [_stored(read_node, level, index) for level, index in peaks(size)]
    if fold(stored) != signed_root:
        return 0
    for (level, index), believed in zip(peaks(size), stored, strict=True):
        if actual.get((level, index)) != believed:
            return _descend(level, index, believed, actual, read_node)
    raise AssertionError("all subtrees agree, and yet the root does not")


def _descend(
    level: int, index: int, believed: bytes, actual: dict[tuple[int, int], bytes], read_node: ReadNode
) -> int:
    """The first bad leaf under a node whose actual hash differs from the `believed` one."""
    while level:
        below, left, right = level - 1, 2 * index, 2 * index + 1
        stored = _stored(read_node, below, left), _stored(read_node, below, right)
        if node_hash(*stored) != believed:
            break
        level = below
        index, believed = (right, stored[1]) if actual.get((below, left)) == stored[0] else (left, stored[0])
    return index << level


def _stored(read_node: ReadNode, level: int, index: int) -> bytes:
    """The stored hash; no bytes where the row is gone, which then is a hash that nobody signed."""
    try:
        return read_node(level, index)
    except LookupError:
        return b""
