"""The product and the minute scanner, asked the same: random rules around changes of clocks.

    python -m tests.rules.differential --policies 100000 [--seed 1] [--all-zones] [--years 3]

Half of the policies are timetable cases (docs/rules.md 9), half are whole rules of two layers with a reply
time: weeks and every n-th week, rules for a time, ranges, holidays, absences, every way of counting.
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from etherapy.rules import Attempt, BadRule, Facts, Layer, decide, resolve
from etherapy.rules.evaluate import evaluate_case
from tests.rules.scanner import (
    MINUTE,
    WEEK,
    Document,
    Hours,
    Scanner,
    Stretch,
    Unclear,
    all_zones,
    changes,
    clock_of,
    reply,
)

DAY = timedelta(days=1)
EACH = 100
"""So many policies share one stretch, which is slow to make."""
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Lot:
    """Draws rules, many of them with a boundary within two hours of the change of a clock."""

    def __init__(self, rng: random.Random, zone: str, middle: datetime) -> None:
        self.rng, self.zone, self.middle = rng, zone, middle
        self._local = middle.astimezone(clock_of(zone))

    def date(self, earliest: int = -4, latest: int = 10) -> date:
        return (self._local + DAY * self.rng.randint(earliest, latest)).date()

    def now(self) -> datetime:
        span = 120 if self.rng.random() < 0.6 else 2 * 1440
        return self.middle + timedelta(minutes=self.rng.randint(-span, span))

    def clock(self) -> str:
        near, rng = self._local.hour * 60 + self._local.minute, self.rng
        minute = rng.choice([0, rng.randrange(1440), 15 * rng.randrange(96)])
        if rng.random() < 0.6:
            away = rng.choice([rng.randint(-120, 120), rng.choice([-60, -30, 0, 30, 60])])
            minute = (near + away) % 1440
        return f"{minute // 60:02d}:{minute % 60:02d}"

    def window(self) -> Document:
        while True:
            start, end = self.clock(), self.rng.choice([self.clock(), "24:00"])
            if start != end:
                return {"start": start, "end": end}

    def days(self) -> list[str]:
        return self.rng.sample(WEEK, self.rng.randint(1, 7))

    def weekly(self, seldom: bool) -> Document:
        windows = []
        for _ in range(self.rng.randint(0, 4)):
            window: Document = {"days": self.days(), **self.window()}
            if seldom and self.rng.random() < 0.4:
                window |= {"every_n_weeks": self.rng.randint(2, 8), "anchor": str(self.date(-400, 400))}
            windows.append(window)
        return {"kind": "window.weekly", "zone": self.zone, "windows": windows}

    def exceptions(self, most_dates: int) -> Iterator[Document]:
        """Some that share no date."""
        first = self.date(-3, 3)
        for _ in range(self.rng.randint(0, 3)):
            effect = self.rng.choice(["closed", "replace", "add"])
            windows = [self.window() for _ in range(self.rng.randint(effect == "add", 2))]
            dates = self.rng.randint(1, most_dates)
            found: Document = {"kind": "window.exception", "date": str(first), "effect": effect}
            found |= {} if effect == "closed" else {"windows": windows}
            found |= {"through": str(first + DAY * (dates - 1))} if dates > 1 else {}
            yield found
            first += DAY * (dates - 1 + self.rng.randint(1, 3))

    def simple(self) -> Hours:
        return Hours([], [self.weekly(seldom=False), *self.exceptions(most_dates=1)])

    def everything(self) -> Hours:
        """Hours of a practice and of a therapist, who sets other ones for a time."""
        first = self.date(-3, 6)
        last = first + DAY * self.rng.randint(1, 6)
        eras = [{"ends": str(first)}, {"begins": str(first), "ends": str(last)}, {"begins": str(last)}]
        weeks = [self.weekly(seldom=True) | era for era in eras]
        if self.rng.random() < 0.5:
            weeks = [self.weekly(seldom=True)]
        own = [*weeks, *self.exceptions(most_dates=5), *self.absences()]
        return Hours([*self.holidays(), *self.exceptions(most_dates=5)], own)

    def absences(self) -> Iterator[Document]:
        if self.rng.random() < 0.3:
            first = self.date(-3, 6)
            back = first + DAY * self.rng.randint(1, 7)
            yield {"kind": "absence", "away_from": str(first), "back_on": str(back)}

    def holidays(self) -> Iterator[Document]:
        if self.rng.random() < 0.4:
            dates = sorted({str(self.date()) for _ in range(self.rng.randint(1, 4))})
            yield {"kind": "holiday.calendar", "snapshot": "lot", "dates": [{"date": day} for day in dates]}

    def target(self) -> Document:
        rng = self.rng
        count = rng.choice(list(_NUMBERS))
        found: Document = {"count": count} | _NUMBERS[count](rng)
        if count == "business_days" and rng.random() < 0.5:
            found["at"] = self.clock()
        if count == "from_slot":
            found |= {"weekday": rng.choice(WEEK), "at": self.clock()}
        if count == "cutoff_table":
            found["bands"] = list(self.bands())
        return found

    def bands(self) -> Iterator[Document]:
        """Bands of one day that share no time, over midnight too, due at the end of the day or later."""
        edges: list[str] = []
        while len(edges) < 2:
            edges = sorted({self.clock() for _ in range(self.rng.randint(2, 5))})
        pairs, days = list(zip(edges, edges[1:] + edges[:1], strict=True)), self.days()
        for start, end in self.rng.sample(pairs, self.rng.randint(1, len(pairs))):
            over_midnight = end < start
            offset = self.rng.randint(1 if over_midnight else 0, 3)
            due = self.clock()
            due = max(due, end) if over_midnight or offset == 0 else due
            band = {"days": days, "from": start, "until": end}
            yield band | {"due_day_offset": offset, "due_time": due}


_NUMBERS: dict[str, Any] = {
    "window_minutes": lambda rng: {"n": rng.choice([0, rng.randint(0, 120), rng.randint(0, 3000)])},
    "business_days": lambda rng: {"n": rng.randint(0, 4)},
    "next_windows": lambda rng: {"n": rng.randint(0, 4)},
    "wall_hours": lambda rng: {"n": rng.randint(1, 100)},
    "cutoff_table": lambda rng: {},
    "from_slot": lambda rng: {"hours": rng.randint(0, 72)},
    "deferred_to_session": lambda rng: {},
    "none": lambda rng: {},
}


def compare(stretch: Stretch, middle: datetime, rng: random.Random, policies: int) -> list[str]:
    """The differences between scanner and product for random policies around one change, as text."""
    lot, found = Lot(rng, stretch.zone, middle), []
    for number in range(policies):
        difference = _of_rules(lot, stretch) if number % 2 else _of_case(lot, stretch)
        if difference:
            found.append(difference)
    return found


def _of_case(lot: Lot, stretch: Stretch) -> str:
    """A timetable case, as conformance tests write it."""
    hours, now = lot.simple(), lot.now()
    open_minutes = lot.rng.choice([0, lot.rng.randint(0, 120), lot.rng.randint(0, 1500)])
    weekly, *exceptions = hours.therapist
    case = {
        "id": "differential",
        "zone": stretch.zone,
        "weekly": weekly["windows"],
        "exceptions": [
            {"kind": one["effect"], **{k: one[k] for k in ("date", "windows") if k in one}}
            for one in exceptions
        ],
        "now": now.strftime(_FORMAT),
        "response_target_open_minutes": open_minutes,
    }
    product = evaluate_case(case)
    if "error" in product:
        return f"refused: {product['error']}\n  case {case}"
    said = {
        name: None if product[name] is None else datetime.fromisoformat(str(product[name]))
        for name in ("next_open", "closes_at", "response_due")
    }
    target = {"count": "window_minutes", "n": open_minutes}
    difference = _difference(bool(product["in_window"]), said, stretch, hours, now, target)
    return difference and f"{difference}\n  case {case}"


def _of_rules(lot: Lot, stretch: Stretch) -> str:
    """Whole rules: the timetable that they make, and the reply time that they promise."""
    hours, now, target = lot.everything(), lot.now(), lot.target()
    documents = {
        "practice": [{"kind": "bounds", "longest_closed_days": 400}, *hours.practice],
        "therapist": [*hours.therapist, {"kind": "response.target", "target": target}],
    }
    try:
        rules = resolve([Layer(name, said) for name, said in documents.items()])
    except BadRule as bad:
        return f"refused: {bad}\n  rules {documents}"
    decision = decide(rules, Attempt(now, by_client=True), Facts())
    table = rules.timetable
    said = {
        "next_open": table.next_open(now),
        "closes_at": table.closes_at(now),
        "response_due": decision.reply_by,
    }
    if decision.code == "no_future_window":
        said["response_due"] = None
    difference = _difference(table.is_open(now), said, stretch, hours, now, target)
    return difference and f"{difference}\n  now {now}\n  rules {documents}"


def _difference(
    in_window: bool,
    said: dict[str, datetime | None],
    stretch: Stretch,
    hours: Hours,
    now: datetime,
    target: Document,
) -> str:
    scanner, number = Scanner(stretch, hours), (now - stretch.start) // MINUTE
    opens = scanner.open_from(number, 1)
    if in_window != (opens == number):
        return f"in_window: product {in_window}, scanner {opens == number}"
    seen = {"next_open": opens, "closes_at": None if opens is None else scanner.open_from(opens, 0)}
    for name, minute in seen.items():
        if said[name] != stretch.at(minute) and not (minute is None and _is_far(said[name], stretch)):
            return f"{name}: product {said[name]}, scanner {stretch.at(minute)}"
    try:
        due = reply(scanner, target, number)
    except Unclear as unclear:
        far = _is_far(said["response_due"], stretch, unclear.after)
        return "" if far else f"response_due: product {said['response_due']}, scanner sees none"
    if opens is None and said["response_due"] is None:
        return ""  # nothing opens: no release, so no reply time
    shown = None if due is None else stretch.start + due * MINUTE
    return (
        ""
        if said["response_due"] == shown
        else f"response_due: product {said['response_due']}, scanner {shown}"
    )


def _is_far(at: datetime | None, stretch: Stretch, after: int | None = None) -> bool:
    """Whether an answer lies where the scanner does not look."""
    begins = stretch.end - 4 * DAY if after is None else stretch.start + after * MINUTE
    return at is None or at >= begins


def run(zone: str, start: datetime, years: int, policies: int, rng: random.Random) -> tuple[int, list[str]]:
    """Compare around every change of a zone in those years, and once where there is none."""
    middles = list(changes(zone, start, start + timedelta(days=366 * years)))
    found: list[str] = []
    for middle in middles or [start + timedelta(minutes=rng.randrange(years * 525_600))]:
        found += compare(Stretch.around(zone, middle), middle, rng, policies)
    return policies * max(1, len(middles)), found


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare rules with a minute scanner.")
    parser.add_argument("--policies", type=int, default=5_000, help="how many random policies at least")
    parser.add_argument(
        "--all-zones", action="store_true", help="every zone, however many policies that takes"
    )
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--from", dest="start", default="2026-01-01", help="first date")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    rng, begun = random.Random(asked.seed), time.monotonic()
    zones, start = all_zones(), datetime.fromisoformat(asked.start).replace(tzinfo=UTC)
    rng.shuffle(zones)
    total, differences, round_of = 0, 0, 0
    while total < asked.policies or (asked.all_zones and round_of < len(zones)):
        zone = zones[round_of % len(zones)]
        count, found = run(zone, start, asked.years, EACH, rng)
        total, differences, round_of = total + count, differences + len(found), round_of + 1
        for difference in found:
            print(f"{zone}: {difference}", flush=True)
        if round_of % 25 == 0:
            print(f"{round_of} zones, {total} policies, {differences} differences", flush=True)
    seconds = time.monotonic() - begun
    print(f"{round_of} zones, {total} policies, {differences} differences, {seconds:.0f} s")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
