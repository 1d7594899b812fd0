"""Fixtures for all tests: a real PostgreSQL, a real server on loopback, a clock that is turned by hand."""

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from etherapy.clock import TestClock
from etherapy.rules.calendar import tzdata_checksum
from etherapy.server.keys import ServerSecrets
from etherapy.server.listening import Service
from etherapy.server.main import Application
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry
from etherapy.store.connection import connect
from etherapy.store.database import Database
from tests.postgres_fixture import Store, postgres, scratch, store, worker_name
from tests.server.furnishing import furnished

__all__ = ["furnished", "postgres", "scratch", "store", "worker_name"]

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
"""A Monday, before anybody's hours in New York."""


@pytest.fixture(autouse=True)
def _log_as_at_first() -> Iterator[None]:
    """A test that serves in this process sends the log to its own captured output, which ends with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> TestClock:
    """Stands at START until a test turns it."""
    return TestClock(START)


@pytest.fixture
def calls() -> list[str]:
    """The functions of the schema that were called, in order: one round trip each."""
    return []


@pytest.fixture
async def database(store: Store, calls: list[str]) -> AsyncIterator[Database]:
    """The worker's database through the serving role."""
    async with Database(store.serve_dsn, size=8, on_call=lambda name, *_: calls.append(name)) as found:
        yield found


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server on loopback that shares the test's clock. Workers run when a test says so."""

    origin: str
    application: Application
    settings: Settings
    store: Store
    secrets: ServerSecrets
    clock: TestClock
    practices: list[bytes] = field(default_factory=list)
    """Those of the test: the database holds many more, and a round takes only so many."""

    async def make_rounds(self) -> None:
        """What the workers would do at this moment, for the test's own practices and others that are due."""
        for practice in self.practices:
            self.application.rounds.expect(practice, self.clock.now())
        await self.application.rounds.tick(self.clock.now())


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def server(
    store: Store, database: Database, clock: TestClock, tmp_path: Path
) -> AsyncIterator[RunningServer]:
    """The whole application behind real HTTP, on this worker's database."""
    port = free_port()
    settings = Settings(
        data=tmp_path,
        origin=f"http://127.0.0.1:{port}",
        listen=f"127.0.0.1:{port}",
        health_listen=f"127.0.0.1:{free_port()}",
        limits=False,
        log_requests=False,
    )
    since, until = START - timedelta(days=3650), START + timedelta(days=3650)
    secrets = ServerSecrets.create(
        tmp_path / "keys" / "server.json", settings.origin, START, since=since, until=until
    )
    connection = await connect(store.operate_dsn, timeout=10, name="tests")
    await connection.execute(
        "INSERT INTO installation (synthetic, tzdata_checksum) VALUES (true, $1) ON CONFLICT DO NOTHING",
        tzdata_checksum(),
    )
    await connection.close()
    application = Application(settings, database, secrets, clock, Telemetry(b"tests", log_requests=False))
    service = Service(application.door, settings, application.missing)
    await service.start()
    yield RunningServer(settings.origin, application, settings, store, secrets, clock)
    await service.stop()
