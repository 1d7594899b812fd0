"""What people of the practice have to do by a time: typed callers. Codes and instants only, never content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something for one person to do. An id that is there already changes nothing."""

    task_id: bytes
    account: bytes
    kind: str
    due_at: datetime
    thread: bytes | None = None
    subject: str = ""
    """A code, such as a date or a country."""


def task_columns(tasks: Sequence[NewTask]) -> tuple[object, ...]:
    """The arguments of add_tasks.sql after the instant, which the commands that call it take too."""
    return (
        [one.task_id for one in tasks],
        [one.account for one in tasks],
        [one.thread for one in tasks],
        [one.kind for one in tasks],
        [one.subject for one in tasks],
        [one.due_at for one in tasks],
    )


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """The caller's tasks as they are stored, and the turns that wait in the caller's own threads."""

    told: list[bytes]
    turns: list[tuple[bytes, datetime]]
    """(thread, reply_by), nearest first; of placed messages only."""
    tasks: list[Record]


class Tasks:
    """Giving, reading and closing them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, practice: bytes, now: datetime, tasks: Sequence[NewTask]) -> None:
        """Give these to their people; see add_tasks.sql."""
        if tasks:
            await self._database.call_all(
                "add_tasks",
                practice,
                now,
                *task_columns(tasks),
            )

    async def mine(self, who: Asking, now: datetime) -> OpenTasks:
        """The caller's open tasks in the order in which they are due; see read_tasks.sql."""
        first, second, *rows = await self._database.call_all("read_tasks", *opening(who, now))
        turns = zip(second["turns"] or (), second["turn_replies"] or (), strict=True)
        return OpenTasks(first["told"] or [], list(turns), rows)

    async def open_ones(self, who: Asking, now: datetime) -> tuple[list[bytes], list[Record]]:
        """The accounts to wake, and all open tasks of the practice; see read_open_tasks.sql."""
        first, *rows = await self._database.call_all("read_open_tasks", *opening(who, now))
        return first["told"] or [], rows

    async def close(
        self, who: Asking, now: datetime, task: bytes, code: str, leaf: bytes, salt: bytes
    ) -> bool:
        """False: the caller has no such task. See close_task.sql."""
        row = await self._database.call_one("close_task", *opening(who, now), task, code, leaf, salt)
        return bool(row["known"])
