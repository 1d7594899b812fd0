"""Who waits for news, in this process. A hint only: whoever is woken reads again by cursor (decisions.md
D-7)."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

Reader = tuple[bytes, bytes]
"""(practice, account)."""
_REMEMBERED = 20_000


class Hub:
    """Wakes readers when something was placed for them.

    No news is lost between reading and waiting: take `mark` before reading, hand it to `wait`, and
    whatever was
    told since then ends the wait at once.
    """

    def __init__(self) -> None:
        self._mark = 0
        self._forgotten = 0
        self._told: OrderedDict[Reader, int] = OrderedDict()
        self._waiting: dict[Reader, set[asyncio.Future[None]]] = {}
        self.occupied = asyncio.Event()
        """Set while somebody waits."""

    @property
    def mark(self) -> int:
        """Now, in the hub's own count."""
        return self._mark

    def tell(self, practice: bytes, accounts: Iterable[bytes]) -> None:
        """Something new is there for these accounts."""
        for account in accounts:
            reader = (practice, account)
            self._mark += 1
            self._told[reader] = self._mark
            self._told.move_to_end(reader)
            for waiter in self._waiting.pop(reader, ()):
                if not waiter.done():
                    waiter.set_result(None)
        while len(self._told) > _REMEMBERED:
            _, self._forgotten = self._told.popitem(last=False)

    async def wait(self, practice: bytes, account: bytes, since: int) -> None:
        """Return when the account was told something after mark `since`, or perhaps was."""
        reader = (practice, account)
        if self._told.get(reader, self._forgotten) > since:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(reader, set())
        waiters.add(waiter)
        self.occupied.set()
        try:
            await waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiting.get(reader) is waiters:
                del self._waiting[reader]
            if not self._waiting:
                self.occupied.clear()
