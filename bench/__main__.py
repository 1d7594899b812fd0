"""`scripts/bench [server|crypto|rules] [--smoke]`: measure, show the ratios, and keep them."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bench.crypto import crypto_document, crypto_table, measure_crypto
from bench.measures import SMOKE, Plan, measure
from bench.report import document, table
from bench.rules import measure_rules, rules_document, rules_table

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Exit 1 if something was refused that should have been accepted."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=("server", "crypto", "rules"), default="server", help="else server"
    )
    parser.add_argument("--smoke", action="store_true", help="only see that it works; nothing is kept")
    parser.add_argument("--seconds", type=int, default=5, help="for each measurement")
    asked = parser.parse_args()
    if asked.what == "crypto":
        return _crypto(asked.smoke)
    return (_rules if asked.what == "rules" else _server)(asked.smoke, asked.seconds)


def _rules(smoke: bool, seconds: int) -> int:
    place = Path(tempfile.mkdtemp(prefix="etherapy-bench-"))
    place.chmod(0o711)
    plan, share = (SMOKE, 0.01) if smoke else (Plan(seconds=seconds, connections=(1,), inbox=10), 1.0)
    try:
        found = asyncio.run(measure_rules(plan, place, share))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(rules_table(found))
    if not smoke:
        _keep("rules-", rules_document(found))
    return 0


def _crypto(smoke: bool) -> int:
    found = measure_crypto(0.01, 1) if smoke else measure_crypto()
    print(crypto_table(found))
    if not smoke:
        _keep("crypto-", crypto_document(found))
    return 0


def _server(smoke: bool, seconds: int) -> int:
    place = Path(tempfile.mkdtemp(prefix="etherapy-bench-"))
    place.chmod(0o711)
    try:
        found = asyncio.run(measure(SMOKE if smoke else Plan(seconds=seconds), place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print(table(found))
    if not smoke:
        _keep("", document(found))
    refused = sum(one.http.refused for one in found.sends) + sum(one.load.refused for one in found.reads)
    print(f"{refused} refused")
    return 1 if refused else 0


def _keep(what: str, found: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{what}{datetime.now(UTC):%Y-%m-%dT%H%M}.json"
    kept.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    print(f"kept in bench/results/{kept.name}")


if __name__ == "__main__":
    sys.exit(main())
