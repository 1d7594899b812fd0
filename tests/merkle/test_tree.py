"""Roots and growth, against the recursive definition and the vectors that log implementations share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.merkle import tree
from tests.merkle import naive
from tests.merkle.stored_log import StoredLog, log_of, numbered

SHARED_ENTRIES = [
    bytes.fromhex(entry)
    for entry in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", bytes(range(96, 112)).hex())
]
SHARED_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("size", "expected"), SHARED_ROOTS.items())
def test_roots_are_those_that_certificate_transparency_logs_compute(size: int, expected: str):
    assert tree.root([tree.leaf_hash(entry) for entry in SHARED_ENTRIES[:size]]).hex() == expected


def test_the_root_of_every_size_is_that_of_the_recursive_definition():
    entries = numbered(130)
    for size in range(131):
        assert tree.root([tree.leaf_hash(entry) for entry in entries[:size]]) == naive.tree_hash(
            entries[:size]
        )


def test_a_leaf_is_never_mistaken_for_a_node():
    left, right = tree.leaf_hash(b"a"), tree.leaf_hash(b"b")
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_log_grown_in_batches_is_the_log_grown_at_once(batches: list[int]):
    entries = numbered(sum(batches))
    log, start = StoredLog(), 0
    for batch in batches:
        log.append(entries[start : start + batch])
        start += batch
        assert log.root == naive.tree_hash(entries[:start])
    assert log.nodes == log_of(entries).nodes


@given(size=st.integers(0, 300), batch=st.integers(0, 70))
def test_growing_touches_a_node_per_leaf_and_one_per_level(size: int, batch: int):
    log = log_of(numbered(size))
    fresh: list[tree.Node] = []
    read = log.reads(lambda: fresh.extend(log.append(numbered(batch))))
    assert read == tree.peaks(size)
    assert len(read) <= size.bit_length()
    assert len(fresh) <= 2 * batch + size.bit_length()


def test_the_root_of_every_earlier_size_is_found_in_the_stored_nodes():
    entries = numbered(70)
    log = log_of(entries)
    for size in range(71):
        assert tree.stored_root(size, log.node) == naive.tree_hash(entries[:size])


def test_every_stored_node_is_the_hash_of_the_leaves_it_covers():
    entries = numbered(37)
    for (level, index), digest in log_of(entries).nodes.items():
        start, end = index << level, (index + 1) << level
        assert end <= 37
        assert digest == naive.tree_hash(entries[start:end])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_what_is_not_a_hash_is_not_appended(length: int):
    with pytest.raises(ValueError, match="32 bytes"):
        tree.grow(0, StoredLog().node, [bytes(length)])


def test_a_tree_has_no_negative_size():
    with pytest.raises(ValueError, match="negative"):
        tree.peaks(-1)
