"""The clock under every fault of guarantees.md 3.17, with sources turned by hand: no test here waits."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.clock import EPOCH, Clock, Suspicion, SystemClock, TestClock, boot_time_ns

START = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
MS = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)


def ns(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1) * 1000


class Machine:
    """A machine's two clocks: `passes` moves both, `steps` only the wall."""

    def __init__(self) -> None:
        self.wall = ns(START)
        self.steady = 5_000_000_000
        self.naps: list[float] = []
        self.stopped_for = timedelta(0)

    def passes(self, span: timedelta) -> None:
        self.wall += span // timedelta(microseconds=1) * 1000
        self.steady += span // timedelta(microseconds=1) * 1000

    def steps(self, span: timedelta) -> None:
        self.wall += span // timedelta(microseconds=1) * 1000

    def wall_ns(self) -> int:
        # A stop of the process just before, or just after, the wall is read.
        if self.stopped_for:
            self.passes(self.stopped_for)
        wall = self.wall
        if self.stopped_for:
            self.passes(self.stopped_for)
        return wall

    async def pause(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.passes(timedelta(seconds=seconds))

    def real(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.wall // 1000)

    def clock(self, offset: timedelta = timedelta(0)) -> SystemClock:
        return SystemClock(offset, wall_ns=self.wall_ns, steady_ns=lambda: self.steady, pause=self.pause)


def may_release(clock: SystemClock) -> bool:
    return clock.trusted


def reported(clock: SystemClock) -> Suspicion | None:
    return clock.suspect


def test_the_time_is_aware_utc_and_floored_to_milliseconds():
    machine = Machine()
    clock = machine.clock()
    machine.passes(timedelta(microseconds=12_999))
    assert clock.now() == START + 12 * MS
    assert clock.now().tzinfo is UTC


def test_the_real_clocks_agree_with_themselves():
    clock = SystemClock()
    before = time.time()
    readings = [clock.now() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert abs(readings[0].timestamp() - before) < 2
    assert reported(clock) is None
    assert may_release(clock)
    assert clock.monotonic() <= boot_time_ns() / 1e9


def test_a_machine_that_runs_for_a_year_without_steps_is_never_suspect():
    machine = Machine()
    clock = machine.clock()
    for day in range(365):
        machine.passes(timedelta(days=1))
        assert clock.now() == START + timedelta(days=day + 1)
    assert reported(clock) is None


def test_a_process_stopped_between_two_looks_is_not_a_step():
    machine = Machine()
    clock = machine.clock()
    machine.stopped_for = timedelta(minutes=10)
    first, second = clock.now(), clock.now()
    assert first < second
    assert reported(clock) is None
    assert not clock.holding
    machine.stopped_for = timedelta(0)
    machine.steps(-timedelta(minutes=5))
    assert clock.now() == machine.real() + timedelta(minutes=5)
    assert reported(clock) is not None


@pytest.mark.parametrize("step", [timedelta(hours=24), timedelta(hours=1), timedelta(seconds=61)])
def test_a_forward_jump_of_more_than_a_minute_makes_nothing_early_until_confirmed(step: timedelta):
    machine = Machine()
    clock = machine.clock()
    machine.passes(10 * SECOND)
    machine.steps(step)
    assert clock.now() == START + 10 * SECOND
    assert clock.holding
    assert not may_release(clock)
    assert reported(clock) == Suspicion(START + 10 * SECOND, step, "monotonic")
    machine.passes(5 * SECOND)
    assert clock.now() == START + 15 * SECOND
    assert clock.confirm(machine.real())
    assert clock.now() == START + 15 * SECOND + step
    assert reported(clock) is None
    assert may_release(clock)


@pytest.mark.parametrize("step", [timedelta(seconds=3), timedelta(seconds=60)])
def test_a_forward_step_of_up_to_a_minute_is_followed_and_reported(step: timedelta):
    machine = Machine()
    clock = machine.clock()
    machine.steps(step)
    assert clock.now() == START + step
    assert reported(clock) == Suspicion(START, step, "monotonic")
    assert may_release(clock)
    assert clock.confirm(machine.real())
    assert reported(clock) is None


def test_a_step_of_two_seconds_is_followed_in_silence():
    machine = Machine()
    clock = machine.clock()
    machine.steps(2 * SECOND)
    assert clock.now() == START + 2 * SECOND
    assert reported(clock) is None


def test_many_small_forward_steps_are_worth_no_more_than_one_large_one():
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.steps(1900 * MS)
        clock.now()
    assert clock.now() - START <= timedelta(seconds=60)
    assert clock.holding
    assert not may_release(clock)


@pytest.mark.parametrize("step", [timedelta(hours=24), timedelta(minutes=10), SECOND, 50 * MS])
def test_after_any_step_back_time_goes_on_as_if_nothing_had_happened(step: timedelta):
    machine = Machine()
    clock = machine.clock()
    machine.passes(10 * SECOND)
    assert clock.now() == START + 10 * SECOND
    machine.steps(-step)
    assert clock.now() == START + 10 * SECOND
    machine.passes(7 * SECOND)
    assert clock.now() == START + 17 * SECOND
    assert clock.holding
    assert reported(clock) == Suspicion(START + 10 * SECOND, -step, "monotonic")


def test_a_confirmed_step_back_makes_time_stand_still_until_the_wall_has_caught_up():
    machine = Machine()
    clock = machine.clock()
    machine.passes(timedelta(minutes=10))
    latest = clock.now()
    machine.steps(-timedelta(minutes=3))
    assert clock.confirm(machine.real())
    assert clock.now() == latest
    machine.passes(timedelta(minutes=2))
    assert clock.now() == latest
    machine.passes(timedelta(minutes=2))
    assert clock.now() == latest + timedelta(minutes=1) == machine.real()
    assert may_release(clock)


def test_a_step_back_each_minute_never_turns_time_back_and_never_makes_it_early():
    machine = Machine()
    clock = machine.clock()
    for minute in range(60):
        machine.passes(timedelta(minutes=1))
        machine.steps(-SECOND)
        assert clock.now() == START + timedelta(minutes=minute + 1)


def test_a_frozen_wall_is_left_behind():
    machine = Machine()
    clock = machine.clock()
    machine.passes(timedelta(minutes=10))
    machine.steps(-timedelta(minutes=10))
    assert clock.now() == START + timedelta(minutes=10)
    assert clock.holding


def test_a_database_that_bears_out_the_line_lets_releases_go_on_while_the_wall_stays_suspect():
    machine = Machine()
    clock = machine.clock()
    machine.steps(timedelta(hours=24))
    assert clock.now() == START
    assert not may_release(clock)
    assert not clock.confirm(START + SECOND)
    assert may_release(clock)
    assert clock.holding
    assert reported(clock) == Suspicion(START, timedelta(hours=24), "monotonic")
    assert clock.now() == START


@pytest.mark.parametrize("step", [timedelta(hours=24), -timedelta(hours=24)])
def test_a_database_that_jumps_is_reported_and_stops_releases_until_it_is_mended(step: timedelta):
    machine = Machine()
    clock = machine.clock()
    assert clock.confirm(machine.real())
    assert not clock.confirm(machine.real() + step)
    assert reported(clock) == Suspicion(START, -step, "database")
    assert not may_release(clock)
    machine.passes(SECOND)
    assert clock.now() == START + SECOND
    assert clock.confirm(machine.real())
    assert may_release(clock)


def test_a_node_ahead_of_the_database_from_the_start_is_not_trusted():
    machine = Machine()
    machine.steps(timedelta(hours=24))
    clock = machine.clock()
    assert not clock.confirm(START)
    assert not may_release(clock)


@pytest.mark.parametrize(("apart", "agree"), [(2 * SECOND, True), (-2 * SECOND, True), (2001 * MS, False)])
def test_two_machines_agree_within_two_seconds(apart: timedelta, agree: bool):
    machine = Machine()
    clock = machine.clock()
    assert clock.confirm(machine.real() + apart) is agree
    assert (clock.suspect is None) is agree
    assert may_release(clock)


def test_small_disagreements_confirmed_one_by_one_do_not_add_up():
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.steps(SECOND)
        assert clock.now() == machine.real()
        assert clock.confirm(machine.real())
        assert clock.now() == machine.real()
    assert may_release(clock)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["passes", "steps", "confirm", "turn"]),
            st.integers(-86_400_000, 86_400_000),
        ),
        max_size=30,
    )
)
def test_whatever_happens_time_never_goes_back(events: list[tuple[str, int]]):
    machine = Machine()
    clock = machine.clock()
    latest = clock.now()
    for event, size in events:
        span = size * MS
        if event == "passes":
            machine.passes(abs(span))
        elif event == "steps":
            machine.steps(span)
        elif event == "confirm":
            clock.confirm(machine.real() + span)
        else:
            clock.turn(clock.offset + abs(span))
        assert clock.now() >= latest
        latest = clock.now()


