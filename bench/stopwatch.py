"""How long a function takes beside the bare library calls it cannot do without."""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time_ns

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something whose cost is to be known. `raw` makes the same library calls and nothing else."""

    name: str
    act: Act
    raw: Act
    calls: str
    """What `raw` does, in words."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for one operation, and for its bare calls."""

    operation: Operation
    us: float
    raw_us: float

    @property
    def ratio(self) -> float:
        """What it costs in terms of its bare calls."""
        return self.us / self.raw_us


def time_operation(operation: Operation, seconds: float, rounds: int) -> Cost:
    """The best of some rounds each, in turn, so that a processor that slows down slows both."""
    share = seconds / rounds / 2
    best, raw = float("inf"), float("inf")
    for _ in range(rounds):
        best = min(best, _round(operation.act, share))
        raw = min(raw, _round(operation.raw, share))
    return Cost(operation, best / 1000, raw / 1000)


def _round(act: Act, seconds: float) -> float:
    """Nanoseconds of this thread's processor time for one call: what else the machine does counts little."""
    begun = thread_time_ns()
    act()
    once = max(thread_time_ns() - begun, 100)
    count = max(int(seconds * 1e9 / once), 1)
    gc.disable()
    try:
        begun = thread_time_ns()
        for _ in range(count):
            act()
        return (thread_time_ns() - begun) / count
    finally:
        gc.enable()
