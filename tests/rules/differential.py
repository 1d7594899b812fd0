"""A second opinion on timetables: a slow scanner that looks at every minute of a wall.

The scanner knows windows, dates and minutes, and nothing of segments, gaps or passes. Its clock is that of
another library (dateutil) over the same zone files, so that only the algorithms differ. Its one idea: a
boundary is reached once the wall has shown it or anything later, so it follows the latest face that the
wall has shown so far.

    python -m tests.rules.differential --all-zones --years 3 [--policies 20] [--seed 1]
"""

import argparse
import io
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib.resources import files

from dateutil import tz

from etherapy.rules.evaluate import evaluate_case
from etherapy.rules.windows import WEEKDAYS

MINUTE = timedelta(minutes=1)
BEFORE, AFTER = timedelta(days=3), timedelta(days=7)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a face of a wall clock
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=1024)
def clock_of(zone: str) -> tzinfo:
    """The other library's clock, from the files of the pinned package."""
    data = files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    return tz.tzfile(io.BytesIO(data))


def all_zones() -> list[str]:
    return files("tzdata").joinpath("zones").read_text("utf-8").split()


def changes(zone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes (UTC) at which the zone's offset changes, found by looking every half day and then
    closer."""
    clock, step = clock_of(zone), timedelta(hours=12)
    low = start
    while low < end:
        high = low + step
        if _offset(clock, low) != _offset(clock, high):
            yield _narrowed(clock, low, high)
        low = high


def _narrowed(clock: tzinfo, low: datetime, high: datetime) -> datetime:
    old = _offset(clock, low)
    while high - low > MINUTE:
        middle = low + (high - low) // 2
        middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
        low, high = (middle, high) if _offset(clock, middle) == old else (low, middle)
    return high


def _offset(clock: tzinfo, at: datetime) -> timedelta:
    offset = at.astimezone(clock).utcoffset()
    assert offset is not None
    return offset


@dataclass
class Stretch:
    """Some days of a zone, minute by minute: the latest face that its wall has shown so far."""

    zone: str
    start: datetime
    faces: list[int]
    """Minutes since 1970-01-01 00:00 on the wall, one for each minute from `start`."""

    @classmethod
    def around(cls, zone: str, middle: datetime) -> "Stretch":
        clock, start, faces, latest = clock_of(zone), middle - BEFORE, [], 0
        for number in range((BEFORE + AFTER) // MINUTE):
            face = (start + number * MINUTE).astimezone(clock).replace(tzinfo=None)
            latest = max(latest, (face - _WALL_EPOCH) // MINUTE)
            faces.append(latest)
        return cls(zone, start, faces)


@dataclass
class Policy:
    """Weekly windows and exceptions as a conformance case has them, and what the scanner makes of them."""

    weekly: list[dict[str, object]]
    exceptions: list[dict[str, object]]
    _painted: dict[int, bytearray] = field(default_factory=dict)

    def is_open(self, face: int) -> bool:
        """Whether that minute of the wall lies in a window."""
        day, minute = divmod(face, 1440)
        if day not in self._painted:
            self._painted[day] = self._paint(day)
        return bool(self._painted[day][minute])

    def _paint(self, day: int) -> bytearray:
        """A date minute by minute: what starts on it, and what reaches into it from the date before."""
        minutes = bytearray(1440)
        for start, end in self._starting(day):
            minutes[start : min(end, 1440)] = b"\1" * (min(end, 1440) - start)
        if not self._is_closed(day):
            for _, end in self._starting(day - 1):
                if end > 1440:
                    minutes[0 : end - 1440] = b"\1" * (end - 1440)
        return minutes

    def _starting(self, day: int) -> list[tuple[int, int]]:
        exception = self._exception(day)
        kind = exception["kind"] if exception else None
        weekday = WEEKDAYS[(day + 3) % 7]
        found = [w for w in self.weekly if weekday in w["days"]]  # type: ignore[operator]
        if kind in ("closed", "replace"):
            found = []
        if exception and kind != "closed":
            found = found + list(exception["windows"])  # type: ignore[call-overload]
        return [_minutes(window) for window in found]

    def _is_closed(self, day: int) -> bool:
        exception = self._exception(day)
        return exception is not None and exception["kind"] == "closed"

    def _exception(self, day: int) -> dict[str, object] | None:
        wanted = date.fromordinal(day + _EPOCH_ORDINAL).isoformat()
        return next((e for e in self.exceptions if e["date"] == wanted), None)


def _minutes(window: dict[str, object]) -> tuple[int, int]:
    start, end = (int(str(window[k])[:2]) * 60 + int(str(window[k])[3:]) for k in ("start", "end"))
    return (start, end) if end > start else (start, end + 1440)


@dataclass
class Answers:
    """What follows for one instant; None: not within the stretch."""

    in_window: bool
    next_open: datetime | None = None
    closes_at: datetime | None = None
    response_due: datetime | None = None


def scan(stretch: Stretch, policy: Policy, now: datetime, open_minutes: int) -> Answers:
    """Walk through the minutes from `now` on, looking at the wall."""
    first = (now - stretch.start) // MINUTE
    answers, left = Answers(policy.is_open(stretch.faces[first])), open_minutes
    for number in range(first, len(stretch.faces)):
        is_open, at = policy.is_open(stretch.faces[number]), stretch.start + number * MINUTE
        if answers.next_open is None:
            if not is_open:
                continue
            answers.next_open = at
        if left == 0 and answers.response_due is None:
            answers.response_due = at
        if not is_open and answers.closes_at is None:
            answers.closes_at = at
        if answers.closes_at and answers.response_due:
            break
        left -= is_open
    return answers


def random_policy(rng: random.Random, middle: datetime, zone: str) -> Policy:
    """Windows of all sorts, many of them with a boundary within two hours of the change of the clock."""
    local = middle.astimezone(clock_of(zone))
    near = local.hour * 60 + local.minute
    weekly: list[dict[str, object]] = []
    for _ in range(rng.randint(0, 4)):
        days = rng.sample(WEEKDAYS, rng.randint(1, 7))
        weekly.append({"days": days, **_random_window(rng, near)})
    exceptions: list[dict[str, object]] = []
    for offset in rng.sample(range(-2, 5), rng.randint(0, 3)):
        day = (local + timedelta(days=offset)).date().isoformat()
        kind = rng.choice(["closed", "replace", "add"])
        windows = [_random_window(rng, near) for _ in range(rng.randint(1 if kind == "add" else 0, 2))]
        exceptions.append({"date": day, "kind": kind} | ({} if kind == "closed" else {"windows": windows}))
    return Policy(weekly, exceptions)


def _random_window(rng: random.Random, near: int) -> dict[str, object]:
    def boundary() -> int:
        if rng.random() < 0.6:
            return (near + rng.choice([rng.randint(-120, 120), rng.choice([-60, -30, 0, 30, 60])])) % 1440
        return rng.choice([0, rng.randrange(1440), 15 * rng.randrange(96)])

    start, end = boundary(), rng.choice([boundary(), 1440])
    while end == start:
        end = rng.randrange(1, 1441)
    return {"start": _hhmm(start), "end": _hhmm(end)}


def _hhmm(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def compare(stretch: Stretch, middle: datetime, rng: random.Random, policies: int) -> list[str]:
    """The differences between scanner and product for random policies around one change, as text."""
    found = []
    for _ in range(policies):
        policy = random_policy(rng, middle, stretch.zone)
        span = 120 if rng.random() < 0.8 else 2 * 1440
        now = middle + timedelta(minutes=rng.randint(-span, span))
        target = rng.choice([0, rng.randint(0, 120), rng.randint(0, 1500)])
        case = {
            "id": "differential",
            "zone": stretch.zone,
            "weekly": policy.weekly,
            "exceptions": policy.exceptions,
            "now": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "response_target_open_minutes": target,
        }
        difference = _difference(evaluate_case(case), scan(stretch, policy, now, target), stretch)
        if difference:
            found.append(f"{difference}\n  case {case}")
    return found


def _difference(product: dict[str, object], scanner: Answers, stretch: Stretch) -> str:
    end = stretch.start + len(stretch.faces) * MINUTE
    if "error" in product:
        return f"refused: {product['error']}"
    if product["in_window"] != scanner.in_window:
        return f"in_window: product {product['in_window']}, scanner {scanner.in_window}"
    for name in ("next_open", "closes_at", "response_due"):
        said, seen = product[name], getattr(scanner, name)
        at = None if said is None else datetime.fromisoformat(str(said))
        if at != seen and not (seen is None and (at is None or at >= end)):
            return f"{name}: product {at}, scanner {seen}"
    return ""


def run(
    zones: list[str], start: datetime, years: int, policies: int, rng: random.Random
) -> tuple[int, list[str]]:
    """Compare around every change of the zones in those years, and once where there is none."""
    count, found = 0, []
    for zone in zones:
        middles = list(changes(zone, start, start + timedelta(days=366 * years)))
        for middle in middles or [start + timedelta(minutes=rng.randrange(years * 525_600))]:
            found += compare(Stretch.around(zone, middle), middle, rng, policies)
            count += policies
    return count, found


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare timetables with a minute scanner.")
    parser.add_argument("--all-zones", action="store_true", help="every zone, instead of forty drawn by lot")
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--from", dest="start", default="2026-01-01", help="first date")
    parser.add_argument("--policies", type=int, default=20, help="random policies for each change of a clock")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    rng, begun = random.Random(asked.seed), time.monotonic()
    zones = all_zones() if asked.all_zones else rng.sample(all_zones(), 40)
    start = datetime.fromisoformat(asked.start).replace(tzinfo=UTC)
    total, differences = 0, 0
    for number, zone in enumerate(zones, 1):
        count, found = run([zone], start, asked.years, asked.policies, rng)
        total, differences = total + count, differences + len(found)
        for difference in found:
            print(f"{zone}: {difference}", flush=True)
        if number % 25 == 0:
            print(f"{number} of {len(zones)} zones, {total} policies, {differences} differences", flush=True)
    seconds = time.monotonic() - begun
    print(f"{len(zones)} zones, {total} policies, {differences} differences, {seconds:.0f} s")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
