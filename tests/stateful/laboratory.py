"""A real server that is stopped and put up again between two steps, driven from a test that is not async."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from etherapy.server.main import Application
from etherapy.server.operate.site import Site
from tests.conftest import RunningServer
from tests.journeys.restorable import House
from tests.postgres_fixture import Store

Result = TypeVar("Result")


@dataclass
class Laboratory:
    """One house whose clock only goes forward; each run of a machine furnishes a practice of its own."""

    loop: asyncio.AbstractEventLoop
    house: House
    site: Site
    store: Store
    server: RunningServer
    second: Application
    """Another process over the same database; it has no address, and makes rounds."""
    lives: AsyncExitStack = field(repr=False)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Let the server and its callers run until this is done."""
        return self.loop.run_until_complete(work)

    async def restart(self) -> None:
        """The process ends and another begins: what was only remembered is gone."""
        await self.lives.aclose()
        self.server = await self.lives.enter_async_context(self.house.serve(self.site, self.store))

    async def rounds_of_both(self) -> None:
        """The workers of both, at the same time."""
        now = self.house.clock.now()
        await asyncio.gather(self.server.make_rounds(), self.second.rounds.tick(now))

    async def turn_to_monday(self) -> datetime:
        """The next Monday, 12:00 UTC: each run begins on one."""
        now = self.house.clock.now()
        days = (-now.weekday()) % 7 or 7
        monday = datetime(now.year, now.month, now.day, 12, tzinfo=UTC) + timedelta(days=days)
        await self.house.clock.turn_to(monday)
        return monday
