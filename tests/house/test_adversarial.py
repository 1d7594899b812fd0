"""Every adversarial test is where the page says, and the page says where every one is."""

import re

import pytest

from tests.house.adversarial import NUMBER, PAGE, attacks, page, proofs, read_tests

ATTACKS = list(attacks())
NAMED = re.compile(r"_at_(\d{2,3})(?=_)")


def test_there_are_one_hundred_and_ten_by_number():
    assert [one.number for one in ATTACKS] == list(range(1, 111))
    assert all(set(one.halves) <= set("SPJ") and one.words for one in ATTACKS)


def test_no_test_carries_a_number_that_is_none():
    assert set(proofs()) <= {one.number for one in ATTACKS}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: f"AT-{one.number:02}")
def test_each_is_proven_somewhere_or_open_with_a_reason(attack):
    assert attack.open or proofs().get(attack.number)


def test_a_test_that_has_a_number_in_its_name_has_it_in_its_docstring():
    missing = [
        (proof.file, proof.test, number)
        for proof, words in read_tests().items()
        for number in NAMED.findall(proof.test)
        if int(number) not in {int(one) for one in NUMBER.findall(words)}
    ]
    assert missing == []


def test_the_page_is_in_step_with_the_tests():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.house.adversarial"
