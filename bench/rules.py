"""What a decision costs: cold and warm, with few rules and many, beside the check of one signature.

And its share of a whole send, over one connection, in the same sitting.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from typing import Any

from bench import bare
from bench.measures import Plan, Sends, measure
from bench.meter import machine
from bench.ruled import BUSY, FIRST_RUN, MANY, ORDINARY, at_once, facts_of
from bench.scene import closed_for_now, open_now
from bench.stopwatch import Cost, Operation, time_operation
from etherapy.rules import Attempt, Decision, Facts, Rules, decide
from etherapy.rules.policy import policy_in

_MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
_WEEK = [_MONDAY + timedelta(hours=hour) for hour in range(168)]
_HEAD = f"{'decision':<42}|{'us':>10}{'a second':>12}{'signatures checked':>20}"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one send is its decision."""

    kind: str
    decide_us: float
    send_us: float
    """The median of whole sends, as the sender waits for them."""
    server_us: float
    """Processor time of the server's process for one."""


@dataclass(frozen=True, slots=True)
class Judging:
    """Everything that one sitting found."""

    machine: dict[str, str | int]
    costs: list[Cost]
    shares: list[Share]


async def measure_rules(plan: Plan, place: Path, seconds: float = 1.0, rounds: int = 10) -> Judging:
    """Take so many seconds for each kind of decision, half of them for the signatures beside it."""
    costs = [time_operation(one, seconds, rounds) for one in rule_operations()]
    found = await measure(plan, place)
    alone = [one for one in found.sends if one.connections == 1 and one.http.count]
    shares = [_share(one, seconds, rounds) for one in alone]
    return Judging(machine(), costs, shares)


def rule_operations() -> Iterator[Operation]:
    """Decisions on a client's messages of a week, one an hour, by day and by night."""
    for name, documents in (
        ("ordinary rules", ORDINARY),
        ("50 windows, 200 exceptions", MANY),
        ("all kinds", BUSY),
    ):
        canonical, facts = _rules(documents).canonical(), facts_of(documents)
        yield Operation(f"{name}: cold", _cold(canonical, facts), bare.verify, "verify")
        yield Operation(f"{name}: warm", _warm(Rules.from_canonical(canonical), facts), bare.verify, "verify")


def _rules(documents: list[dict[str, Any]]) -> Rules:
    return policy_in(documents, "practice").rules()


def _cold(canonical: bytes, facts: Facts) -> Callable[[], Decision]:
    """From the bytes of a sheet that nobody has seen: nothing of its timetable is remembered."""
    runs, attempt = count(), Attempt(_WEEK[3], by_client=True)
    assert FIRST_RUN in canonical

    def act() -> Decision:
        fresh = canonical.replace(FIRST_RUN, b"run %08d" % next(runs))
        return decide(Rules.from_canonical(fresh), attempt, facts)

    return act


def _warm(rules: Rules, facts: Facts) -> Callable[[], Decision]:
    attempts = cycle([Attempt(at, by_client=True) for at in _WEEK])
    return lambda: decide(rules, next(attempts), facts)


def _share(sends: Sends, seconds: float, rounds: int) -> Share:
    """The decision of such a send beside the whole of it."""
    documents = open_now() if sends.kind == "at once" else closed_for_now()
    rules, now = _rules(at_once(documents)), datetime.now(UTC).replace(microsecond=0)
    attempt = Attempt(now, by_client=True)
    cost = time_operation(
        Operation(sends.kind, lambda: decide(rules, attempt, Facts()), bare.verify, "verify"), seconds, rounds
    )
    spent = 1e6 * sends.http_used.server / sends.http.count
    return Share(sends.kind, cost.us, 1000 * sends.http.percentile(50), spent)


def rules_document(found: Judging) -> dict[str, Any]:
    """Everything in plain values: microseconds, ratios, shares."""
    return {
        "machine": found.machine,
        "decisions": [
            {
                "name": one.operation.name,
                "us": round(one.us, 2),
                "a_second": round(1e6 / one.us),
                "of_a_check": round(one.ratio, 2),
            }
            for one in found.costs
        ],
        "shares": [
            {
                "kind": one.kind,
                "decide_us": round(one.decide_us, 2),
                "send_us": round(one.send_us),
                "server_us": round(one.server_us),
                "of_the_send": round(one.decide_us / one.send_us, 4),
                "of_the_server": round(one.decide_us / one.server_us, 4) if one.server_us else None,
            }
            for one in found.shares
        ],
    }


def rules_table(found: Judging) -> str:
    """The same for a terminal."""
    shown = rules_document(found)
    lines = [", ".join(f"{name} {text}" for name, text in found.machine.items()), "", _HEAD]
    lines += [
        f"{one['name']:<42}|{one['us']:>10.1f}{one['a_second']:>12,}{one['of_a_check']:>20.2f}"
        for one in shown["decisions"]
    ]
    lines += ["", "share of one send"]
    lines += [
        f"{one['kind']:<42}| {one['decide_us']} of {one['send_us']} us; {one['of_the_send']:.1%} of the wait,"
        f" {one['of_the_server'] or 0:.1%} of the server's processor time"
        for one in shown["shares"]
    ]
    return "\n".join(lines)
