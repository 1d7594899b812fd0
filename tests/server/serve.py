"""The small house as a process of its own, to be ended by a signal: `python -m tests.server.serve`."""

import asyncio

from etherapy.clock import TestClock
from etherapy.server import telemetry
from etherapy.server.http import Door
from etherapy.server.listening import Service
from tests.server.small_house import HANDLERS, NOW, TABLE, Parts, quick


async def serve() -> None:
    """Serve until told to stop; the first line on standard error says where."""
    telemetry.configure()
    told = telemetry.Telemetry(b"key", log_requests=False)
    settings = quick(keep_alive=10)
    await Service(Door(settings, TABLE, HANDLERS, Parts(), TestClock(NOW), told), settings).run()


if __name__ == "__main__":
    asyncio.run(serve())
