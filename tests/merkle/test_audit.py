"""A log of 10,000 entries, changed in every way of guarantees.md 3.11: the first bad index is named."""

import pytest

from etherapy.merkle.audit import first_bad_leaf
from etherapy.merkle.tree import leaf_hash, node_hash, peaks
from tests.merkle.stored_log import StoredLog, log_of

SIZE = 10_000
ENTRIES = [b"entry %d" % number for number in range(SIZE)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
LOG = log_of(ENTRIES)
FORGED = leaf_hash(b"forged")


def found(leaves: list[bytes], log: StoredLog = LOG) -> int | None:
    return first_bad_leaf(leaves, SIZE, LOG.root, log.node)


def test_an_untouched_log_has_no_bad_leaf():
    assert found(LEAVES) is None


def test_entries_younger_than_the_checkpoint_are_not_judged():
    assert found([*LEAVES, FORGED]) is None


@pytest.mark.parametrize("at", [0, 1, 2, 4095, 4096, 8191, 8192, 9215, 9216, 9998, 9999])
def test_an_edited_deleted_inserted_or_doubled_entry_is_named(at: int):
    assert found([*LEAVES[:at], FORGED, *LEAVES[at + 1 :]]) == at
    assert found(LEAVES[:at] + LEAVES[at + 1 :]) == at
    assert found([*LEAVES[:at], FORGED, *LEAVES[at:]]) == at
    if at < SIZE - 1:
        assert found([*LEAVES[: at + 1], LEAVES[at], *LEAVES[at + 1 :]]) == at + 1
        assert found([*LEAVES[:at], LEAVES[at + 1], LEAVES[at], *LEAVES[at + 2 :]]) == at


@pytest.mark.parametrize(("start", "end"), [(0, 100), (700, 9000), (9990, 10_000), (0, 10_000)])
def test_a_deleted_range_or_a_cut_tail_is_named_by_its_start(start: int, end: int):
    assert found(LEAVES[:start] + LEAVES[end:]) == start


def test_a_log_rolled_back_to_a_backup_ends_where_the_backup_ended():
    assert found(LEAVES[:6_543]) == 6_543


def test_another_log_that_is_valid_in_itself_is_bad_from_its_first_leaf():
    forged = [b"other %d" % number for number in range(SIZE)]
    assert found([leaf_hash(entry) for entry in forged], log_of(forged)) == 0


def test_stored_nodes_that_were_changed_along_with_the_entry_are_not_believed():
    log = StoredLog()
    log.nodes = LOG.nodes | {(0, 5_000): FORGED}
    leaves = [*LEAVES[:5_000], FORGED, *LEAVES[5_001:]]
    assert found(leaves, log) == 5_000
    log.nodes[0, 5_001] = LEAVES[5_001]
    log.nodes[1, 2_500] = node_hash(FORGED, LEAVES[5_001])
    assert found(leaves, log) == 5_000
    log.nodes[2, 1_250] = node_hash(log.nodes[1, 2_500], log.nodes[1, 2_501])
    log.nodes[3, 625] = node_hash(log.nodes[2, 1_250], log.nodes[2, 1_251])
    assert found(leaves, log) == (5_000 >> 4) << 4


def test_stored_nodes_that_are_gone_widen_the_answer_and_break_nothing():
    log = StoredLog()
    log.nodes = {at: digest for at, digest in LOG.nodes.items() if at[0] >= 6 or at in peaks(SIZE)}
    assert found([*LEAVES[:5_000], FORGED, *LEAVES[5_001:]], log) == (5_000 >> 6) << 6
    log.nodes = {}
    assert found([*LEAVES[:5_000], FORGED, *LEAVES[5_001:]], log) == 0


def test_the_stated_limit_a_forger_with_the_signing_key_is_not_found_after_the_last_exported_checkpoint():
    forged = [*ENTRIES[:9_000], *(b"other %d" % number for number in range(1_000))]
    rewritten = log_of(forged)
    leaves = [leaf_hash(entry) for entry in forged]
    assert first_bad_leaf(leaves, SIZE, rewritten.root, rewritten.node) is None
    assert found(leaves, rewritten) is not None
