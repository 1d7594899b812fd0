"""Where the story stands: stage, people, telling, and the evening on which it happens."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from etherapy.cli.demo.evening import CLIENT_ZONE, THERAPIST_ZONE, Evening
from etherapy.cli.demo.people import Cast
from etherapy.cli.demo.stage import Stage
from etherapy.cli.demo.telling import DidNotHold, Telling, on_wall

THERAPIST, SUPERVISOR = "Dr Vale", "Ruth"

Found = TypeVar("Found")

_PATIENCE = 30.0
"""Seconds for what the server's own workers do in their own time."""


class Scene:
    """What every step works with."""

    def __init__(self, stage: Stage, cast: Cast, telling: Telling) -> None:
        self.stage, self.cast, self.telling = stage, cast, telling
        self.evening: Evening | None = None

    @property
    def night(self) -> Evening:
        """The evening of this telling, once it was chosen."""
        if self.evening is None:
            raise DidNotHold("the story has no evening yet")
        return self.evening

    async def turn(self, to: datetime) -> None:
        """Turn the clock, and wait until the server goes by it."""
        await self.stage.turn(to)
        self.telling.say(f"The clock is turned: {show_walls(to)}.")

    async def until(self, ask: Callable[[], Awaitable[Found]], enough: Callable[[Found], bool]) -> Found:
        """What `ask` gives once that is enough, or when patience is over."""
        deadline = time.monotonic() + _PATIENCE
        while not enough(found := await ask()) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return found

    def expect_times(self, release_at: datetime | None, reply_by: datetime | None) -> None:
        """Say that a promise names the two instants of the story."""
        self.telling.expect(release_at == self.night.opens_at, f"released {show_walls(self.night.opens_at)}")
        self.telling.expect(
            reply_by == self.night.reply_by, f"an answer by {show_walls(self.night.reply_by)}"
        )


def show_walls(at: datetime | None) -> str:
    """An instant on both walls of the story."""
    return "never" if at is None else f"{on_wall(at, THERAPIST_ZONE)} ({on_wall(at, CLIENT_ZONE)})"
