"""The invariants of the law, by random steps against the real application on a real PostgreSQL
(rules.md 3.5, guarantees.md 3.1).

The longer command: python -m pytest tests/stateful --hypothesis-profile=long
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from etherapy.server.main import Application
from etherapy.server.telemetry import Telemetry
from etherapy.store.database import Database
from tests.journeys.restorable import house
from tests.stateful.laboratory import Laboratory
from tests.stateful.machine import Thread

QUICK = settings(
    max_examples=7,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # slow steps: shrink by hand
)


@pytest.fixture
async def laboratory(tmp_path, postgres, scratch) -> AsyncIterator[Laboratory]:
    built = house(tmp_path, postgres)
    store = await scratch()
    site = await built.set_up(tmp_path / "data", store)
    lives = AsyncExitStack()
    server = await lives.enter_async_context(built.serve(site, store))
    async with Database(store.serve_dsn, size=2) as database:
        telemetry = Telemetry(b"tests", log_requests=False)
        second = Application(server.settings, database, server.secrets, built.clock, telemetry)
        found = Laboratory(asyncio.get_running_loop(), built, site, store, server, second, lives)
        yield found
        await found.lives.aclose()


def test_the_invariants_of_the_law_hold_whatever_happens(laboratory: Laboratory) -> None:
    Thread.laboratory = laboratory
    run_state_machine_as_test(Thread, settings=QUICK)
