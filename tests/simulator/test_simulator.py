"""Hundreds of random schedules of a thread in which everything happens, under servers honest and not.

`python -m tests.simulator --schedules 10000` is the long run of the same.
"""

import pytest

from tests.simulator.attacks import ATTACKS
from tests.simulator.runs import comparing_device_sets, run_attack, run_honest


@pytest.mark.parametrize("first", range(0, 240, 40))
def test_every_active_device_reads_on_and_no_removed_one_does(first: int):
    """AT-32, AT-33, AT-37, AT-90: with links, grants, revocations, rotations, holds, recalls,
    replacements and
    urgent messages in any order; a removed device has every row and every secret it ever had."""
    violated = [one for seed in range(first, first + 40) if (one := run_honest(seed)).violations]
    assert violated == []


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_by_the_server_is_noticed_and_opens_nothing(name: str):
    """AT-17, AT-18, AT-33, AT-40, AT-42, AT-74, AT-83, AT-84, AT-87, AT-91: each attack at a random
    moment."""
    ran = [run_attack(seed, name) for seed in range(30)]
    struck = [one for one in ran if one.struck]
    assert struck, "no schedule came to a moment in which this attack was possible"
    assert [one for one in struck if one.violations] == []


def test_the_simulator_finds_the_comparison_of_device_sets():
    """Positive control (tep.md §5.5): device sets compared instead of heads, and grants given before the
    commit."""
    with comparing_device_sets():
        ran = [run_honest(seed, eager_grants=True) for seed in range(60)]
    assert any("a removed device reads on" in one.violations for one in ran)


def test_either_guard_alone_keeps_removed_devices_out():
    """Heads are compared, and grants come after the commit: each is enough for secrecy without the other."""
    eager = [run_honest(seed, eager_grants=True) for seed in range(30)]
    with comparing_device_sets():
        by_sets = [run_honest(seed) for seed in range(30)]
    assert not [one for one in (*eager, *by_sets) if "a removed device reads on" in one.violations]
