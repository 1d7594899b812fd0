"""Commands about tasks: what somebody of the staff has to do by a time."""

from collections.abc import Iterator

import click
from msgspec.structs import asdict

from etherapy.cli.codes import CODE
from etherapy.cli.ids import choose
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import ListingGroup, count, say
from etherapy.cli.showing import show_time
from etherapy.cli.speaking import on_wall, run, speaking
from etherapy.protocol.tasks import Task
from etherapy.sdk.duties import Duties

_WORDS = {
    "urgent_follow_up": "Follow up an urgent message, and say how by a code.",
    "false_alarms": "Several flags were false alarms: talk about it. It counts for nothing else.",
    "alerts_unanswered": "Nobody on call has acknowledged an urgent message in time.",
    "promises_on_closed_date": "{subject} is closed now, and was open. What was promised for it stands: "
    "have it covered, open a window on it, or promise anew.",
    "zone_data_changed": "New zone data moves the hours of {subject}. What was promised stands: look at it.",
    "on_call_gone": "Somebody whom urgent messages call has left: name somebody else.",
    "outside_licence": "A client is in {subject} now, outside the areas of your licence.",
}


@click.group("tasks", cls=ListingGroup)
def tasks() -> None:
    """What you have to do by a time."""


@tasks.command("list")
@on_wall
@profiled
def listing(zone: str, profile: str) -> None:
    """Your open tasks, in the order in which they are due."""
    found = run(_tasks(profile))
    lines = [line for one in found for line in _shown(one, zone, profile)]
    say(lines or ["Nothing is to be done."], [_document(one) for one in found])


async def _tasks(profile: str) -> list[Task]:
    async with speaking(profile, Duties) as me:
        return await me.tasks()


def _document(task: Task) -> dict[str, object]:
    """A task with its ids as commands take them."""
    turns = [asdict(turn) | {"thread": turn.thread.hex()} for turn in task.turns]
    return asdict(task) | {"task": task.task.hex(), "turns": turns}


def _shown(task: Task, zone: str, profile: str) -> Iterator[str]:
    name, where = task.task.hex()[:8], f" (thread {task.thread})" if task.thread else ""
    yield f"{name}  due {show_time(task.due_at, zone)}{where}"
    yield f"          {_WORDS.get(task.kind, task.kind.replace('_', ' ')).format(subject=task.subject)}"
    if task.turns:
        yield f"          {count(len(task.turns), 'turn')} of what was placed and waits for an answer then:"
    for turn in task.turns:
        yield f"            thread {turn.thread.hex()[:8]}, answer due {show_time(turn.reply_by, zone)}"
    yield f"          done: {typed(f'tasks close {name} CODE', profile)}"


@tasks.command("close")
@click.argument("task")
@CODE
@profiled
def closing(task: str, code: str, profile: str) -> None:
    """TASK (the beginning of its id) is done: CODE is yours to choose, such as contacted or covered."""

    async def work() -> Task:
        async with speaking(profile, Duties) as me:
            one = choose(await me.tasks(), lambda each: each.task, task, "task of yours", "`etherapy tasks`")
            await me.close_task(one.task, code)
            return one

    one = run(work())
    say("Closed.", {"task": one.task.hex(), "code": code})


COMMANDS = (tasks,)
