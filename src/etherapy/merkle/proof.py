"""Inclusion and consistency proofs (RFC 9162 §2.1.3 and §2.1.4): made from stored nodes, checked alone.

A proof element covers a span of leaves. A span that is not a complete subtree is folded from several
stored nodes, so the coordinates to fetch may be more than the elements of the proof. Fetch
`inclusion_nodes` or `consistency_nodes` in one query and hand the result to the makers as `read_node`.
"""

from collections.abc import Sequence

from etherapy.merkle.tree import HASH_BYTES, ReadNode, empty_root, fold, node_hash, subtrees

Span = tuple[int, int]
"""Leaves start..end-1."""


def inclusion_nodes(index: int, size: int) -> list[tuple[int, int]]:
    """The (level, index) of the stored nodes that `inclusion_proof(index, size, …)` reads."""
    return _nodes_of(_inclusion_spans(index, size))


def inclusion_proof(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards.

    ValueError unless 0 <= index < size.
    """
    return _hashes_of(_inclusion_spans(index, size), read_node)


def consistency_nodes(old: int, new: int) -> list[tuple[int, int]]:
    """The (level, index) of the stored nodes that `consistency_proof(old, new, …)` reads."""
    return _nodes_of(_consistency_spans(old, new))


def consistency_proof(old: int, new: int, read_node: ReadNode) -> list[bytes]:
    """The proof that the tree of `new` leaves begins with the tree of `old` leaves.

    Empty where nothing is to be shown: `old` is 0 or equals `new`. ValueError unless 0 <= old <= new.
    """
    return _hashes_of(_consistency_spans(old, new), read_node)


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf is number `index` of the `size` leaves under `root`. Never raises.

    RFC 9162 §2.1.3.2. `size` and `root` must come from a checkpoint whose signature was checked.
    """
    if not 0 <= index < size or not _are_hashes(leaf_hash, root, *proof):
        return False
    at, last, result = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            result = node_hash(sibling, result)
            at, last = _climb_to_right_child(at, last)
        else:
            result = node_hash(result, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the `new` leaves begin with the `old` ones, none changed. Never raises.

    RFC 9162 §2.1.4.2, which is defined for 0 < old < new. Beyond it: equal sizes need equal roots, an
    empty old tree needs the empty root, both an empty proof, and a smaller tree is never consistent.
    """
    if not 0 <= old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == empty_root())
    if old == 0:
        return not proof and old_root == empty_root()
    return _retraces(old, old_root, new, new_root, proof)


def _retraces(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # The old tree is one complete subtree: the proof then leaves out its root, which the verifier knows.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    old_side = new_side = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_side, new_side = node_hash(sibling, old_side), node_hash(sibling, new_side)
            at, last = _climb_to_right_child(at, last)
        else:
            new_side = node_hash(new_side, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old_side == old_root and new_side == new_root


def _climb_to_right_child(at: int, last: int) -> tuple[int, int]:
    """Past the levels of the right edge where a subtree has no sibling, to where `at` is a right child."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _inclusion_spans(index: int, size: int) -> list[Span]:
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def _consistency_spans(old: int, new: int) -> list[Span]:
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} cannot begin with a tree of {old}")
    if old == 0:
        return []
    spans, start, end = [], 0, new
    while end != old:
        middle = _split(start, end)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def _split(start: int, end: int) -> int:
    """Where RFC 9162 divides a span: after the largest power of two smaller than its length."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _nodes_of(spans: list[Span]) -> list[tuple[int, int]]:
    return [node for span in spans for node in subtrees(*span)]


def _hashes_of(spans: list[Span], read_node: ReadNode) -> list[bytes]:
    return [fold([read_node(level, index) for level, index in subtrees(*span)]) for span in spans]


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
