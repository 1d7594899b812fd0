"""What time it is: read once at the door and handed down (decisions.md D-6, D-29; guarantees.md G24).

Domain time, the time that promises and rules speak of, is `Clock.now()`. Time-outs, rate limits and ages
are measured with `Clock.monotonic()`, which no one can set. The operating system's wall clock can be wrong,
and a wrong one must not release anything early: `SystemClock` watches it against a clock that only runs
forward, and the server has it confirmed by the database's clock at start and every few seconds.
"""

import asyncio
import time
from bisect import insort
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Literal, Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NS_PER_S = 1_000_000_000
REPORTED_STEP = 2 * NS_PER_S
SUSPENDING_STEP = 60 * NS_PER_S
GRAIN = NS_PER_S // 50
"""20 ms: what two honest clocks of one machine may seem to differ by where their resolution is coarse."""
LONGEST_NAP = 1.0
"""Seconds. The clock may be turned, or step, during a sleep; so it is looked at this often."""


class Clock(Protocol):
    """The time as handlers and workers are given it."""

    def now(self) -> datetime:
        """The domain time: aware, UTC, whole milliseconds (rounded down), never less than it was before."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment, for differences only."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` has reached `instant`, at once if it has already."""
        ...


@dataclass(frozen=True)
class Suspicion:
    """Why the wall needs a second source. `noticed_at` is real time; a negative `step` is a wall behind.

    `source` is what it was compared with: `monotonic` means that this machine's wall clock stepped,
    `database` that two machines disagree.
    """

    noticed_at: datetime
    step: timedelta
    source: Literal["monotonic", "database"]