@given(st.lists(st.tuples(st.integers(0, 600_000), st.integers(-86_400_000, 86_400_000)), max_size=30))
def test_unconfirmed_steps_never_make_it_more_than_a_minute_later_than_it_is(events: list[tuple[int, int]]):
    machine = Machine()
    clock = machine.clock()
    truth = START
    for passed, step in events:
        machine.passes(passed * MS)
        truth += passed * MS
        machine.steps(step * MS)
        assert clock.now() <= truth + timedelta(seconds=60)


def test_a_turned_clock_is_ahead_and_is_not_a_jump():
    machine = Machine()
    clock = machine.clock()
    clock.turn(timedelta(days=3))
    assert clock.now() == START + timedelta(days=3)
    assert clock.offset == timedelta(days=3)
    assert reported(clock) is None
    assert clock.confirm(machine.real())
    assert clock.now() == START + timedelta(days=3)


def test_jumps_are_watched_on_the_real_clocks_of_a_turned_clock():
    machine = Machine()
    clock = machine.clock(offset=timedelta(days=3))
    machine.steps(timedelta(hours=24))
    assert clock.now() == START + timedelta(days=3)
    assert clock.holding


def test_a_clock_is_turned_forward_only():
    clock = Machine().clock(offset=timedelta(hours=2))
    with pytest.raises(ValueError, match="forward only"):
        clock.turn(timedelta(hours=1))
    clock.turn(timedelta(hours=2))
    with pytest.raises(ValueError, match="forward only"):
        Machine().clock(offset=-SECOND)


