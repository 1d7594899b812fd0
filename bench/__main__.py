"""`scripts/bench [--smoke]`: measure, show the ratios, and keep them."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.measures import SMOKE, Plan, measure
from bench.report import document, table

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Exit 1 if something was refused that should have been accepted."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="only see that it works; nothing is kept")
    parser.add_argument("--seconds", type=int, default=5, help="for each measurement")
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="etherapy-bench-"))
    place.chmod(0o711)
    try:
        found = asyncio.run(measure(SMOKE if asked.smoke else Plan(seconds=asked.seconds), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(table(found))
    if not asked.smoke:
        RESULTS.mkdir(exist_ok=True)
        kept = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M}.json"
        kept.write_bytes(msgspec.json.format(msgspec.json.encode(document(found)), indent=2) + b"\n")
        print(f"kept in bench/results/{kept.name}")
    refused = sum(one.http.refused for one in found.sends) + sum(one.load.refused for one in found.reads)
    print(f"{refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
