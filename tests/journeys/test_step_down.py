"""S-17: fewer messages from a date on, announced before; late notice moves the date."""

from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from etherapy.clock import TestClock
from etherapy.rules.kinds.budget_count import BudgetCount
from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, furnish


@pytest.fixture
def clock() -> TestClock:
    """Thursday, 1 October 2026."""
    return TestClock(datetime(2026, 10, 1, 15, 0, tzinfo=UTC))


def step_down(notice_days: int = 14) -> list[dict[str, Any]]:
    """Three a week, and from Monday 2 November one."""
    three, one = ({"kind": "budget.count", "limits": [{"n": n, "per": "week"}]} for n in (3, 1))
    phases = [
        {"name": "standard"},
        {"name": "step_down_1", "begins": "2026-11-02", "notice_days": notice_days, "rules": [one]},
    ]
    return [three, {"kind": "phase", "phases": phases}]


@pytest.mark.parametrize(
    ("announced", "begins"),
    [
        (datetime(2026, 10, 19, 15, 0, tzinfo=UTC), date(2026, 11, 2)),
        (datetime(2026, 10, 22, 15, 0, tzinfo=UTC), date(2026, 11, 5)),
    ],
)
async def test_s_17_a_phase_begins_on_its_date_and_never_before_its_notice_has_run_out(
    server: RunningServer, stack: AsyncExitStack, announced: datetime, begins: date
) -> None:
    story = await furnish(server, stack, VALE)
    await story.turn_to(announced)
    await story.therapist.set_agreement(story.thread, step_down())
    await story.client.sync()
    rules = await story.client.thread_rules(story.thread)
    midnight = datetime(begins.year, begins.month, begins.day, 5, tzinfo=UTC)  # 00:00 in New York
    before, after = (
        rules.the(BudgetCount, midnight - timedelta(milliseconds=1)),
        rules.the(BudgetCount, midnight),
    )
    assert (before.limits[0].n, after.limits[0].n) == (3, 1)
    await story.turn_to(midnight + timedelta(hours=10))
    sent = await story.client.send(story.thread, "The first of the week")
    assert sent.decision.left == 0


async def test_the_author_of_a_phase_cannot_say_that_it_was_announced_before(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, VALE)
    await story.turn_to(datetime(2026, 10, 22, 15, 0, tzinfo=UTC))
    rules = step_down()
    rules[1]["phases"][1]["announced"] = "2026-10-01"
    await story.therapist.set_agreement(story.thread, rules)
    await story.client.sync()
    held = await story.client.thread_rules(story.thread)
    third = datetime(2026, 11, 3, 15, 0, tzinfo=UTC)
    assert held.the(BudgetCount, third).limits[0].n == 3, "its notice began when the rules came into force"
    kept = await story.therapist.agreement(story.thread)
    await story.turn_to(datetime(2026, 10, 25, 15, 0, tzinfo=UTC))
    await story.therapist.set_agreement(story.thread, kept.rules)
    await story.client.sync()
    again = await story.client.thread_rules(story.thread)
    assert again.the(BudgetCount, datetime(2026, 11, 5, 15, 0, tzinfo=UTC)).limits[0].n == 1, (
        "what was announced stays announced"
    )
