"""A bounded set of connections, last used first.

The driver's own pool resets every connection it gets back, which is a second round trip per call and
forgets our notice listener; what we call leaves nothing behind, so nothing is reset here.
"""

import asyncio
from collections.abc import Awaitable, Callable

from etherapy.store.connection import Connection
from etherapy.store.faults import StoreUnavailable


class Lease:
    """A connection in somebody's hands. `soiled`: its state is unknown, it must not be used again."""

    __slots__ = ("connection", "soiled")

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.soiled = False

    def soil(self) -> None:
        self.soiled = True


class Pool:
    """At most `size` connections, opened when needed; at most `queue` callers wait for one.

    `open_one` gets the lease that the new connection will live in, so that a notice can soil it. Nothing is
    kept of a database that went away: its connections are seen to be closed and new ones are opened.
    """

    def __init__(self, open_one: Callable[[Lease], Awaitable[Connection]], size: int, queue: int) -> None:
        self._open_one = open_one
        self._slots = asyncio.Semaphore(size)
        self._queue = queue
        self._waiting = 0
        self._idle: list[Lease] = []
        self._taken: set[Lease] = set()
        self._closed = False

    async def take(self) -> Lease:
        """A usable connection, alone. Raises StoreUnavailable when the queue is full or the pool closed."""
        await self._take_slot()
        try:
            lease = self._reuse() or await self._open()
        except BaseException:
            self._slots.release()
            raise
        self._taken.add(lease)
        return lease

    def give_back(self, lease: Lease) -> None:
        """Keep the connection for the next caller, or end it when it is soiled or gone.

        When the other side ended it, the idle ones are not trusted either: theirs may be a crash that the
        event loop has not heard of yet, and each would cost a caller an error.
        """
        self._taken.discard(lease)
        self._slots.release()
        if lease.connection is not None and lease.connection.is_closed():
            self._end_idle()
        if self._closed or not _usable(lease):
            _end(lease)
        else:
            self._idle.append(lease)

    async def close(self) -> None:
        """End all connections; those in use are cut off."""
        self._closed = True
        for lease in self._taken:
            _end(lease)
        idle, self._idle = self._idle, []
        for lease in idle:
            if lease.connection is not None and _usable(lease):
                await lease.connection.close(timeout=2)

    @property
    def open_count(self) -> int:
        """Connections open now, idle ones included."""
        return len(self._idle) + len(self._taken)

    def _end_idle(self) -> None:
        idle, self._idle = self._idle, []
        for lease in idle:
            _end(lease)

    async def _take_slot(self) -> None:
        if self._slots.locked() and self._waiting >= self._queue:
            raise StoreUnavailable("queue_full")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        if self._closed:
            self._slots.release()
            raise StoreUnavailable("closed")

    def _reuse(self) -> Lease | None:
        while self._idle:
            lease = self._idle.pop()
            if _usable(lease):
                return lease
            _end(lease)
        return None

    async def _open(self) -> Lease:
        lease = Lease()
        lease.connection = await self._open_one(lease)
        return lease


def _usable(lease: Lease) -> bool:
    return not lease.soiled and lease.connection is not None and not lease.connection.is_closed()


def _end(lease: Lease) -> None:
    if lease.connection is not None and not lease.connection.is_closed():
        lease.connection.terminate()
