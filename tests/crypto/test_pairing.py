"""The code of a new device, and the proof that the right account answered (tep.md §5.9)."""

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.crypto.pairing import confirmation, confirms, new_pairing_secret
from etherapy.tep.labels import digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.pairing import (
    CODE_CHARACTERS,
    code_of,
    confirmed_bytes,
    link_code,
    lookup_id,
    parse_link_code,
    request_hash,
)
from tests.tep.world import Dice, person

names = st.binary(min_size=32, max_size=32)


@given(names)
def test_every_code_comes_back_from_what_is_typed(name):
    shown = link_code(name)
    assert [len(group) for group in shown.split("-")] == [4] * 5
    assert parse_link_code(shown) == code_of(name)
    assert parse_link_code(shown.lower().replace("-", " ")) == code_of(name)
    assert parse_link_code(shown.replace("0", "o").replace("1", "L").replace("-", "")) == code_of(name)
    assert parse_link_code(shown.replace("1", "I").replace("-", "–")) == code_of(name)


@given(names)
def test_a_code_is_the_first_hundred_bits_of_the_hash(name):
    code = code_of(name)
    assert int.from_bytes(code, "big") >> 4 == int.from_bytes(name, "big") >> 156
    assert code[-1] & 15 == 0
    assert lookup_id(code) == digest("link-lookup", code)[:16]


@pytest.mark.parametrize("typed", ["", "ABCD", "0" * 19, "0" * 21])
def test_a_code_of_another_length_is_told(typed):
    with pytest.raises(Malformed, match=f"{CODE_CHARACTERS} characters") as problem:
        parse_link_code(typed)
    assert problem.value.what == "code"


@pytest.mark.parametrize("typed", ["U" * 20, "*" + "0" * 19, "é" + "0" * 19])
def test_characters_that_no_code_has_are_told(typed):
    with pytest.raises(Malformed, match="never contains") as problem:
        parse_link_code(typed)
    assert problem.value.what == "code"


def test_no_wrong_character_leads_to_the_same_request():
    name = Dice("request")(32)
    plain = link_code(name).replace("-", "")
    wrong = {plain[:at] + other + plain[at + 1 :] for at in range(20) for other in "0Z" if other != plain[at]}
    assert not {lookup_id(parse_link_code(one)) for one in wrong} & {lookup_id(code_of(name))}


def test_a_code_with_more_than_a_hundred_bits_is_none():
    for wrong in (bytes(12), bytes(14), bytes(12) + b"\1"):
        with pytest.raises(Malformed):
            lookup_id(wrong)


def test_another_key_or_class_is_another_request():
    keys = person("newcomer").keys
    known = (keys.sign.public, keys.hpke.public)
    name = request_hash(*known, 1)
    assert name == digest("link-request", b"\1", *known)
    other = person("else").keys
    others = {
        request_hash(*known, 3),
        request_hash(other.sign.public, known[1], 1),
        request_hash(known[0], other.hpke.public, 1),
    }
    assert name not in others
    assert len(others) == 3
    for wrong in ((known[0], known[1], 0), (known[0], known[1], 6), (known[0][1:], known[1], 1)):
        with pytest.raises(Malformed):
            request_hash(*wrong)
    with pytest.raises(Malformed):
        request_hash(known[0], known[1] + b"\0", 1)


def test_a_confirmation_is_for_one_secret_and_one_link():
    secret, core = new_pairing_secret(Dice("secret")), b"the core of a link"
    made = confirmation(secret, core)
    assert confirms(made, secret, core)
    assert not confirms(made, new_pairing_secret(), core)
    assert not confirms(made, secret, core + b"\0")
    assert not confirms(None, secret, core)
    for at in range(8 * len(made)):
        changed = bytearray(made)
        changed[at // 8] ^= 1 << at % 8
        assert not confirms(bytes(changed), secret, core)
    with pytest.raises(ValueError, match="16 bytes"):
        confirmation(secret[1:], core)


def test_a_confirmation_is_what_the_specification_says():
    secret, core = bytes(range(16)), b"core"
    root = hmac.digest(b"tep1:link", secret, "sha256")
    key = hmac.digest(root, b"tep1:link-confirm\0\1", "sha256")
    expected = hmac.digest(key, b"tep1:link\0" + sha256(core).digest(), "sha256")
    assert confirmation(secret, core) == expected
    assert confirmed_bytes(core) == b"tep1:link\0" + sha256(core).digest()
