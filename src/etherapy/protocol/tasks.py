"""Tasks: what somebody of the practice has to do by a time; codes and instants, never content."""

from datetime import datetime

from msgspec import Struct

from etherapy.binary import Id16
from etherapy.protocol.alerts import Code


class WaitingTurn(Struct, frozen=True):
    """A client's turn that waits for an answer."""

    thread: Id16
    reply_by: datetime


class Task(Struct, frozen=True):
    """An open task. `kind`: urgent_follow_up, false_alarms, alerts_unanswered, promises_on_closed_date,
    zone_data_changed, outside_licence, on_call_gone."""

    task: Id16
    kind: str
    thread: str
    """The pseudonym by which audit records name the thread, its beginning; empty: of no single one."""
    subject: str
    """A date with its zone, or a country; may be empty."""
    due_at: datetime
    created_at: datetime
    turns: list[WaitingTurn]
    """Of a closed date: the turns that were placed and are due then. What is held is in no list."""


class Tasks(Struct, frozen=True):
    """The caller's open tasks, in the order in which they are due."""

    tasks: list[Task]


class OpenTask(Struct, frozen=True):
    """An open task of anybody in the practice, for those who audit: whose, by when; no content."""

    whose: str
    kind: str
    thread: str
    subject: str
    due_at: datetime
    created_at: datetime


class OpenTasks(Struct, frozen=True):
    """All open tasks of the practice, in the order in which they are due."""

    tasks: list[OpenTask]


class CloseTask(Struct, frozen=True, forbid_unknown_fields=True):
    """How it was done, such as `contacted`, `covered`, `worked_the_window`, `re_promised`."""

    code: Code
