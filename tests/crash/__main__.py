"""The crash test as a longer command: `python -m tests.crash --cycles 300 --seed 7`.

Exit status 1 if anything was lost, doubled, out of order or early.
"""

import argparse
import asyncio
import sys
from secrets import randbelow

from tests.crash.cycles import run
from tests.crash.plan import Outcome, Plan


def main() -> int:
    """Run as many cycles as were asked for; the seed is told first, so that a failure can be had again."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--cycles", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None, help="of what is written, killed and when")
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--acks", type=int, default=300, help="acknowledgements before a kill, at most")
    asked = parser.parse_args()
    seed = randbelow(2**32) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    outcome = asyncio.run(run(Plan(asked.cycles, seed, asked.threads, (10, max(asked.acks, 10)))))
    tell(outcome)
    return 1 if outcome.violations else 0


def tell(outcome: Outcome) -> None:
    """What came of it, for a terminal."""
    kills = ", ".join(f"{count} x {kind}" for kind, count in sorted(outcome.kills.items()))
    print(f"{outcome.cycles} cycles in {outcome.seconds:.0f} s: {kills}")
    print(
        f"{outcome.acknowledged} messages acknowledged, {outcome.recalled} taken back, "
        f"{outcome.repeated} repeated answers, {outcome.broken} requests cut off"
    )
    print(f"longest recovery {outcome.longest_recovery:.1f} s")
    for line in outcome.violations[:50]:
        print(f"VIOLATION  {line}")
    print(f"{len(outcome.violations)} violations")


if __name__ == "__main__":
    sys.exit(main())
