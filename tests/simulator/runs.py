"""One schedule from a seed, honest or under attack, and the flaws that the simulator must find when they
are planted."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

from etherapy.sdk.findings import Kind
from etherapy.sdk.threads import causes
from etherapy.sdk.verifying.person import Person
from etherapy.tep.epoch import Commit
from tests.simulator import schedule, verdict
from tests.simulator.attacks import ATTACKS, Attack
from tests.simulator.scene import begin

STEPS: Final = 40
STEPS_BEFORE_ATTACK: Final = 25
STEPS_AFTER_ATTACK: Final = 5


@dataclass(frozen=True)
class Outcome:
    """What one schedule came to. `struck`: the moment allowed the attack."""

    seed: int
    struck: bool
    violations: tuple[str, ...]


def run_honest(seed: int, *, eager_grants: bool = False) -> Outcome:
    """A server that keeps its rules, but hands everything it has to removed devices."""
    scene, dice = begin(f"honest {seed}", eager_grants=eager_grants), Random(seed)
    schedule.live(scene, dice, STEPS)
    schedule.settle_down(scene)
    found = [*verdict.breaches(scene), *verdict.losses(scene), *verdict.false_alarms(scene)]
    return Outcome(seed, False, tuple(sorted(set(found))))


def run_attack(seed: int, name: str) -> Outcome:
    """A server that turns at some moment: nobody reads more than before, and somebody notices."""
    attack = ATTACKS[name]
    scene, dice = begin(f"attack {seed}"), Random(seed)
    schedule.live(scene, dice, STEPS_BEFORE_ATTACK)
    if not attack.strike(scene, dice):
        return Outcome(seed, False, ())
    schedule.live(scene, dice, STEPS_AFTER_ATTACK, schedule.CALM)
    schedule.speak(scene)
    schedule.settle_down(scene)
    return Outcome(seed, True, tuple({*verdict.breaches(scene), *_unnoticed(attack, verdict.alarms(scene))}))


def _unnoticed(attack: Attack, alarms: set[Kind]) -> list[str]:
    return [] if alarms & attack.noticed else [f"unnoticed; found only {sorted(alarms)}"]


@contextmanager
def comparing_device_sets() -> Iterator[None]:
    """Plant the flaw of tep.md §5.5: a roster counts as stale only when its set of devices has changed."""

    def is_stale(commit: Commit, members: Collection[tuple[Person, int]]) -> bool:
        now = {device.device_id for person, _ in members for device in person.chain.active()}
        return now != set(commit.core.device_ids())

    right, causes.is_stale = causes.is_stale, is_stale
    try:
        yield
    finally:
        causes.is_stale = right
