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
from etherapy.server.passphrases import Hashing
from etherapy.store.alerts import Alerts
from etherapy.store.devices import Devices
from etherapy.store.healing import Healing
from etherapy.store.logs import Logs
from etherapy.store.membership import Membership
from etherapy.store.passphrases import Passphrases
from etherapy.store.people import People
from etherapy.store.settings import RuleSets
from etherapy.store.tasks import Tasks
from etherapy.store.threads import Threads


def _nobody(_practice: bytes, _at: datetime) -> None:
    """No worker runs in this process."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The application behind the door."""

    threads: Threads
    membership: Membership
    people: People
    devices: Devices
    passphrases: Passphrases
    logs: Logs
    healing: Healing
    rule_sets: RuleSets
    alerts: Alerts
    tasks: Tasks
    secrets: ServerSecrets
    clock: Clock
    """For long polls, which answer at another time than they were asked; everything else has `ctx.now`."""
    hub: Hub = field(default_factory=Hub)
    memory: Memory = field(default_factory=Memory)
    hashing: Hashing = field(default_factory=Hashing)
    expect: Callable[[bytes, datetime], None] = _nobody
    """Tells the worker that a practice has something due then."""
    random: Callable[[int], bytes] = urandom


Ctx = Context[Parts]
