"""Envelopes: fixed bytes, every one of them signed (tep_amendments.md A-1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep import envelope as env
from etherapy.tep.labels import plain_digest
from etherapy.tep.malformed import Malformed
from tests.tep.world import Dice, flips, settled

KEY = SigningKey(bytes(32))


def header(**changed: object) -> env.Header:
    dice = Dice("header")
    made = env.Header(dice(16), 3, dice(16), dice(16), dice(24), dice(32), dice(32), 1, False, 1, 272)
    return made._replace(**changed)  # type: ignore[arg-type]


headers = st.builds(
    env.Header,
    thread=st.binary(min_size=16, max_size=16),
    epoch=st.integers(0, 2**32 - 1),
    device=st.binary(min_size=16, max_size=16),
    mid=st.binary(min_size=16, max_size=16),
    nonce=st.binary(min_size=24, max_size=24),
    com=st.binary(min_size=32, max_size=32),
    commit_hash=st.binary(min_size=32, max_size=32),
    service_class=st.integers(1, 5),
    urgent=st.booleans(),
    suite=st.just(1),
    ct_len=st.sampled_from(sorted(env.PADDED_SIZES)).map(lambda size: size + 16),
)


@given(headers)
def test_every_header_comes_back_as_it_was(made):
    data = made.pack()
    assert len(data) == 152
    assert env.parse_header(data) == made


@given(headers.filter(lambda one: one.ct_len < 2000))
def test_every_envelope_comes_back_as_it_was(made):
    ct = Dice("ct")(made.ct_len)
    whole = env.sign_envelope(made, ct, KEY)
    found = env.parse_envelope(whole)
    assert (found.header, found.ct, found.pack()) == (made, ct, whole)
    assert env.envelope_verifies(found, KEY.public)
    assert found.item_hash == env.item_hash(plain_digest(whole[:152]), plain_digest(ct), found.sig)


def test_at_01_any_single_bit_flipped_in_an_envelope_is_rejected():
    """AT-01."""
    whole = env.sign_envelope(header(), Dice("ct")(272), KEY)
    for changed in flips(whole):
        try:
            found = env.parse_envelope(changed)
        except Malformed:
            continue
        assert not env.envelope_verifies(found, KEY.public)


@pytest.mark.parametrize(
    ("what", "at", "value"),
    [
        ("version", 0, 0),
        ("version", 0, 2),
        ("type", 1, 0x50),
        ("suite", 2, 0),
        ("suite", 2, 2),
        ("class", 3, 0),
        ("class", 3, 6),
        *[("flags", 5, 1 << bit) for bit in range(1, 8)],
        *[("flags", 4, 1 << bit) for bit in range(8)],
        *[("reserved", at, 1 << bit) for at in (6, 7) for bit in range(8)],
        ("ct_len", 31, 0x11),
    ],
)
def test_at_80_a_header_with_an_unknown_bit_or_size_is_refused(what, at, value):
    """AT-80."""
    data = bytearray(header().pack())
    data[at] = value
    with pytest.raises(Malformed) as refused:
        env.parse_header(bytes(data))
    assert refused.value.what == what


def test_at_80_151_and_153_bytes_and_a_byte_too_many_or_too_few_are_refused():
    """AT-80."""
    whole = env.sign_envelope(header(), Dice("ct")(272), KEY)
    for data in (whole[:151], whole[:153], whole[:216], whole + b"\0", whole[:-1], b"", bytes(70_000)):
        with pytest.raises(Malformed) as refused:
            env.parse_envelope(data)
        assert refused.value.what in ("length", "ct_len")
    for data in (whole[:151], whole[:153]):
        with pytest.raises(Malformed) as refused:
            env.parse_header(data)
        assert refused.value.what == "length"


def test_at_80_a_class_or_urgency_changed_on_the_way_breaks_the_signature():
    """AT-80."""
    whole = env.sign_envelope(header(), Dice("ct")(272), KEY)
    for at, value in ((3, 2), (5, 1)):
        found = env.parse_envelope(whole[:at] + bytes([value]) + whole[at + 1 :])
        assert not env.envelope_verifies(found, KEY.public)


@pytest.mark.parametrize(
    "changed",
    [
        {"thread": bytes(15)},
        {"nonce": bytes(25)},
        {"epoch": 2**32},
        {"epoch": -1},
        {"ct_len": 273},
        {"suite": 9},
    ],
)
def test_a_header_that_no_reader_would_take_is_not_written(changed):
    with pytest.raises(Malformed):
        header(**changed).pack()


def test_an_envelope_is_not_signed_around_another_length_of_ciphertext():
    with pytest.raises(Malformed):
        env.sign_envelope(header(), bytes(271), KEY)


def test_at_49_sizes_fall_in_padme_buckets_with_a_floor_of_256():
    """AT-49. Exhaustive; Padmé by its definition: the low bits are zero, as many as the exponent allows."""
    for length in range(60_001):
        size = env.padded_size(length)
        needed = 36 + length
        assert size >= needed
        assert size == 256 or (size - needed) / needed < 0.12
        exponent = size.bit_length() - 1
        assert size % (1 << exponent - exponent.bit_length()) == 0
    assert len(env.PADDED_SIZES) == len({env.padded_size(n) for n in range(env.MAX_PAYLOAD + 1)}) < 200
    assert min(env.PADDED_SIZES) == 256
    assert env.CT_AT + max(env.PADDED_SIZES) + env.TAG_BYTES <= env.MAX_ENVELOPE


def test_a_payload_beyond_60_kib_has_no_size():
    with pytest.raises(Malformed):
        env.padded_size(60 * 1024 + 1)


def test_parts_of_two_envelopes_do_not_make_a_third():
    """AT-01."""
    thread = settled()
    one, other = thread.message("one"), thread.message("other")
    public = thread.client.keys.sign.public
    for spliced in (
        one[:152] + other[152:],
        one[:216] + other[216:],
        one[:152] + other[152:216] + one[216:],
    ):
        assert not env.envelope_verifies(env.parse_envelope(spliced), public)
    assert env.envelope_verifies(env.parse_envelope(one), public)
