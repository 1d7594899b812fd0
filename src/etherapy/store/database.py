"""The one door to PostgreSQL: calls of our own functions, timed by name, one round trip each (D-26).

A call once begun runs to its end under its own deadline, whatever happens to the one who asked: a
cancelled request must not leave a commit whose outcome nobody saw (guarantees.md 2.2).
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import lru_cache
from types import TracebackType
from typing import Self

from asyncpg import InterfaceError, InternalClientError, PostgresError, Record

from etherapy.store.connection import Connection, connect
from etherapy.store.faults import Refused, StoreFault, StoreUnavailable, sort_fault
from etherapy.store.pool import Lease, Pool

__all__ = ["Database", "Record", "Refused", "StoreFault", "StoreUnavailable"]

OnCall = Callable[[str, float, str], None]
"""Told after each call: function name, seconds, and `ok`, `refused`, `unavailable` or `fault`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Database:
    """A bounded pool of connections to `dsn`, through which functions of schema/functions are called.

    Values: ids are 16 plain bytes (uuid), jsonb takes JSON text or anything msgspec can write and comes back
    as the bytes of its text, instants are aware datetimes (a naive one is refused). Nothing is opened before
    the first call; a database that went away is met again by the next call.

    `deadline` is seconds for one call, waiting for a connection included. `queue` is how many callers may
    wait for one of `size` connections; more are refused at once.
    """

    def __init__(
        self,
        dsn: str,
        *,
        size: int = 8,
        queue: int = 512,
        deadline: float = 10.0,
        connect_timeout: float = 3.0,
        on_call: OnCall | None = None,
        name: str = "etherapy",
    ) -> None:
        self._dsn = dsn
        self._deadline = deadline
        self._connect_timeout = connect_timeout
        self._on_call = on_call
        self._name = name
        self._pool = Pool(self._open, size, queue)
        self._running: set[asyncio.Task[list[Record]]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def call(self, function: str, *args: object) -> Record | None:
        """The first row that `function(*args)` returns; None where it returns none.

        Raises Refused (it said no and changed nothing), StoreUnavailable (no answer; it may have happened)
        or StoreFault (a defect of ours). The same for `call_all`.
        """
        rows = await self.call_all(function, *args)
        return rows[0] if rows else None

    async def call_one(self, function: str, *args: object) -> Record:
        """The row of a function that always answers."""
        row = await self.call(function, *args)
        if row is None:
            raise StoreFault(function, "no row")
        return row

    async def call_all(self, function: str, *args: object) -> list[Record]:
        """All rows that `function(*args)` returns, in one round trip."""
        sql = _statement(function, len(args))
        _refuse_naive(args)
        task = asyncio.get_running_loop().create_task(self._call(function, sql, args))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for what is not a function of ours: the self-check, the catalogue lint.

        It is ended afterwards, whatever was done with it. Not shielded and not for the hot path. Raises what
        the driver raises, except that a database which went away is StoreUnavailable here as well.
        """
        try:
            lease = await asyncio.wait_for(self._pool.take(), self._deadline)
        except Exception as error:
            raise sort_fault("connection", error) from None
        lease.soil()
        try:
            if lease.connection is None:
                raise StoreUnavailable("closed")
            yield lease.connection
        except (PostgresError, InterfaceError, InternalClientError) as error:
            fault = sort_fault("connection", error)
            if isinstance(fault, StoreUnavailable):
                raise fault from None
            raise
        finally:
            self._pool.give_back(lease)

    async def close(self, grace: float = 5.0) -> None:
        """Let running calls finish for `grace` seconds, then end every connection."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        await self._pool.close()

    @property
    def open_count(self) -> int:
        """Connections open now."""
        return self._pool.open_count

    async def _call(self, function: str, sql: str, args: tuple[object, ...]) -> list[Record]:
        begun = time.monotonic()
        outcome = "ok"
        try:
            async with asyncio.timeout(self._deadline):
                return await self._ask(sql, args)
        except Exception as error:
            fault = sort_fault(function, error)
            outcome = _OUTCOMES[type(fault)]
            raise fault from None
        finally:
            if self._on_call is not None:
                self._on_call(function, time.monotonic() - begun, outcome)

    async def _ask(self, sql: str, args: tuple[object, ...]) -> list[Record]:
        lease = await self._pool.take()
        try:
            if lease.connection is None:
                raise StoreUnavailable("closed")
            rows = await lease.connection.fetch(sql, *args)
        except BaseException as error:
            if not isinstance(sort_fault("", error), Refused):
                lease.soil()
            raise
        finally:
            # Notices are told in the loop's own turn, before the answer: what soils the lease has come.
            unreplicated = lease.soiled
            self._pool.give_back(lease)
        if unreplicated:
            raise StoreUnavailable("not_replicated")
        return rows

    async def _open(self, lease: Lease) -> Connection:
        return await connect(
            self._dsn,
            timeout=self._connect_timeout,
            statement_seconds=self._deadline,
            on_unreplicated=lease.soil,
            name=self._name,
        )

    def _forget(self, task: asyncio.Task[list[Record]]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen here when the one who asked has gone


_OUTCOMES: dict[type[Exception], str] = {
    Refused: "refused",
    StoreUnavailable: "unavailable",
    StoreFault: "fault",
}


@lru_cache(maxsize=1024)
def _statement(function: str, count: int) -> str:
    if not _NAME.fullmatch(function):
        raise ValueError("not the name of a function of ours")
    places = ", ".join(f"${n}" for n in range(1, count + 1))
    return f"SELECT * FROM {function}({places})"


def _refuse_naive(args: tuple[object, ...]) -> None:
    """The driver would read a naive instant in the machine's own zone."""
    for arg in args:
        for value in arg if isinstance(arg, list | tuple) else (arg,):
            if isinstance(value, datetime) and value.tzinfo is None:
                raise ValueError("an instant without a zone")
