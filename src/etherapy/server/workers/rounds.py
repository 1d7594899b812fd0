"""The rounds through practices with something due: send alerts and release for those who do not read, then
sequence the logs."""

import asyncio
from datetime import datetime, timedelta

import structlog

from etherapy.clock import Clock
from etherapy.server.hub import Hub
from etherapy.server.workers.alerting import Alerting
from etherapy.server.workers.sequencer import Sequencer
from etherapy.server.workers.terms import Terms
from etherapy.store.database import StoreFault, StoreUnavailable
from etherapy.store.due import Due

PAUSE = timedelta(seconds=1)
"""How often the database is asked at the latest; also how soon a turned clock is noticed."""


class Rounds:
    """Reads release for themselves; this wakes whoever waits, fills the outbox and closes the logs' gap."""

    def __init__(self, due: Due, terms: Terms, alerting: Alerting, sequencer: Sequencer, hub: Hub) -> None:
        self._due = due
        self._terms = terms
        self._alerting = alerting
        self._sequencer = sequencer
        self._hub = hub
        self._hints: dict[bytes, datetime] = {}
        self._hinted = asyncio.Event()

    def expect(self, practice: bytes, at: datetime) -> None:
        """This practice has something due then: a hint from the same process, which no commit order can
        hide."""
        known = self._hints.get(practice)
        if known is None or at < known:
            self._hints[practice] = at
            self._hinted.set()

    async def tick(self, now: datetime) -> datetime:
        """One round; answers when to come again."""
        hinted = [practice for practice, at in self._hints.items() if at <= now]
        for practice in hinted:
            del self._hints[practice]
        claimed = await self._due.claim(now)
        for practice in {*hinted, *claimed}:
            await self._visit(practice, now)
        return min((now + PAUSE, *self._hints.values()))

    async def _visit(self, practice: bytes, now: datetime) -> None:
        """One practice; what goes wrong in it must not keep another one waiting, nor a membership that
        cannot be ended what is due there (G6)."""
        for step in (self._alerting.tick, self._end, self._release, self._sequencer.tick):
            try:
                await step(practice, now)
            except Exception as error:  # a defect as well: a log that cannot go on is that practice's own
                structlog.get_logger().warning("round failed", error=type(error).__name__)

    async def _end(self, practice: bytes, now: datetime) -> None:
        self._hub.tell(practice, await self._terms.tick(practice, now))

    async def _release(self, practice: bytes, now: datetime) -> None:
        told, _ = await self._due.release(practice, now)
        self._hub.tell(practice, told)

    async def run(self, clock: Clock) -> None:
        """Make rounds until cancelled, whatever happens to the database meanwhile."""
        while True:
            self._hinted.clear()
            try:
                await self.tick(clock.now())
            except (StoreFault, StoreUnavailable) as error:
                structlog.get_logger().warning("rounds failed", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._hinted.wait(), PAUSE.total_seconds())
                await asyncio.sleep(0.02)  # let a burst of hints become one round
            except TimeoutError:
                pass
