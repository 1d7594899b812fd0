"""The recovery code and the number to compare (tep.md §5.3, §5.12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.crypto.epochs import open_epoch
from etherapy.crypto.errors import BadCode
from etherapy.crypto.messages import open_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.crypto.safety import half, safety_number
from etherapy.tep.chain import verify_chain
from tests.tep.world import Dice, person, settled, thread

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
codes = st.binary(min_size=16, max_size=16).map(RecoveryCode)


@given(codes)
def test_every_code_comes_back_from_its_text(code):
    shown = code.text()
    assert [len(group) for group in shown.split("-")] == [4] * 7
    assert RecoveryCode.parse(shown).secret == code.secret
    assert RecoveryCode.parse(shown.lower().replace("-", " ")).secret == code.secret
    assert (
        RecoveryCode.parse(shown.replace("0", "O").replace("1", "l").replace("-", "")).secret == code.secret
    )


@given(codes)
def test_at_52_a_code_with_one_wrong_character_is_told_before_anything_else(code):
    """AT-52."""
    plain = code.text().replace("-", "")
    for at in range(28):
        other = ALPHABET[(ALPHABET.index(plain[at]) + 1 + at) % 32]
        with pytest.raises(BadCode, match="typing mistake"):
            RecoveryCode.parse(plain[:at] + other + plain[at + 1 :])


def test_at_52_no_single_wrong_character_of_a_code_is_overlooked():
    """AT-52."""
    plain = RecoveryCode(Dice("code")(16)).text().replace("-", "")
    wrong = [
        plain[:at] + other + plain[at + 1 :] for at in range(28) for other in ALPHABET if other != plain[at]
    ]
    assert len(wrong) == 28 * 31
    for one in wrong:
        with pytest.raises(BadCode, match="typing mistake"):
            RecoveryCode.parse(one)


@given(codes)
def test_at_52_two_neighbours_swapped_are_told(code):
    """AT-52."""
    plain = code.text().replace("-", "")
    for at in range(27):
        swapped = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
        if swapped != plain:
            with pytest.raises(BadCode, match="typing mistake"):
                RecoveryCode.parse(swapped)


@pytest.mark.parametrize("typed", ["", "ABCD", "0" * 27, "0" * 29])
def test_at_52_a_code_of_another_length_is_told(typed):
    """AT-52."""
    with pytest.raises(BadCode, match="28 characters"):
        RecoveryCode.parse(typed)


@pytest.mark.parametrize("typed", ["U" * 28, "*" + "0" * 27, "é" + "0" * 27])
def test_at_52_characters_that_no_code_has_are_told(typed):
    """AT-52."""
    with pytest.raises(BadCode, match="never contains"):
        RecoveryCode.parse(typed)


def test_at_51_the_code_typed_on_a_fresh_machine_opens_every_message():
    """AT-51."""
    made = thread()
    sealed = [(made.message("first"), made.commits[-1])]
    made.client.add()
    made.commit()
    sealed.append((made.message("second"), made.commits[-1]))
    keys = RecoveryCode.parse(made.client.code.text()).keys()
    said = [open_message(one, open_epoch(commit, keys), commit).payload.body for one, commit in sealed]
    assert said == ["first", "second"]


def test_a_code_shows_nothing_when_printed():
    code = RecoveryCode.generate()
    assert code.secret.hex() not in repr(code)
    assert code.text() not in repr(code)
    with pytest.raises(ValueError, match="16 bytes"):
        RecoveryCode(bytes(15))


def test_at_68_both_ends_read_the_same_60_digits():
    """AT-68."""
    client, therapist = person("client").chain.chain_id, person("therapist").chain.chain_id
    number = safety_number(client, therapist)
    assert number == safety_number(therapist, client)
    groups = number.split(" ")
    assert [len(one) for one in groups] == [5] * 12
    assert number.replace(" ", "").isdecimal()


def test_at_68_the_number_survives_new_devices_and_not_a_new_identity():
    """AT-68."""
    someone, other = person("someone"), person("other").chain.chain_id
    before = safety_number(someone.chain.chain_id, other)
    laptop = someone.add()
    someone.revoke(someone.keys, by=laptop.sign)
    assert safety_number(verify_chain(someone.links).chain_id, other) == before
    assert safety_number(person("someone again").chain.chain_id, other) != before


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_at_68_each_half_depends_on_one_person_only(one, other):
    """AT-68."""
    number = safety_number(one, other)
    assert sorted((number[:35], number[36:])) == sorted((half(one), half(other)))


def test_a_settled_thread_is_open_to_both_codes():
    made = settled()
    for someone in (made.client, made.therapist):
        assert open_epoch(made.commits[0], someone.code.keys()) == made.secrets[0]
