"""What handlers and workers work with; wired together in main.py and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from os import urandom

from etherapy.clock import Clock
from etherapy.server.context import Context
from etherapy.server.hub import Hub
from etherapy.server.keys import ServerSecrets
from etherapy.server.memory import Memory
from etherapy.store.logs import Logs
from etherapy.store.people import People
from etherapy.store.settings import RuleSets
from etherapy.store.threads import Threads


def _nobody(_practice: bytes, _at: datetime) -> None:
    """No worker runs in this process."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The application behind the door."""

    threads: Threads
    people: People
    logs: Logs
    rule_sets: RuleSets
    secrets: ServerSecrets
    clock: Clock
    """For long polls, which answer at another time than they were asked; everything else has `ctx.now`."""
    hub: Hub = field(default_factory=Hub)
    memory: Memory = field(default_factory=Memory)
    expect: Callable[[bytes, datetime], None] = _nobody
    """Tells the worker that a practice has something due then."""
    random: Callable[[int], bytes] = urandom


Ctx = Context[Parts]
