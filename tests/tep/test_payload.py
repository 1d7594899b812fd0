"""Payloads: what readers see (tep.md §6.5, A-1, A-7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Attachment, Kind, Payload, View, fits_class, parse_payload
from tests.tep.test_cbor import values
from tests.tep.world import NOW, text

hashes = st.binary(min_size=32, max_size=32)
views = st.builds(
    lambda n, t, rev, rules, log, overdue: View(n, t, rev, rules, log[0], log[1], tuple(overdue)),
    st.integers(0, 2**64 - 1),
    hashes,
    st.integers(0, 2**32 - 1),
    hashes,
    st.one_of(st.just((None, None)), st.tuples(st.integers(0, 2**40), hashes)),
    st.lists(hashes, max_size=16),
)
attachments = st.builds(
    Attachment,
    st.binary(min_size=16, max_size=16),
    hashes,
    st.binary(min_size=24, max_size=24),
    st.integers(0, 2**40),
    hashes,
    st.text(max_size=40),
    st.text(max_size=40),
)
payloads = st.builds(
    Payload,
    st.integers(1, 9),
    st.text(max_size=200)
    | st.dictionaries(st.integers(0, 23), st.text(max_size=5) | st.integers(0, 99), max_size=4),
    st.integers(0, 4 * 10**12),
    views,
    st.one_of(st.none(), st.binary(min_size=16, max_size=16)),
    st.lists(attachments, max_size=3).map(tuple),
    st.one_of(st.none(), st.text(max_size=8)),
)


@given(payloads)
def test_every_payload_comes_back_as_it_was(made):
    assert parse_payload(made.pack()) == made


@given(st.integers(10, 65_535), st.dictionaries(st.integers(1, 23), values, max_size=4))
def test_at_48_an_unknown_kind_is_kept_as_it_came(kind, rest):
    """AT-48."""
    try:
        data = cbor.encode({0: kind, **rest})
    except Malformed:
        return
    found = parse_payload(data)
    assert found.kind == kind
    assert found.raw == {0: kind, **rest}
    assert found.pack() == data


@pytest.mark.parametrize("kind", range(1, 7))
def test_kinds_1_to_6_carry_a_view_and_the_others_need_not(kind):
    with pytest.raises(Malformed):
        Payload(kind, "", NOW).pack()
    assert parse_payload(Payload(Kind.NOTICE, "", NOW).pack()).view is None


@pytest.mark.parametrize(
    "changed",
    [
        {7: 0},
        {1: 5},
        {1: None},
        {2: None},
        {3: None},
        {3: {0: 0}},
        {3: {0: 0, 1: bytes(32), 2: 5, 4: 1, 5: bytes(32)}},
        {3: {0: 0, 1: bytes(32), 4: 1, 5: bytes(32), 6: []}},
        {3: {0: 0, 1: bytes(32), 4: 1, 5: bytes(32), 6: [bytes(32)] * 17}},
        {4: bytes(15)},
        {5: []},
        {6: "x" * 36},
        {0: 0},
        {0: True},
        {0: "1"},
    ],
)
def test_a_payload_has_exactly_its_fields(changed):
    good = cbor.decode(text("hello").pack(), limit=1000)
    with pytest.raises(Malformed):
        parse_payload(cbor.encode(good | changed))


def test_a_payload_is_at_most_60_kib():
    fits = text("x" * 61_300)
    assert len(fits.pack()) <= 61_440
    with pytest.raises(Malformed):
        text("x" * 61_441).pack()


def test_at_110_a_kind_fits_its_classes_and_a_misfit_is_told_not_dropped():
    """AT-110."""
    fitting = {
        Kind.TEXT: {1, 2, 3, 4, 5},
        Kind.CHECK_IN: {5},
        Kind.SAFETY_PLAN: {5},
        Kind.APPOINTMENT: {1, 2, 3, 4, 5},
        Kind.REACTION: {3},
        Kind.ATTACHMENTS: {1, 4, 5},
        99: {1, 2, 3, 4, 5},
    }
    for kind, classes in fitting.items():
        assert {one for one in range(1, 6) if fits_class(kind, one)} == classes


def test_nothing_of_a_message_is_in_its_printed_form():
    made = text("the secret words")
    assert "secret" not in repr(made)
    assert "name" not in repr(Attachment(b"", b"k", b"", 0, b"", "", "a name"))
