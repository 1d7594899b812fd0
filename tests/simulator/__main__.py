"""Many schedules: `python -m tests.simulator --schedules 10000 --seed 1`.

Half of them with an honest server, half with one of the attacks; all processors are used. `--flaw` plants the
comparison of device sets, which must be found.
"""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from time import monotonic

from tests.simulator.attacks import ATTACKS
from tests.simulator.runs import Outcome, comparing_device_sets, run_attack, run_honest


def one(seed: int) -> tuple[str, Outcome]:
    """The schedule of a seed: even ones honest, odd ones under the attacks in turn."""
    if seed % 2 == 0:
        return "honest", run_honest(seed)
    names = list(ATTACKS)
    name = names[seed // 2 % len(names)]
    return name, run_attack(seed, name)


def one_flawed(seed: int) -> tuple[str, Outcome]:
    """The same seed with the flaw planted."""
    with comparing_device_sets():
        return "flawed", run_honest(seed, eager_grants=True)


def main() -> int:
    """0: nothing was violated (with `--flaw`: something was)."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--flaw", action="store_true", help="plant the comparison of device sets")
    asked = parser.parse_args()
    began, ran, struck, wrong = monotonic(), Counter[str](), Counter[str](), 0
    seeds = range(asked.seed, asked.seed + asked.schedules)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for name, outcome in pool.map(one_flawed if asked.flaw else one, seeds, chunksize=20):
            ran[name] += 1
            struck[name] += outcome.struck
            if outcome.violations:
                wrong += 1
                print(f"seed {outcome.seed} ({name}): {'; '.join(outcome.violations)}")
    for name, count in sorted(ran.items()):
        print(f"{name}: {count} schedules" + (f", {struck[name]} times possible" if name in ATTACKS else ""))
    print(f"{wrong} schedules with violations, {monotonic() - began:.0f} s")
    return int((wrong == 0) == asked.flaw)


if __name__ == "__main__":
    sys.exit(main())
