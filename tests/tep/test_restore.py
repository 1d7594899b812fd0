"""Restore statements and marks: what is read is what was written, and nothing else is (A-8)."""

import os

import pytest

from etherapy.signing import SigningKey
from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed
from etherapy.tep.restore import (
    RestoreStatement,
    check_restore,
    mark_hash,
    next_generation,
    pack_mark,
    parse_mark,
    parse_restore,
    sign_restore,
    thread_leaf,
)
from etherapy.tep.serverkeys import key_id
from etherapy.tep.signed import pack_signed

AT = 1_780_000_000_000
KEY = SigningKey(bytes(range(32)))
PRACTICE, ROOT = bytes([1]) * 16, bytes([2]) * 32
STATEMENT = RestoreStatement(PRACTICE, 7, 1, AT, ROOT)
KEYS = {key_id(KEY.public): (KEY.public, AT - 10, AT + 10)}


def test_a_statement_is_read_as_it_was_written():
    signed = parse_restore(sign_restore(STATEMENT, KEY))
    assert signed.statement == STATEMENT
    check_restore(signed, KEYS, PRACTICE)
    assert len(signed.statement_hash) == 32


def test_at_59_no_single_bit_of_a_statement_can_be_changed():
    """AT-59"""
    whole = sign_restore(STATEMENT, KEY)
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Malformed):
            check_restore(parse_restore(bytes(changed)), KEYS, PRACTICE)


def test_at_59_a_statement_for_another_practice_or_by_another_key_does_not_count():
    """AT-59"""
    signed = parse_restore(sign_restore(STATEMENT, KEY))
    with pytest.raises(Malformed, match="practice"):
        check_restore(signed, KEYS, bytes(16))
    thief = SigningKey(bytes(32))
    with pytest.raises(Malformed, match=r"signature|signed"):
        check_restore(parse_restore(sign_restore(STATEMENT, thief)), KEYS, PRACTICE)


@pytest.mark.parametrize(("since", "until"), [(AT + 1, AT + 10), (AT - 10, AT)])
def test_at_105_a_key_outside_its_dates_signs_no_restore(since: int, until: int):
    """AT-105"""
    keys = {key_id(KEY.public): (KEY.public, since, until)}
    with pytest.raises(Malformed):
        check_restore(parse_restore(sign_restore(STATEMENT, KEY)), keys, PRACTICE)


@pytest.mark.parametrize(
    "core",
    [
        {0: 2, 1: PRACTICE, 2: 7, 3: 1, 4: AT, 5: ROOT},
        {0: 1, 1: PRACTICE, 2: 1, 3: 1, 4: AT, 5: ROOT},
        {0: 1, 1: PRACTICE, 2: 7, 3: 7, 4: AT, 5: ROOT},
        {0: 1, 1: PRACTICE, 2: 7, 3: 0, 4: AT, 5: ROOT},
        {0: 1, 1: PRACTICE[:15], 2: 7, 3: 1, 4: AT, 5: ROOT},
        {0: 1, 1: PRACTICE, 2: 7, 3: 1, 4: 2**60, 5: ROOT},
        {0: 1, 1: PRACTICE, 2: 7, 3: 1, 4: AT},
        {0: 1, 1: PRACTICE, 2: 7, 3: 1, 4: AT, 5: ROOT, 6: 0},
        {0: 1, 1: PRACTICE, 2: 2**31, 3: 1, 4: AT, 5: ROOT},
    ],
)
def test_what_is_no_statement_is_refused(core: dict[int, object]):
    with pytest.raises(Malformed):
        parse_restore(pack_signed(cbor.encode(core), [bytes(64)]))
    with pytest.raises(Malformed):
        parse_restore(pack_signed(STATEMENT.pack(), [bytes(64), bytes(64)]))


def test_a_mark_is_read_as_it_was_written_and_bounded():
    whole = sign_restore(STATEMENT, KEY)
    path = [os.urandom(32) for _ in range(20)]
    mark = parse_mark(pack_mark(whole, 5, 2**20, path))
    assert (mark.signed.whole, mark.index, mark.size, list(mark.path)) == (whole, 5, 2**20, path)
    for index, size, way in ((5, 5, path), (0, 0, []), (0, 1, [bytes(31)]), (0, 1, [bytes(32)] * 64)):
        with pytest.raises(Malformed):
            pack_mark(whole, index, size, way)
    with pytest.raises(Malformed):
        parse_mark(cbor.encode({0: "text", 1: 0, 2: 1, 3: []}))


def test_leaf_and_mark_name_thread_position_and_hash():
    names = {
        mark_hash(statement, thread, n, t)
        for statement in (bytes(32), ROOT)
        for thread in (bytes(16), PRACTICE)
        for n in (3, 4)
        for t in (bytes(32), ROOT)
    }
    assert len(names) == 16
    leaves = {thread_leaf(thread, n, bytes(32)) for thread in (bytes(16), PRACTICE) for n in (3, 4)}
    assert len(leaves) == 4


def test_generations_only_grow():
    assert next_generation(1, 0) == 2
    later = next_generation(1, AT)
    assert (
        later > 1 and next_generation(later, AT) == later + 1 and next_generation(1, AT + 60_000) == later + 1
    )
