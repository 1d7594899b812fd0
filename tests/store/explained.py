"""A database that tells how PostgreSQL carried out each statement, those inside our functions included."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec

from etherapy.postgres import Postgres
from etherapy.postgres.cluster import SERVE
from etherapy.store.connection import Connection, connect
from etherapy.store.database import Database
from etherapy.store.pool import Lease
from tests.postgres_fixture import Store

_EXPLAINING = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One node of a plan that was carried out. `rows` were looked at in all, those thrown away included."""

    kind: str
    relation: str
    index: str
    rows: int


@dataclass(slots=True)
class Work:
    """What one call of a function made PostgreSQL do. `buffers` is how many pages it touched."""

    buffers: int = 0
    steps: list[Step] = field(default_factory=list)

    def scans(self, relation: str) -> list[Step]:
        """The nodes that read this table."""
        return [step for step in self.steps if step.relation == relation]

    @property
    def rows(self) -> int:
        """The most rows that any one node read from a table.

        A bitmap's index part is not asked: it counts entries of dead rows too, which whoever else is at work
        keeps alive. Its heap part has the rows.
        """
        return max((step.rows for step in self.steps if step.relation), default=0)


class Explained(Database):
    """A database through the serving role whose `take` gives the work of everything called since the last."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn, size=1)
        self._told: list[str] = []

    async def _open(self, lease: Lease) -> Connection:
        connection = await super()._open(lease)
        connection.add_log_listener(self._listen)
        return connection

    def _listen(self, _: Any, message: asyncpg.PostgresLogMessage) -> None:
        self._told.append(str(getattr(message, "message", "")))

    def take(self) -> Work:
        """The work since it was last taken."""
        told, self._told = self._told, []
        work = Work()
        for line in told:
            if "plan:" in line:
                plan = msgspec.json.decode(line.partition("plan:")[2])
                # A call's own line comes with the buffers of all that went on inside it.
                if "SELECT * FROM" in plan["Query Text"] and plan["Plan"]["Node Type"] == "Function Scan":
                    work.buffers += _buffers(plan["Plan"])
                work.steps += _steps(plan["Plan"])
        return work


async def explain_from_now_on(postgres: Postgres, store: Store) -> None:
    """Have every further connection of the serving role to this database explain what it does."""
    connection = await connect(store.bootstrap_dsn, timeout=10)
    for name, value in _EXPLAINING.items():
        await connection.execute(f"ALTER ROLE {SERVE} IN DATABASE {store.name} SET {name} = '{value}'")
    await connection.close()


def _buffers(plan: dict[str, Any]) -> int:
    return int(plan.get("Shared Hit Blocks", 0)) + int(plan.get("Shared Read Blocks", 0))


def _steps(plan: dict[str, Any]) -> Iterator[Step]:
    loops = plan["Actual Loops"]
    thrown_away = sum(count for name, count in plan.items() if name.startswith("Rows Removed by"))
    yield Step(
        plan["Node Type"],
        plan.get("Relation Name", ""),
        plan.get("Index Name", ""),
        round((plan["Actual Rows"] + thrown_away) * loops),
    )
    for inner in plan.get("Plans", ()):
        yield from _steps(inner)
