"""Receipts: what the server promised, provable later (tep_amendments.md A-2 to A-6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import (
    Head,
    LinkPromise,
    Promise,
    Status,
    parse_receipt,
    promise_hash,
    sign_receipt,
    sign_receipts,
    verify_receipt,
)
from etherapy.tep.serverkeys import key_id
from tests.tep.world import NOW, Dice, flips

KEY = SigningKey(bytes(32))
KID = key_id(KEY.public)
KEYS = {KID: (KEY.public, NOW - 1000, NOW + 10**9)}

ids, hashes = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
some_hash = hashes.filter(any)
times, u32, u64 = st.integers(1, 4 * 10**12), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
promises = st.builds(
    lambda first, waited, **rest: Promise(accepted_at=first + waited, counted_from=first, **rest),
    times,
    st.integers(0, 10**9),
    decision=st.sampled_from([1, 2, 3, 5]),
    rev=st.integers(1, 255),
    generation=u32,
    thread=ids,
    mid=ids,
    item_hash=hashes,
    n_acc=u64,
    epoch=u32,
    rules_rev=u32,
    rules_hash=hashes,
    release_at=times,
    reply_by=st.one_of(st.just(0), times),
    key_id=st.binary(min_size=8, max_size=8),
    previous=some_hash,
)
heads = st.builds(Head, u32, ids, u64, hashes, times, st.binary(min_size=8, max_size=8))
statuses = st.builds(
    Status,
    st.integers(3, 5),
    st.integers(1, 5),
    u32,
    ids,
    ids,
    hashes,
    some_hash,
    times,
    st.binary(min_size=8, max_size=8),
)
links = st.builds(
    lambda at, wait, **rest: LinkPromise(at=at, sequenced_by=at + wait, **rest),
    times,
    st.integers(0, 600_000),
    log=st.integers(1, 2),
    generation=u32,
    practice=ids,
    leaf_hash=hashes,
    key_id=st.binary(min_size=8, max_size=8),
)


def promise(**changed: object) -> Promise:
    dice = Dice("promise")
    made = Promise(2, 0, 1, dice(16), dice(16), dice(32), 4, 2, 1, dice(32), NOW, NOW, NOW + 9000, 0, KID)
    return replace(made, **changed)  # type: ignore[arg-type]


def head() -> Head:
    return Head(1, bytes(16), 3, bytes(32), NOW, KID)


def status() -> Status:
    return Status(3, 1, 1, bytes(16), bytes(16), bytes(32), b"c" * 32, NOW, KID)


def link_promise() -> LinkPromise:
    return LinkPromise(1, 1, bytes(16), bytes(32), NOW, NOW + 600_000, KID)


ALL = (promise(), head(), status(), link_promise())


@given(st.one_of(promises, heads, statuses, links))
def test_every_statement_comes_back_as_it_was(made):
    assert type(made).unpack(made.pack()) == made


@pytest.mark.parametrize(
    ("made", "size"), list(zip(ALL, (192, 80, 120, 88), strict=True)), ids=lambda one: type(one).__name__
)
def test_statements_have_their_sizes_and_verify(made, size):
    assert len(made.pack()) == size
    receipt = sign_receipt(made, KEY, KID)
    assert len(receipt) == size + 67
    assert verify_receipt(receipt, KEYS) == made
    assert verify_receipt(receipt, KEYS.get) == made
    assert parse_receipt(receipt).pack() == receipt
    assert sign_receipt(made.pack(), KEY, KID) == receipt


@pytest.mark.parametrize("made", ALL, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("d", [0, 2])
def test_at_81_any_single_bit_flipped_in_a_receipt_is_rejected(made, d):
    """AT-81."""
    if d and isinstance(made, Head):
        with pytest.raises(Malformed):
            sign_receipts([made], KEY, KID, d)
        return
    (receipt,) = sign_receipts([made], KEY, KID, d, Dice("flips"))
    assert verify_receipt(receipt, KEYS) == made
    for changed in flips(receipt):
        with pytest.raises(Malformed):
            verify_receipt(changed, KEYS)


def test_at_81_a_receipt_of_one_type_is_none_of_another():
    """AT-81."""
    for made in ALL:
        receipt = parse_receipt(sign_receipt(made, KEY, KID))
        for other in ALL:
            if other is not made:
                with pytest.raises(Malformed) as problem:
                    verify_receipt(replace(receipt, core=other.pack()).pack(), KEYS)
                assert problem.value.what == "signature"


def test_at_81_another_slot_key_or_depth_does_not_verify():
    """AT-81."""
    cores = [promise(mid=bytes([n]) * 16) for n in range(4)]
    receipts = [parse_receipt(one) for one in sign_receipts(cores, KEY, KID, 2, Dice("slots"))]
    for one in receipts:
        for other in receipts:
            if one is not other:
                for changed in (
                    replace(one, index=other.index),
                    replace(one, path=other.path),
                    replace(one, core=other.core),
                    replace(one, path=one.path[::-1]),
                ):
                    with pytest.raises(Malformed):
                        verify_receipt(changed.pack(), KEYS)
        for shorter in (replace(one, d=1, index=one.index & 1, path=one.path[:1]), replace(one, d=1)):
            with pytest.raises(Malformed):
                verify_receipt(shorter.pack(), KEYS)


def test_at_81_an_inner_node_is_not_a_leaf():
    """AT-81. With one level cut off, what would have to be a leaf is one hash long, not a statement."""
    receipt = parse_receipt(sign_receipts([promise()], KEY, KID, 3, Dice("inner"))[0])
    with pytest.raises(Malformed):
        verify_receipt(receipt.path[0] + receipt.sig + b"\x02\x00\x00" + b"".join(receipt.path[1:]), KEYS)


def test_at_81_more_than_eight_levels_and_slots_that_do_not_exist_are_refused():
    """AT-81."""
    alone = sign_receipt(promise(), KEY, KID)
    for what, tail in (
        ("d", b"\x09\0\0" + bytes(288)),
        ("index", b"\x01\0\x02" + bytes(32)),
        ("length", b"\x01\0\0"),
    ):
        with pytest.raises(Malformed) as problem:
            parse_receipt(alone[:-3] + tail)
        assert problem.value.what == what
    with pytest.raises(Malformed):
        sign_receipts([promise()], KEY, KID, 9)


def test_at_82_one_receipt_and_a_full_batch_have_one_form():
    """AT-82."""
    for d in (1, 3, 6):
        full = sign_receipts([promise(mid=bytes([n]) * 16) for n in range(1 << d)], KEY, KID, d, Dice("full"))
        (alone,) = sign_receipts([promise()], KEY, KID, d, Dice("alone"))
        assert {len(one) for one in (*full, alone)} == {192 + 64 + 3 + 32 * d}
        assert len({parse_receipt(one).index for one in full}) == 1 << d
        read = [verify_receipt(one, KEYS) for one in full]
        assert {one.mid[0] for one in read if isinstance(one, Promise)} == set(range(1 << d))
    places = {parse_receipt(sign_receipt(promise(), KEY, KID, 3)).index for _ in range(200)}
    assert places == set(range(8))


def test_more_statements_than_slots_take_several_signatures_in_order():
    cores = [promise(mid=bytes([n]) * 16) for n in range(7)]
    receipts = sign_receipts(cores, KEY, KID, 2, Dice("several"))
    assert [verify_receipt(one, KEYS) for one in receipts] == cores
    assert len({parse_receipt(one).sig for one in receipts}) == 2


def test_at_105_a_receipt_by_a_key_outside_its_dates_is_refused():
    """AT-105."""
    receipt = sign_receipt(promise(), KEY, KID)
    for since, until, valid in (
        (NOW, NOW + 1, True),
        (NOW - 5, NOW, False),
        (NOW + 1, NOW + 9, False),
        (0, NOW - 1, False),
    ):
        keys = {KID: (KEY.public, since, until)}
        if valid:
            verify_receipt(receipt, keys)
        else:
            with pytest.raises(Malformed) as problem:
                verify_receipt(receipt, keys)
            assert problem.value.what == "dates"
    with pytest.raises(Malformed) as problem:
        verify_receipt(receipt, {})
    assert problem.value.what == "key"
    with pytest.raises(Malformed):
        sign_receipt(promise(), KEY, bytes(8))


def test_a_head_and_a_later_revision_may_repeat_a_time_from_before_their_key():
    fresh = {KID: (KEY.public, NOW + 1, NOW + 2)}
    later = promise(rev=1, previous=promise_hash(promise()))
    for made in (head(), later):
        assert verify_receipt(sign_receipt(made, KEY, KID), fresh) == made
        with pytest.raises(Malformed):
            verify_receipt(sign_receipt(made, KEY, KID), {KID: (KEY.public, 0, NOW)})
    for other in (promise(), status(), link_promise()):
        with pytest.raises(Malformed):
            verify_receipt(sign_receipt(other, KEY, KID), fresh)


@pytest.mark.parametrize(
    "changed",
    [
        {"decision": 0},
        {"decision": 6},
        {"rev": 1},
        {"rev": 256},
        {"previous": b"p" * 32},
        {"release_at": 0},
        {"counted_from": NOW + 1},
        {"mid": bytes(15)},
        {"mid": bytes(17)},
        {"n_acc": -1},
        {"n_acc": 2**64},
        {"accepted_at": 2**63},
    ],
)
def test_a_promise_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        promise(**changed).pack()


def test_a_promise_without_an_opening_has_no_release():
    made = promise(decision=4, release_at=0)
    assert Promise.unpack(made.pack()) == made


@pytest.mark.parametrize(
    "changed", [{"state": 1}, {"state": 6}, {"reason": 6}, {"reason": 0}, {"cause": bytes(32)}, {"state": 2}]
)
def test_a_status_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        replace(status(), **changed).pack()


def test_a_status_of_a_held_item_has_neither_cause_nor_reason():
    made = replace(status(), state=2, reason=0, cause=bytes(32))
    assert Status.unpack(made.pack()) == made


@pytest.mark.parametrize("changed", [{"log": 0}, {"log": 3}, {"sequenced_by": NOW - 1}])
def test_a_link_promise_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        replace(link_promise(), **changed).pack()


def test_revisions_of_a_promise_name_the_one_before():
    first = promise()
    second = promise(rev=1, previous=promise_hash(first), release_at=NOW + 5)
    assert second.previous == promise_hash(first.pack()) != promise_hash(second)
