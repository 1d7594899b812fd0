"""Cost of each operation of TEP/1 beside its bare library calls, and the size of each format."""

from dataclasses import dataclass
from typing import Any

from bench.meter import machine
from bench.operations import operations
from bench.sizes import Size, sizes
from bench.stopwatch import Cost, time_operation

_HEAD = f"{'operation':<42}|{'us':>10}{'bare us':>10}{'ratio':>8} | bare calls"


@dataclass(frozen=True, slots=True)
class Sitting:
    """Everything that one sitting found."""

    machine: dict[str, str | int]
    costs: list[Cost]
    sizes: list[Size]


def measure_crypto(seconds: float = 0.6, rounds: int = 15) -> Sitting:
    """Take so many seconds for each operation, half of them for its bare calls."""
    return Sitting(machine(), [time_operation(one, seconds, rounds) for one in operations()], list(sizes()))


def crypto_document(found: Sitting) -> dict[str, Any]:
    """Everything in plain values: microseconds, ratios, bytes."""
    return {
        "machine": found.machine,
        "operations": [
            {
                "name": one.operation.name,
                "us": round(one.us, 2),
                "bare": one.operation.calls,
                "bare_us": round(one.raw_us, 2),
                "ratio": round(one.ratio, 2),
            }
            for one in found.costs
        ],
        "bytes": dict(found.sizes),
    }


def crypto_table(found: Sitting) -> str:
    """The same for a terminal."""
    lines = [", ".join(f"{name} {text}" for name, text in found.machine.items()), "", _HEAD]
    for one in found.costs:
        told = f"{one.us:>10.1f}{one.raw_us:>10.1f}{one.ratio:>8.2f}"
        lines.append(f"{one.operation.name:<42}|{told} | {one.operation.calls}")
    lines += ["", f"{'format':<42}|{'bytes':>10}"]
    lines += [f"{name:<42}|{length:>10,}" for name, length in found.sizes]
    return "\n".join(lines)
