"""How much of the crash test is run, under which rules, and what came of it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

KINDS = ("server", "postgres", "both", "backend")
"""What is killed: our server, PostgreSQL's first process, both, or one of PostgreSQL's other processes."""
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WINDOWS = [{"days": _DAYS, "start": f"{hour:02}:00", "end": f"{hour:02}:25"} for hour in range(24)]
RULES: list[dict[str, Any]] = [
    {"kind": "window.weekly", "windows": _WINDOWS},
    {"kind": "response.target", "target": {"count": "window_minutes", "n": 60}},
]
"""Open for 25 minutes of each hour, so that a turning clock opens and closes windows all the time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it. `acks` is between how many acknowledgements a kill comes."""

    cycles: int
    seed: int
    threads: int = 4
    acks: tuple[int, int] = (10, 60)


@dataclass(slots=True)
class Outcome:
    """What came of it; `violations` empty means that everything held."""

    seed: int
    cycles: int = 0
    acknowledged: int = 0
    recalled: int = 0
    repeated: int = 0
    broken: int = 0
    """Requests that were cut off or refused for the time being, and made again."""
    kills: Counter[str] = field(default_factory=Counter)
    longest_recovery: float = 0.0
    """Seconds from a kill until the server was ready again."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
