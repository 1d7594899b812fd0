"""The strict profile of CBOR: one spelling for every value (tep.md §6.1)."""

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.binary import unb64
from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed, parse_signed

scalars = st.one_of(
    st.integers(0, 2**64 - 1), st.binary(max_size=40), st.text(max_size=20), st.booleans(), st.none()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.integers(0, 23), inner, max_size=5),
    max_leaves=12,
)

CONTAINER = pack_signed(b"core", [bytes(64)])


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(one) for one in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(one) for one in value), default=0)
    return 0


@given(values)
def test_every_value_of_the_profile_comes_back_as_it_was(value):
    if depth_of(value) > cbor.MAX_DEPTH:
        with pytest.raises(Malformed) as refused:
            cbor.encode(value)
        assert refused.value.what == "depth"
    else:
        data = cbor.encode(value)
        assert cbor.decode(data, limit=len(data)) == value
        assert cbor2.loads(data) == value


@given(st.binary(max_size=60))
def test_whatever_is_accepted_has_exactly_these_bytes_by_an_independent_encoder(data):
    try:
        value = cbor.decode(data, limit=60)
    except Malformed:
        return
    assert cbor2.dumps(value, canonical=True) == data


@given(values, st.data())
def test_a_changed_byte_never_gives_the_same_value(value, data):
    try:
        encoded = cbor.encode(value)
    except Malformed:
        return
    at = data.draw(st.integers(0, len(encoded) - 1))
    changed = encoded[:at] + bytes([encoded[at] ^ data.draw(st.integers(1, 255))]) + encoded[at + 1 :]
    try:
        found = cbor.decode(changed, limit=len(changed))
    except Malformed:
        return
    assert cbor.encode(found) == changed != encoded


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("encoding", "1801"),  # 1 in two bytes
        ("encoding", "190017"),
        ("encoding", "1a0000ffff"),
        ("encoding", "1b00000000ffffffff"),
        ("encoding", "5801aa"),  # a byte string with a long length
        ("keys", "a2000000" + "01"),  # key 0 twice
        ("keys", "a201000000"),  # 1 before 0
        ("encoding", "5f41aaff"),  # indefinite bytes
        ("encoding", "9f01ff"),  # indefinite array
        ("encoding", "bf0001ff"),  # indefinite map
        ("encoding", "1c"),  # reserved length
        ("trailing", "0000"),
        ("truncated", ""),
        ("truncated", "42aa"),
        ("truncated", "a100"),
        ("truncated", "19ff"),
        ("truncated", "9bffffffffffffffff00"),  # an array said to be enormous
        ("type", "20"),  # -1
        ("type", "c000"),  # a tag
        ("type", "c249010000000000000000"),  # a big number
        ("type", "d81c80"),  # a shared reference
        ("type", "f7"),  # undefined
        ("type", "e0"),  # an unassigned simple value
        ("type", "f818"),
        ("type", "f97e00"),  # a float
        ("type", "fb3ff0000000000000"),
        ("type", "ff"),
        ("text", "61ff"),
        ("text", "63eda080"),  # a lone surrogate
    ],
)
def test_at_02_a_second_spelling_or_anything_outside_the_profile_is_refused(what, data):
    """AT-02."""
    with pytest.raises(Malformed) as refused:
        cbor.decode(bytes.fromhex(data), limit=100)
    assert refused.value.what == what


def test_at_02_an_extra_key_and_a_missing_key_are_refused():
    """AT-02."""
    for changed in ({0: b"core", 1: [bytes(64)], 2: b""}, {0: b"core"}, {1: [bytes(64)]}, {}):
        with pytest.raises(Malformed) as refused:
            parse_signed(cbor.encode(changed), 4096)
        assert refused.value.what == "keys"
    assert parse_signed(CONTAINER, 4096).core == b"core"


def test_at_03_one_byte_too_many_is_refused_before_decoding():
    """AT-03."""
    with pytest.raises(Malformed) as refused:
        cbor.decode(b"\xff" * 101, limit=100)
    assert refused.value.what == "size"


def test_at_03_deep_nesting_is_refused_without_a_deep_stack():
    """AT-03."""
    assert cbor.decode(b"\x81" * 8 + b"\x00", limit=100) == [[[[[[[[0]]]]]]]]
    for deep in (b"\x81" * 9 + b"\x00", b"\x81" * 60_000 + b"\x00", b"\xa1\x00" * 30_000 + b"\x00"):
        with pytest.raises(Malformed) as refused:
            cbor.decode(deep, limit=65_536)
        assert refused.value.what == "depth"


@pytest.mark.parametrize("key", ["1818", "1818" + "00" * 3, "20", "37", "4100", "6161", "f5"])
def test_at_04_a_map_key_above_23_or_negative_or_no_number_is_refused_when_read(key):
    """AT-04."""
    with pytest.raises(Malformed) as refused:
        cbor.decode(bytes.fromhex("a1" + key + "00"), limit=100)
    assert refused.value.what == "keys"


@pytest.mark.parametrize("key", [24, -1, 2**64, "a", b"a", True, None, 1.0])
def test_at_04_a_map_key_above_23_or_negative_or_no_number_is_refused_when_written(key):
    """AT-04."""
    with pytest.raises(Malformed) as refused:
        cbor.encode({key: 0})
    assert refused.value.what == "keys"


@pytest.mark.parametrize("value", [-1, 2**64, 1.5, {1, 2}, object(), bytearray(b"x"), "\ud800"])
def test_a_value_outside_the_profile_is_not_written(value):
    with pytest.raises(Malformed):
        cbor.encode([value])


@pytest.mark.parametrize(
    "spelling", ["AA==", "AA=", "A A", "AA\n", " AA", "A+", "A/", "AB", "AAB", "A", "AAAAA", "Ａ"]
)
def test_at_05_base64url_has_one_spelling(spelling):
    """AT-05."""
    with pytest.raises(ValueError, match="base64url"):
        unb64(spelling)
    assert unb64("AA") == b"\0"
    assert unb64("") == b""


@pytest.mark.parametrize("count", [0, 10])
def test_a_container_has_one_to_nine_signatures(count):
    with pytest.raises(Malformed):
        pack_signed(b"core", [bytes(64)] * count)
    with pytest.raises(Malformed):
        parse_signed(cbor.encode({0: b"core", 1: [bytes(64)] * count}), 4096)
