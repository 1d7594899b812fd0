"""Inclusion and consistency: every size and index up to 130, and everything that must be refused (AT-69)."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.merkle.proof import (
    consistency_nodes,
    consistency_proof,
    inclusion_nodes,
    inclusion_proof,
    verify_consistency,
    verify_inclusion,
)
from etherapy.merkle.tree import empty_root, leaf_hash
from tests.merkle import naive
from tests.merkle.stored_log import log_of, numbered

LARGEST = 130
ENTRIES = numbered(LARGEST)
LOG = log_of(ENTRIES)
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = [naive.tree_hash(ENTRIES[:size]) for size in range(LARGEST + 1)]


def test_every_leaf_of_every_tree_up_to_130_is_shown_to_be_in_it():
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, LOG.node)
            assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_tree_up_to_130_is_shown_to_begin_with_every_smaller_one():
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, LOG.node)
            assert verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


@pytest.mark.parametrize("size", [*range(1, 34), 63, 64, 65, 127, 128, 129, 130])
def test_proofs_are_those_of_the_recursive_definition(size: int):
    for index in range(size):
        assert inclusion_proof(index, size, LOG.node) == naive.path(index, ENTRIES[:size])
    for old in range(1, size + 1):
        assert consistency_proof(old, size, LOG.node) == naive.proof(old, ENTRIES[:size])


@given(st.data())
def test_the_nodes_a_proof_reads_are_those_named_beforehand(data: st.DataObject):
    size = data.draw(st.integers(1, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    assert LOG.reads(lambda: inclusion_proof(index, size, LOG.node)) == inclusion_nodes(index, size)
    assert LOG.reads(lambda: consistency_proof(index, size, LOG.node)) == consistency_nodes(index, size)
    assert len(inclusion_nodes(index, size)) <= 2 * size.bit_length()


@given(st.data())
def test_a_proof_holds_for_one_leaf_one_index_one_size_and_one_root(data: st.DataObject):
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, LARGEST - 1).filter(lambda number: number != index))
    proof = inclusion_proof(index, size, LOG.node)
    assert not verify_inclusion(LEAVES[other], index, size, proof, ROOTS[size])
    assert not verify_inclusion(LEAVES[index], other, size, proof, ROOTS[size])
    another_size = data.draw(st.integers(0, LARGEST).filter(lambda number: number != size))
    assert not verify_inclusion(LEAVES[index], index, size, proof, ROOTS[another_size])
    assert not verify_inclusion(LEAVES[index], index, another_size, proof, ROOTS[another_size])


def test_a_proof_shown_under_another_index_and_size_holds_only_where_the_way_up_is_the_same():
    places = [(index, size) for size in range(1, 18) for index in range(size)]
    for index, size in places:
        proof = inclusion_proof(index, size, LOG.node)
        for claimed in places:
            same_way = naive.way_up(*claimed) == naive.way_up(index, size)
            assert verify_inclusion(LEAVES[index], *claimed, proof, ROOTS[size]) is same_way


def test_a_proof_shown_for_other_sizes_holds_only_where_the_ways_up_are_the_same():
    pairs = [(old, new) for new in range(2, 18) for old in range(1, new)]
    for old, new in pairs:
        proof = consistency_proof(old, new, LOG.node)
        for older, newer in pairs:
            same_ways = naive.ways_up(older, newer) == naive.ways_up(old, new)
            assert verify_consistency(older, ROOTS[old], newer, ROOTS[new], proof) is same_ways


def test_bytes_moved_from_a_proof_into_what_it_is_about_are_refused():
    first, *rest = inclusion_proof(4, 13, LOG.node)
    assert verify_inclusion(LEAVES[4], 4, 13, [first, *rest], ROOTS[13])
    assert not verify_inclusion(LEAVES[4] + first[:1], 4, 13, [first[1:], *rest], ROOTS[13])
    first, *rest = consistency_proof(8, 13, LOG.node)
    assert verify_consistency(8, ROOTS[8], 13, ROOTS[13], [first, *rest])
    assert not verify_consistency(8, ROOTS[8] + first[:1], 13, ROOTS[13], [first[1:], *rest])


def mutations(proof: list[bytes]) -> list[list[bytes]]:
    """Every single bit flipped; elements left out, doubled, cut, lengthened, swapped; one more."""
    found = []
    for at, element in enumerate(proof):
        found += [[*proof[:at], flipped(element, bit), *proof[at + 1 :]] for bit in range(256)]
        found.append(proof[:at] + proof[at + 1 :])
        found.append([*proof[:at], element, element, *proof[at + 1 :]])
        found.append([*proof[:at], element[:-1], *proof[at + 1 :]])
        found.append([*proof[:at], element + b"\0", *proof[at + 1 :]])
    for at in range(len(proof) - 1):
        found.append([*proof[:at], proof[at + 1], proof[at], *proof[at + 2 :]])
        joined = proof[at] + proof[at + 1]
        found.append([*proof[:at], joined[:31], joined[31:], *proof[at + 2 :]])
    return [*found, [*proof, bytes(32)], [bytes(32), *proof], [*proof, *proof[-1:], *proof[-1:]]]


def flipped(value: bytes, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(value))


@pytest.mark.parametrize(
    ("index", "size"), [(0, 1), (0, 2), (6, 7), (3, 8), (12, 13), (5, 21), (64, 65), (77, 130)]
)
def test_no_inclusion_proof_survives_a_change_of_any_bit_or_element(index: int, size: int):
    proof = inclusion_proof(index, size, LOG.node)
    assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
    for changed in mutations(proof):
        if changed != proof:
            assert not verify_inclusion(LEAVES[index], index, size, changed, ROOTS[size])


@pytest.mark.parametrize(
    ("old", "new"), [(0, 9), (1, 2), (3, 7), (4, 7), (6, 8), (8, 8), (7, 21), (64, 130), (99, 130)]
)
def test_no_consistency_proof_survives_a_change_of_any_bit_or_element(old: int, new: int):
    proof = consistency_proof(old, new, LOG.node)
    assert verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)
    for changed in mutations(proof):
        if changed != proof:
            assert not verify_consistency(old, ROOTS[old], new, ROOTS[new], changed)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (1, 5), (5, 5), (6, 11), (8, 16)])
def test_no_consistency_proof_survives_a_change_of_any_bit_of_a_root(old: int, new: int):
    proof = consistency_proof(old, new, LOG.node)
    for bit in range(256):
        assert not verify_consistency(old, flipped(ROOTS[old], bit), new, ROOTS[new], proof)
        if old:
            assert not verify_consistency(old, ROOTS[old], new, flipped(ROOTS[new], bit), proof)


def test_an_empty_tree_is_the_beginning_of_every_tree_but_only_with_the_empty_root():
    assert consistency_proof(0, 9, LOG.node) == []
    assert verify_consistency(0, empty_root(), 9, ROOTS[9], [])
    assert not verify_consistency(0, ROOTS[1], 9, ROOTS[9], [])
    assert not verify_consistency(0, empty_root(), 9, ROOTS[9], [bytes(32)])
    assert not verify_consistency(0, ROOTS[1], 0, ROOTS[1], [])


def test_equal_sizes_need_equal_roots_and_nothing_else():
    assert consistency_proof(9, 9, LOG.node) == []
    assert verify_consistency(9, ROOTS[9], 9, ROOTS[9], [])
    assert not verify_consistency(9, ROOTS[9], 9, ROOTS[8], [])
    assert not verify_consistency(9, ROOTS[9], 9, ROOTS[9], [ROOTS[9]])


def test_a_smaller_tree_never_follows_a_larger_one():
    for old, new in itertools.pairwise(range(12, -1, -1)):
        for proof in ([], consistency_proof(new, old, LOG.node)):
            assert not verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (6, 5), (-1, 1), (-1, 5), (0, -1)])
def test_there_is_no_proof_for_a_leaf_outside_the_tree(index: int, size: int):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(index, size, LOG.node)
    assert not verify_inclusion(LEAVES[0], index, size, [], ROOTS[1])


@pytest.mark.parametrize(("old", "new"), [(5, 4), (-1, 4), (1, 0)])
def test_there_is_no_proof_that_a_tree_begins_with_a_larger_one(old: int, new: int):
    with pytest.raises(ValueError, match="cannot begin"):
        consistency_proof(old, new, LOG.node)


def test_a_rewritten_history_is_not_consistent_with_any_proof_made_from_either_log():
    seeded = random.Random(69)
    for _ in range(60):
        old = seeded.randrange(1, 60)
        new = seeded.randrange(old + 1, 100)
        forged = list(ENTRIES[:new])
        forged[seeded.randrange(old)] = b"never happened"
        other = log_of(forged)
        for proof in (consistency_proof(old, new, LOG.node), consistency_proof(old, new, other.node)):
            assert not verify_consistency(old, ROOTS[old], new, other.root, proof)
