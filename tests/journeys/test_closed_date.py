"""S-21: a holiday is added three days ahead, on a day for which answers were promised: promises stay."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from etherapy.sdk.administrator import Administrator
from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, Story, furnish

MONDAY = datetime(2026, 6, 15, 14, 0, tzinfo=UTC)
"""Monday 10:00 in New York. The holiday will be Thursday 18 June."""
WEDNESDAY = datetime(2026, 6, 17, 14, 0, tzinfo=UTC)
DUE = datetime(2026, 6, 18, 21, 0, tzinfo=UTC)
SUBJECT = "2026-06-18 America/New_York"
TWO_DAYS = {"kind": "response.target", "target": {"count": "business_days", "n": 3}}
RULES: list[dict[str, Any]] = [rule if rule["kind"] != "response.target" else TWO_DAYS for rule in VALE]


def with_holiday(*dates: str) -> list[dict[str, Any]]:
    corrected = {
        "kind": "holiday.calendar",
        "snapshot": "corrected",
        "dates": [{"date": one} for one in dates],
    }
    return [*RULES, corrected]


async def closed_dates(story: Story) -> list[tuple[str, int]]:
    """Subjects of Dr Vale's tasks of that kind, with how many turns each names."""
    found = await story.therapist.tasks()
    return [(one.subject, len(one.turns)) for one in found if one.kind == "promises_on_closed_date"]


async def test_s_21_promises_stay_and_the_therapist_gets_a_task_that_lists_them(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, RULES)
    await story.turn_to(MONDAY)
    clients = [(story.client, story.thread), *[await story.another_client() for _ in range(3)]]
    sent = [await one.send(thread, f"For Thursday, {n}") for n, (one, thread) in enumerate(clients)]
    assert {one.promise.reply_by for one in sent} == {DUE}
    assert await closed_dates(story) == []
    await story.therapist.set_rules(with_holiday("2026-06-18"))
    assert await closed_dates(story) == [(SUBJECT, 4)]
    [task] = [one for one in await story.therapist.tasks() if one.turns]
    assert {turn.reply_by for turn in task.turns} == {DUE}
    assert {bytes(turn.thread) for turn in task.turns} == {thread for _, thread in clients}
    for (one, thread), before in zip(clients, sent, strict=True):
        explained = await one.explain(thread, before.mid)
        assert explained.reply_by == DUE  # nothing moved
    await story.therapist.sync()
    await story.therapist.send(story.thread, "An answer before the holiday")
    assert await closed_dates(story) == [(SUBJECT, 3)]
    await story.therapist.close_task(task.task, "worked_the_window")
    assert await closed_dates(story) == []
    later = await story.client.send(story.thread, "After the change")
    assert later.promise.reply_by == datetime(2026, 6, 19, 21, 0, tzinfo=UTC)


async def test_the_task_is_the_same_whether_or_not_something_is_held_or_promised(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    """What waits, nobody but its sender may notice: not by a task that is there, nor by one that is not."""
    seen = []
    for writes in (True, False):
        story = await furnish(server, stack, RULES)
        if writes:
            await story.turn_to(datetime(2026, 6, 16, 1, 0, tzinfo=UTC))
            held = await story.client.send(story.thread, "Monday night")
            assert held.state == "held"
            assert held.promise.reply_by == datetime(2026, 6, 19, 21, 0, tzinfo=UTC)
        else:
            await story.turn_to(datetime(2026, 6, 16, 1, 0, tzinfo=UTC))
        await story.therapist.set_rules(with_holiday("2026-06-19"))
        seen.append([(one.kind, one.subject, one.due_at, one.turns) for one in await story.therapist.tasks()])
    assert seen[0] == seen[1]
    assert [subject for _, subject, _, _ in seen[0]] == ["2026-06-19 America/New_York"]


async def test_the_practice_closes_a_date_and_each_therapist_whose_it_was_gets_a_task(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, RULES)
    office = await story.enrol(Administrator, "administrator", "Ola")
    await story.turn_to(WEDNESDAY)
    await office.set_rules(
        with_holiday("2026-06-18", "2026-06-20")
    )  # the second is a Saturday: it was closed
    assert [subject for subject, _ in await closed_dates(story)] == [SUBJECT]
    assert await office.tasks() == []


async def test_other_hours_on_a_date_that_stays_open_and_dates_that_open_ask_for_nothing(
    story: Story,
) -> None:
    await story.turn_to(WEDNESDAY)
    hours = [{"start": "13:00", "end": "15:00"}]
    shorter = {"kind": "window.exception", "date": "2026-06-18", "effect": "replace", "windows": hours}
    saturday = {"kind": "window.exception", "date": "2026-06-20", "effect": "add", "windows": hours}
    await story.therapist.set_rules([*VALE, shorter, saturday])
    assert await story.therapist.tasks() == []
