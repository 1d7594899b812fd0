"""Bits of links and commits: nothing but the original is accepted (adversarial test 1, for every format)."""

import pytest

from etherapy.tep.chain import Chain
from etherapy.tep.epoch import check_roster, parse_commit
from etherapy.tep.malformed import Malformed
from tests.tep.world import person, settled


def changed_bytes(data: bytes) -> list[bytes]:
    """`data` with one bit of each byte changed in turn."""
    return [data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :] for at in range(len(data))]


def test_at_01_any_byte_changed_in_a_link_is_rejected():
    someone = person("someone")
    begun = Chain.begin(someone.links[0])
    for changed in changed_bytes(someone.links[1]):
        with pytest.raises(Malformed):
            begun.add(changed)
    for changed in changed_bytes(someone.links[0]):
        with pytest.raises(Malformed):
            Chain.begin(changed)


def test_at_01_any_byte_changed_in_a_commit_is_rejected():
    made = settled()
    whole, chains = made.commits[0].pack(), made.chains()
    check_roster(parse_commit(whole), chains)
    for changed in changed_bytes(whole):
        with pytest.raises(Malformed):
            check_roster(parse_commit(changed), chains)
