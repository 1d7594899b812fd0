"""What this process remembers of threads between sends.

Memory may say yes, only the database may say no: an acceptance is stored only on the version it was
decided on,
and a refusal is decided again on fresh facts before anybody hears it (decisions.md D-35).
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache

from etherapy.rules.resolved import Rules
from etherapy.store.threads import ThreadFacts

Key = tuple[bytes, bytes]
"""(practice, thread)."""


@lru_cache(maxsize=4096)
def rules_of(canonical: bytes) -> Rules:
    """The rules behind a sheet's shared part; equal sheets share one object, and with it a compiled
    timetable."""
    return Rules.from_canonical(canonical)


@lru_cache(maxsize=4096)
def member_rules(canonical: bytes, part: bytes) -> Rules:
    """The same rules as they hold for the member whose own part of the sheet this is."""
    return rules_of(canonical).with_part(part)


class Memory:
    """Facts of the most recently used threads, and one turn at a time for each thread in this process."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._facts: OrderedDict[Key, ThreadFacts] = OrderedDict()
        self._turns: dict[Key, tuple[asyncio.Lock, int]] = {}

    def recall(self, key: Key) -> ThreadFacts | None:
        """What is remembered, if anything."""
        found = self._facts.get(key)
        if found is not None:
            self._facts.move_to_end(key)
        return found

    def keep(self, key: Key, facts: ThreadFacts) -> None:
        """Remember, and forget the least recently used beyond the bound."""
        self._facts[key] = facts
        self._facts.move_to_end(key)
        while len(self._facts) > self._most:
            self._facts.popitem(last=False)

    def forget(self, key: Key) -> None:
        """The next one reads afresh."""
        self._facts.pop(key, None)

    @asynccontextmanager
    async def turn(self, key: Key) -> AsyncIterator[None]:
        """One send of a thread at a time: otherwise twenty at once would outrun each other's version."""
        lock, users = self._turns.get(key, (asyncio.Lock(), 0))
        self._turns[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._turns[key]
            if users == 1:
                del self._turns[key]
            else:
                self._turns[key] = (lock, users - 1)
