"""Placing, recall, charter, rule sheets and leaves: round trips, rules, single bits."""

from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep import cbor, leaves
from etherapy.tep.charter import (
    Charter,
    agreement_hash,
    charter_hash,
    charter_in_force,
    parse_charter,
    sign_charter,
)
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next, thread_start
from etherapy.tep.recall import Recall, parse_recall, recall_hash, recall_verifies, sign_recall
from etherapy.tep.rulesheet import (
    RuleSheet,
    check_sheet_follows,
    member_part_hash,
    parse_sheet,
    rules_hash,
    shared_part_hash,
)
from etherapy.tep.signed import Signed
from tests.tep import vectors
from tests.tep.world import NOW, THREAD, Dice, flips, person

ids, hashes = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
some_hash = hashes.filter(any)
times = st.integers(0, 4 * 10**12)
KEY = SigningKey(bytes(32))


@given(st.integers(1, 9), st.integers(0, 2**32 - 1), st.integers(1, 2**64 - 1), times, hashes, some_hash)
def test_every_entry_comes_back_as_it_was(reason, generation, n, at, item, promise):
    made = Entry(ItemType.ENVELOPE, reason, generation, n, at, item, promise)
    assert Entry.unpack(made.pack()) == made
    other = Entry(ItemType.COMMIT, Reason.NONE, generation, n, at, item)
    assert Entry.unpack(other.pack()) == other
    assert len(made.pack()) == 88


@pytest.mark.parametrize(
    "changed",
    [
        {"item_type": 0},
        {"item_type": 6},
        {"reason": 10},
        {"reason": Reason.NONE},
        {"promise_hash": bytes(32)},
        {"item_type": ItemType.COMMIT},
        {"item_type": ItemType.COMMIT, "promise_hash": bytes(32)},
        {"n": 0},
        {"item_hash": bytes(31)},
    ],
)
def test_an_entry_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        replace(Entry(ItemType.ENVELOPE, Reason.DUE, 1, 1, NOW, bytes(32), b"p" * 32), **changed).pack()


def test_an_entry_with_flags_is_refused():
    data = bytearray(Entry(ItemType.CHARTER, Reason.NONE, 1, 1, NOW, bytes(32)).pack())
    data[3] = 1
    with pytest.raises(Malformed) as problem:
        Entry.unpack(bytes(data))
    assert problem.value.what == "flags"


def test_at_40_the_running_hash_depends_on_every_entry_and_on_their_order():
    """AT-40."""
    entries = [Entry(ItemType.COMMIT, Reason.NONE, 1, n, NOW, bytes([n]) * 32) for n in (1, 2, 3)]

    def run(order: list[Entry], start: bytes = thread_start(THREAD, bytes(32))) -> bytes:
        for one in order:
            start = thread_next(start, one)
        return start

    assert run(entries) == run([Entry.unpack(one.pack()) for one in entries])
    others = [
        run(entries[::-1]),
        run(entries[:2]),
        run(entries[1:]),
        run(entries, thread_start(THREAD, b"h" * 32)),
    ]
    assert len({run(entries), *others}) == 5


@given(ids, ids, ids, some_hash, some_hash, times)
def test_every_recall_comes_back_as_it_was(thread, mid, device, old, new, at):
    if old == new:
        return
    for made in (
        Recall(1, thread, mid, device, old, bytes(32), at),
        Recall(2, thread, mid, device, old, new, at),
    ):
        whole = sign_recall(made, KEY)
        found = parse_recall(whole)
        assert (found.recall, len(whole)) == (made, 192)
        assert recall_verifies(found, KEY.public)
        assert found.recall_hash == recall_hash(whole)


def test_any_single_bit_flipped_in_a_recall_is_rejected():
    """AT-01."""
    whole = sign_recall(Recall(2, bytes(16), bytes(16), bytes(16), bytes(32), b"n" * 32, NOW), KEY)
    for changed in flips(whole):
        try:
            found = parse_recall(changed)
        except Malformed:
            continue
        assert not recall_verifies(found, KEY.public)
    for wrong in (whole[:-1], whole + b"\0", b""):
        with pytest.raises(Malformed):
            parse_recall(wrong)


@pytest.mark.parametrize(
    ("mode", "new"), [(1, b"n" * 32), (2, bytes(32)), (0, bytes(32)), (3, b"n" * 32), (2, b"o" * 32)]
)
def test_a_recall_names_a_new_item_if_and_only_if_it_replaces(mode, new):
    with pytest.raises(Malformed):
        Recall(mode, bytes(16), bytes(16), bytes(16), b"o" * 32, new, NOW).pack()


charters = st.builds(
    Charter,
    hashes,
    ids,
    st.integers(2, 2**32 - 1),
    some_hash,
    hashes,
    st.integers(0, 36_525),
    st.integers(0, 36_525),
    st.dictionaries(st.integers(1, 4), st.integers(0, 7)),
    hashes,
    ids,
)


@given(charters)
def test_every_charter_comes_back_as_it_was(made):
    assert parse_charter(made.pack()) == made


