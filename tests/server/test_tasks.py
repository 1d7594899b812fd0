"""Tasks: whose they are, in which order, closed once and on record; nothing of what is held in any."""

import os
from datetime import timedelta

import pytest

from etherapy.protocol import endpoints
from etherapy.protocol.tasks import CloseTask, Task
from etherapy.store.tasks import NewTask, Tasks
from tests.server.asking import Answer, Ask
from tests.server.called import leaves
from tests.server.clinic import MORNING, NIGHT, Clinic

HOUR = timedelta(hours=1)


async def tasks_of(clinic: Clinic, who: str) -> list[Task]:
    return (await clinic.line.call(endpoints.read_tasks, token=clinic.people[who].token)).tasks


async def close(clinic: Clinic, who: str, task: bytes, code: str = "contacted") -> Answer:
    ask = Ask("POST", endpoints.close_task.fill({"task": task}), "", CloseTask(code))
    return await clinic.line.ask(ask, clinic.people[who].token)


async def give(clinic: Clinic, who: str, kind: str, hours: int) -> bytes:
    """A task of somebody's, due in so many hours; its id."""
    task = NewTask(os.urandom(16), clinic.people[who].account, kind, NIGHT + hours * HOUR)
    await Tasks(clinic.database).add(clinic.people[who].practice, NIGHT, [task, task])
    return task.task_id


async def test_each_urgent_message_has_one_follow_up_for_the_owner_due_at_the_opening(clinic: Clinic) -> None:
    before = len(await tasks_of(clinic, "A.therapist"))
    await clinic.say("A.client", "urgent", clinic.talks["A.client"], urgent=True)
    await clinic.make_rounds()
    found = await tasks_of(clinic, "A.therapist")
    assert len(found) == before + 1
    assert {(one.kind, one.due_at) for one in found} == {("urgent_follow_up", MORNING)}
    assert found[0].thread in {talk.thread.hex()[:8] for talk in clinic.talks.values()}
    assert await tasks_of(clinic, "A.supervisor") == []


async def test_a_message_that_is_held_gives_nobody_a_task(clinic: Clinic) -> None:
    everybody = ("A.therapist", "A.other_therapist", "A.supervisor", "A.administrator")
    before = [await tasks_of(clinic, who) for who in everybody]
    await clinic.say("A.client", "held once more", clinic.talks["A.client"])
    await clinic.make_rounds()
    assert [await tasks_of(clinic, who) for who in everybody] == before


async def test_they_come_in_the_order_in_which_they_are_due_and_once_each(clinic: Clinic) -> None:
    given = [await give(clinic, "A.supervisor", f"kind_{hours}", hours) for hours in (5, 2, 9)]
    found = await tasks_of(clinic, "A.supervisor")
    assert [one.kind for one in found] == ["kind_2", "kind_5", "kind_9"]
    assert {bytes(one.task) for one in found} == set(given)


async def test_a_task_is_closed_once_by_whose_it_is_and_that_is_on_record(clinic: Clinic) -> None:
    task = await give(clinic, "A.supervisor", "alerts_unanswered", 1)
    for stranger in ("A.administrator", "A.therapist", "B.supervisor"):
        assert (await close(clinic, stranger, task)).status == 404
    assert len(await tasks_of(clinic, "A.supervisor")) == 1
    for _ in range(2):
        assert (await close(clinic, "A.supervisor", task)).status == 204
    assert await tasks_of(clinic, "A.supervisor") == []
    assert await leaves(clinic, "task.closed", clinic.people["A.supervisor"]) == 1


@pytest.mark.parametrize("code", ["", "Contacted", "two words", "x" * 41, "1st"])
async def test_a_code_is_a_code(clinic: Clinic, code: str) -> None:
    task = await give(clinic, "A.supervisor", "alerts_unanswered", 1)
    assert (await close(clinic, "A.supervisor", task, code)).status in (400, 422)
    assert len(await tasks_of(clinic, "A.supervisor")) == 1


async def test_who_audits_sees_all_open_ones_of_the_practice_and_of_no_other(clinic: Clinic) -> None:
    await give(clinic, "A.therapist", "false_alarms", 3)
    await give(clinic, "B.therapist", "outside_licence", 3)
    token = clinic.people["A.supervisor"].token
    found = (await clinic.line.call(endpoints.read_open_tasks, token=token)).tasks
    kinds = [one.kind for one in found]
    assert "false_alarms" in kinds and "outside_licence" not in kinds
    assert kinds.count("urgent_follow_up") == 2 * sum(name[0] == "A" for name in clinic.talks)
    assert [one.due_at for one in found] == sorted(one.due_at for one in found)
