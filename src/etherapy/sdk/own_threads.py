"""What a change of one's own devices asks of one's threads (tep_amendments.md A-5).

One thread that does not hold, or is over, keeps no other back: what is wrong there is shown where somebody
writes. What only the network prevented is done at the next sync.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import Busy
from etherapy.sdk.faults import DeviceFault, Quarantined, Refuted, Revoked, ThreadHalted
from etherapy.sdk.messages.reading import Reading
from etherapy.sdk.messages.replacing import keep_waiting
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.granting import grant_history
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.sdk.verifying.message import Synced

_LATER = (Unreachable, Garbled, Unavailable, TooManyRequests, Busy, ThreadHalted)
"""After these it is worth trying again, and what halts a thread may be cleared up; other refusals stay
the same."""


class OwnThreads(Reading):
    """A member of threads who looks after their own devices as well."""

    async def sync(self, wait: int = 0) -> Synced:
        """As `Reading.sync`; then what this device owes to others, or to itself, is done.

        news = await me.sync()
        """
        news = await super().sync(wait)
        noticed = await self.devices.tend()
        return replace(news, findings=(*news.findings, *noticed)) if noticed else news

    async def settle_threads(self) -> tuple[bytes, ...]:
        await super().sync()  # a thread that was never read may hold an epoch under the old key
        return await self._in_each(self._settle_one)

    async def share_history(self, device: bytes) -> tuple[bytes, ...]:
        async def give(desk: ThreadDesk) -> bool:
            newest = desk.log.epochs.newest
            own = newest.core.user(self.chain) if newest else None
            if own is None:
                return True  # no thread of this person's any more
            if device in own.device_ids():
                await grant_history(desk, self.chain, [device])
                return True
            me = self.people.person(self.chain)
            return me is not None and own.chain_head == me.chain.head  # left out on purpose

        return await self._in_each(give)

    async def keep_waiting(self, device: bytes) -> int:
        await super().sync()  # what waits in a thread that was never read is sealed anew as well
        return await keep_waiting(self, device)

    async def left_out_of(self, device: bytes) -> tuple[bytes, ...]:
        found = []
        for thread in sorted(self.profile.thread_ids()):
            desk = self.desk(thread)
            async with desk.lock:
                await desk.load()
            newest = desk.log.epochs.newest
            if newest and newest.core.user(self.chain) is not None and newest.core.row_of(device) is None:
                found.append(thread)
        return tuple(found)

    async def await_history(self, seconds: int = 60) -> bool:
        """Sync until what was before this device can be read here; whether it came within these seconds."""
        until = time.monotonic() + seconds
        for thread in self.profile.thread_ids():  # in this run, perhaps, nothing was read yet
            async with self.desk(thread).lock:
                await self.desk(thread).load()
        while any(self.desk(one).log.epochs.closed for one in self.profile.thread_ids()):
            left = until - time.monotonic()
            if left <= 0:
                return False
            await self.sync(max(1, int(min(left, 25))))
        return True

    async def _settle_one(self, desk: ThreadDesk) -> bool:
        await desk.catch_up()
        await settle_epoch(desk, age=0)
        return True

    async def _in_each(self, work: Callable[[ThreadDesk], Awaitable[bool]]) -> tuple[bytes, ...]:
        """Do it in every thread; those where it has to be done again later."""
        later: list[bytes] = []
        for thread in self.profile.thread_ids():
            desk = self.desk(thread)
            if desk.state.ended:
                continue
            async with desk.lock:
                try:
                    await desk.load()
                    done = await work(desk)
                except _LATER:
                    done = False
                except Refuted as refuted:
                    self.note([refuted.finding])
                    done = False
                except (Quarantined, Revoked):
                    raise
                except (DeviceFault, Problem):
                    continue  # it would be the same next time
                if not done:
                    later.append(thread)
        return tuple(later)