def boot_time_ns() -> int:
    """Nanoseconds since the machine started, its sleep included where the system counts it; never steps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class WallGuard:
    """The real time: the wall clock as long as it keeps step with the steady clock (both in nanoseconds).

    The *line* is the steady clock plus the offset by which the two differed. Forward steps are followed
    while their sum since the last confirmation is within 60 s, so that many small ones are worth no more
    than one large one. Beyond that, and after any step back, time goes on along the line until `confirm`.
    """

    def __init__(self, wall_ns: Callable[[], int], steady_ns: Callable[[], int]) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self.suspect: Suspicion | None = None
        self.holding = False
        self.trusted = True
        _, wall, after = self._look()
        self._offset = self._confirmed = wall - after

    def read(self) -> int:
        """Nanoseconds since 1970, by the wall or, while `holding`, by the line."""
        before, wall, after = self._look()
        if not self.holding:
            self._weigh(before, wall, after)
        return before + self._offset if self.holding else wall

    def confirm(self, database_ns: int) -> bool:
        """Compare with a second source that was read just now; whether it and the wall agree within 2 s.

        If so the wall is believed again. If not, that is noted, and from 60 s on time keeps to the line.
        A source that bears out the line instead restores `trusted`, while the wall stays suspect.
        """
        line = self.read()
        _, wall, after = self._look()
        step = wall - database_ns
        if abs(step) <= REPORTED_STEP:
            self.suspect, self.holding, self.trusted = None, False, True
            self._offset = self._confirmed = wall - after
            return True
        self._doubt(line, step, "database", hold=abs(step) > SUSPENDING_STEP)
        self.trusted = not self.holding or abs(line - database_ns) <= REPORTED_STEP
        return False

    def _look(self) -> tuple[int, int, int]:
        # The wall is read between two looks at the steady clock: when the process is stopped there for a
        # while, the three disagree by that while, and it must not be taken for a step.
        return self._steady_ns(), self._wall_ns(), self._steady_ns()

    def _weigh(self, before: int, wall: int, after: int) -> None:
        line = before + self._offset
        if wall < line - GRAIN:
            self._doubt(line, wall - line, "monotonic", hold=True)
        elif wall > after + self._offset:
            forward = wall - after - self._confirmed
            if forward > REPORTED_STEP:
                self._doubt(line, forward, "monotonic", hold=forward > SUSPENDING_STEP)
            if not self.holding:
                self._offset = wall - after

    def _doubt(self, at: int, step: int, source: Literal["monotonic", "database"], hold: bool) -> None:
        """Note the cause: the first one stays, unless what was only reported now makes time hold."""
        if self.suspect is None or (hold and not self.holding):
            self.suspect = Suspicion(_instant(at), timedelta(microseconds=step // 1000), source)
        if hold and not self.holding:
            self.holding, self.trusted = True, False


class SystemClock:
    """The guarded real time plus an offset, which is zero except in an installation made as synthetic.

    For one event loop. The sources can be handed in: `wall_ns` (since 1970), `steady_ns`, `pause` (seconds).
    """

    def __init__(
        self,
        offset: timedelta = timedelta(0),
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = boot_time_ns,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._guard = WallGuard(wall_ns, steady_ns)
        self._steady_ns = steady_ns
        self._pause = pause
        self._latest = EPOCH
        self._offset = timedelta(0)
        self.turn(offset)

    @property
    def offset(self) -> timedelta:
        """How far domain time is ahead of real time."""
        return self._offset

    @property
    def suspect(self) -> Suspicion | None:
        """A step of more than 2 s, any step back, or a disagreement with the database, until confirmed."""
        return self._guard.suspect

    @property
    def holding(self) -> bool:
        """Whether time goes on along the monotonic line because the wall is not believed."""
        return self._guard.holding

    @property
    def trusted(self) -> bool:
        """Whether releases may go on: the wall is believed, or the database bears out the line (G24)."""
        return self._guard.trusted

    def now(self) -> datetime:
        """The domain time. After a confirmed step back it stands still until the wall has caught up."""
        self._latest = max(self._latest, _whole_ms(_instant(self._guard.read()) + self._offset))
        return self._latest

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return self._steady_ns() / NS_PER_S

    async def sleep_until(self, instant: datetime) -> None:
        """Return when `now()` has reached `instant`; notices a turn of the clock within a second."""
        while (left := (_aware(instant) - self.now()).total_seconds()) > 0:
            await self._pause(min(left, LONGEST_NAP))

    def turn(self, offset: timedelta) -> None:
        """Put domain time `offset` ahead of real time; ValueError if that is less than it is now."""
        if offset < self._offset:
            raise ValueError("a clock is turned forward only")
        self._offset = offset

    def confirm(self, database_wall_time: datetime) -> bool:
        """Compare the wall with the database's clock (real time, no offset); whether they agree within 2 s.

        A database on this very machine shares its clock and cannot notice a step that both took.
        """
        return self._guard.confirm((_aware(database_wall_time) - EPOCH) // timedelta(microseconds=1) * 1000)


class TestClock:
    """A clock that stands still until it is turned. Turning wakes the sleepers whose instant has come."""

    __test__: ClassVar[bool] = False  # pytest: not a test, for all its name

    def __init__(self, start: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._start = self._now = _whole_ms(start)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """The instant it was last turned to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds it was turned by since it was made."""
        return (self._now - self._start).total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        """Wait to be turned to `instant` or beyond; sleepers wake in the order of their instants."""
        if _aware(instant) <= self._now:
            return
        self._count += 1
        turned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        insort(self._sleepers, (instant, self._count, turned))
        await turned

    async def turn_to(self, instant: datetime) -> None:
        """Make it `instant` (rounded down to milliseconds) and let those who wake take their first step."""
        if _whole_ms(instant) < self._now:
            raise ValueError("a clock is turned forward only")
        self._now = _whole_ms(instant)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            waking = self._sleepers.pop(0)[2]
            if not waking.done():  # nor cancelled
                waking.set_result(None)
        await asyncio.sleep(0)

    async def turn_by(self, step: timedelta) -> None:
        """Turn it forward by `step`."""
        await self.turn_to(self._now + step)


def _instant(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // 1000)


def _whole_ms(instant: datetime) -> datetime:
    at = _aware(instant).astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant names its zone")
    return instant