def test_monotonic_time_takes_no_notice_of_steps_and_turns():
    machine = Machine()
    clock = machine.clock()
    before = clock.monotonic()
    machine.steps(timedelta(hours=5))
    clock.turn(timedelta(days=1))
    machine.passes(3 * SECOND)
    assert clock.monotonic() - before == pytest.approx(3)


async def test_a_sleeper_wakes_at_its_instant_and_not_before():
    machine = Machine()
    clock = machine.clock()
    await clock.sleep_until(START + 3400 * MS)
    assert clock.now() == START + 3400 * MS
    assert machine.naps == pytest.approx([1, 1, 1, 0.4])
    await clock.sleep_until(START)
    assert len(machine.naps) == 4


async def test_a_sleeper_notices_a_turn_within_a_second():
    machine = Machine()
    clock = SystemClock(wall_ns=machine.wall_ns, steady_ns=lambda: machine.steady, pause=lambda s: nap(s))

    async def nap(seconds: float) -> None:
        await machine.pause(seconds)
        clock.turn(timedelta(days=1))

    await clock.sleep_until(START + timedelta(hours=20))
    assert machine.naps == [1]


async def test_a_sleeper_is_not_woken_early_by_a_jump_of_the_wall():
    machine = Machine()
    clock = machine.clock()
    machine.steps(timedelta(hours=24))
    await clock.sleep_until(START + 10 * SECOND)
    assert machine.steady == 15_000_000_000


async def test_an_instant_names_its_zone():
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        Machine().clock().confirm(naive)
    with pytest.raises(ValueError, match="zone"):
        await Machine().clock().sleep_until(naive)
    with pytest.raises(ValueError, match="zone"):
        TestClock(naive)


async def test_a_clock_turned_by_hand_stands_still_between_turns():
    clock = TestClock(START)
    assert clock.now() == START
    await clock.turn_by(timedelta(microseconds=1_999))
    assert clock.now() == START + MS
    await clock.turn_to(datetime(2026, 3, 29, 1, 30, tzinfo=timezone(timedelta(hours=2))))
    assert clock.now() == START + timedelta(hours=1)
    assert clock.monotonic() == 3600
    with pytest.raises(ValueError, match="forward only"):
        await clock.turn_to(START)


async def test_turning_wakes_those_whose_instant_has_come_in_their_order():
    clock = TestClock(START)
    woken: list[int] = []

    async def sleeper(hours: int) -> None:
        await clock.sleep_until(START + timedelta(hours=hours))
        woken.append(hours)

    async with asyncio.TaskGroup() as group:
        for hours in (3, 1, 2, 0, 5):
            group.create_task(sleeper(hours))
        await asyncio.sleep(0)
        assert woken == [0]
        await clock.turn_by(timedelta(hours=3))
        assert woken == [0, 1, 2, 3]
        await clock.turn_by(timedelta(hours=2))
    assert woken == [0, 1, 2, 3, 5]


async def test_a_sleeper_that_was_cancelled_is_forgotten():
    clock = TestClock(START)
    task = asyncio.create_task(clock.sleep_until(START + SECOND))
    await asyncio.sleep(0)
    task.cancel()
    await clock.turn_by(2 * SECOND)
    assert task.cancelled()


def test_both_clocks_are_clocks():
    clocks: list[Clock] = [Machine().clock(), TestClock(START)]
    assert [clock.now() for clock in clocks] == [START, START]