def test_single_bits_of_unsigned_records_give_another_record_or_none():
    """Charters and sheets are named by their hash; what matters is that no two spellings mean the same."""
    sheet = RuleSheet(THREAD, 1, bytes(32), NOW, bytes(32), ((bytes(32), bytes(32)),)).pack()
    for data, parse in ((vectors.the_charter(), parse_charter), (sheet, parse_sheet)):
        original = parse(data)
        for changed in flips(data):
            try:
                found = parse(changed)
            except Malformed:
                continue
            assert found != original
            assert found.pack() == changed


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"version": 0},
        {"previous": b"p" * 32},
        {"may_erase": {5: 1}},
        {"may_erase": {0: 1}},
        {"may_erase": {1: 8}},
        {"retention_days": 36_526},
        {"nonce": bytes(15)},
    ],
)
def test_a_charter_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        replace(parse_charter(vectors.the_charter()), **changed).pack()


def test_at_101_a_charter_is_in_force_when_both_parties_signed_with_active_devices():
    """AT-101."""
    data, therapist, client = vectors.the_charter(), person("therapist"), person("client")
    parties = [therapist.chain, client.chain]
    mine, theirs = sign_charter(data, therapist.keys.sign), sign_charter(data, client.keys.sign)
    assert charter_in_force(Signed(data, (mine, theirs), b""), parties)
    for signatures in ((mine,), (theirs, mine), (mine, mine), (mine, theirs, theirs), ()):
        assert not charter_in_force(Signed(data, signatures, b""), parties)
    other = replace(parse_charter(data), retention_days=1).pack()
    assert not charter_in_force(Signed(other, (mine, theirs), b""), parties)
    laptop = client.add()
    client.revoke(client.keys, by=laptop.sign)
    assert not charter_in_force(Signed(data, (mine, theirs), b""), [therapist.chain, client.chain])


def test_at_36_charters_and_agreements_that_differ_have_different_names():
    """AT-36."""
    data = vectors.the_charter()
    assert charter_hash(data) != charter_hash(replace(parse_charter(data), backup_days=36).pack())
    assert agreement_hash("one") != agreement_hash("one ")


sheets = st.builds(
    RuleSheet,
    ids,
    st.integers(2, 2**32 - 1),
    some_hash,
    times,
    hashes,
    st.dictionaries(hashes, hashes, max_size=8).map(lambda parts: tuple(sorted(parts.items()))),
)


@given(sheets)
def test_every_rule_sheet_comes_back_as_it_was(made):
    assert parse_sheet(made.pack()) == made


def test_at_100_a_sheet_with_a_wrong_previous_hash_is_refused():
    """AT-100."""
    first = RuleSheet(THREAD, 1, bytes(32), NOW, shared_part_hash(b"{}"), ()).pack()
    good = RuleSheet(THREAD, 2, rules_hash(first), NOW + 1, shared_part_hash(b"[]"), ())
    check_sheet_follows(good, first)
    for changed in ({"previous": b"p" * 32}, {"r": 3}, {"thread": bytes(16)}, {"in_force_from": NOW - 1}):
        with pytest.raises(Malformed) as problem:
            check_sheet_follows(replace(good, **changed), first)
        assert problem.value.what == "previous"
    other = RuleSheet(THREAD, 1, bytes(32), NOW, shared_part_hash(b"[]"), ()).pack()
    assert rules_hash(first) != rules_hash(other)


def test_a_rule_sheet_lists_each_member_once_in_order():
    pair, other = (bytes(32), bytes(32)), (b"\1" * 32, bytes(32))
    for members in ((pair, pair), (other, pair)):
        with pytest.raises(Malformed):
            RuleSheet(THREAD, 1, bytes(32), NOW, bytes(32), members).pack()
    with pytest.raises(Malformed):
        RuleSheet(THREAD, 1, b"p" * 32, NOW, bytes(32), ()).pack()


def test_a_members_own_part_is_hidden_by_its_salt():
    assert (
        member_part_hash(bytes(16), b"{}") != member_part_hash(b"\1" * 16, b"{}") != shared_part_hash(b"{}")
    )
    with pytest.raises(Malformed):
        member_part_hash(b"", b"{}")


@given(st.lists(st.tuples(hashes, st.binary(max_size=20)), max_size=40))
def test_a_days_root_is_a_merkle_root_under_a_label_and_the_date(records):
    def root(nodes: list[bytes]) -> bytes:
        """RFC 9162, by carrying an odd node up: another way to the same tree."""
        while len(nodes) > 1:
            pairs = [sha256(b"\1" + nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes) - 1, 2)]
            nodes = pairs + nodes[len(nodes) - len(nodes) % 2 :]
        return nodes[0] if nodes else sha256(b"").digest()

    expected = root([sha256(b"\0" + salt + record).digest() for salt, record in records])
    made = leaves.day_root(date(2026, 6, 2), records)
    assert made == sha256(b"tep1:day\0" + b"2026-06-02" + expected).digest()
    assert cbor.decode(leaves.day_leaf(date(2026, 6, 2), records), limit=100) == [5, "2026-06-02", made]


def test_leaves_are_what_the_specification_lists():
    dice = Dice("leaves")
    account, chain, link, salt = dice(16), dice(32), dice(32), dice(32)
    decoded = {
        leaves.chain_link_leaf(account, chain, 3, link): [1, account, chain, 3, link],
        leaves.server_link_leaf(chain, 0, link): [2, chain, 0, link],
        leaves.restore_leaf(link): [3, link],
        leaves.audit_leaf(salt, b"record"): [4, sha256(salt + b"record").digest()],
    }
    for data, value in decoded.items():
        assert cbor.decode(data, limit=200) == value
        assert leaves.leaf_hash(data) == sha256(b"\0" + data).digest()
    with pytest.raises(Malformed):
        leaves.audit_leaf(b"short", b"record")
