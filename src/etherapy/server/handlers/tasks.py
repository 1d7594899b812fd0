"""Tasks of the practice's people: reading one's own, closing them with a code."""

from etherapy.binary import Id16
from etherapy.protocol.problems import NoSuchTask
from etherapy.protocol.tasks import CloseTask, OpenTask, OpenTasks, Task, Tasks
from etherapy.server.parts import Ctx
from etherapy.server.pseudonyms import pseudonym
from etherapy.server.tasks import CLOSED_DATE, turns_on
from etherapy.store.database import Record


async def read_tasks(ctx: Ctx) -> Tasks:
    """The caller's open tasks, in the order in which they are due."""
    found = await ctx.parts.tasks.mine(ctx.caller, ctx.now)
    ctx.parts.hub.tell(ctx.caller.practice, found.told)

    def shown(row: Record) -> Task:
        turns = turns_on(row["subject"], found.turns) if row["kind"] == CLOSED_DATE else []
        return Task(
            task=Id16(row["task_id"]),
            kind=row["kind"],
            thread=_called(row["thread_id"]),
            subject=row["subject"],
            due_at=row["due_at"],
            created_at=row["created_at"],
            turns=turns,
        )

    return Tasks([shown(row) for row in found.tasks])


async def read_open_tasks(ctx: Ctx) -> OpenTasks:
    """All open tasks of the practice, with whose they are."""
    told, rows = await ctx.parts.tasks.open_ones(ctx.caller, ctx.now)
    ctx.parts.hub.tell(ctx.caller.practice, told)
    return OpenTasks(
        [
            OpenTask(
                whose=row["display_name"],
                kind=row["kind"],
                thread=_called(row["thread_id"]),
                subject=row["subject"],
                due_at=row["due_at"],
                created_at=row["created_at"],
            )
            for row in rows
        ]
    )


def _called(thread: bytes | None) -> str:
    return "" if thread is None else pseudonym(thread)


async def close_task(ctx: Ctx, task: bytes, body: CloseTask) -> None:
    """It is done, in the way that the code says."""
    leaf, salt = ctx.parts.random(16), ctx.parts.random(32)
    if not await ctx.parts.tasks.close(ctx.caller, ctx.now, task, body.code, leaf, salt):
        raise NoSuchTask()
