"""A practice whose server can be lost: it is served, backed up, and put up again at the same address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from etherapy.clock import TestClock
from etherapy.postgres import Postgres
from etherapy.server.key_watch import KeyWatch
from etherapy.server.keys import ServerSecrets
from etherapy.server.listening import Service
from etherapy.server.main import Application
from etherapy.server.operate.installation import set_up
from etherapy.server.operate.site import Site
from etherapy.server.operate.turning import turn_clock
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry
from etherapy.store.database import Database
from tests.conftest import RunningServer, free_port
from tests.postgres_fixture import Store

EVENING = datetime(2031, 6, 2, 22, 0, tzinfo=UTC)
"""Monday 18:00 in New York, far enough ahead for an installation whose clock is turned forward only."""


@dataclass
class House:
    """An address, a clock, and the keys that were kept apart."""

    clock: TestClock
    vault: Path
    port: int
    health: int
    postgres: Postgres

    def site(self, data: Path, store: Store) -> Site:
        """A place for the server."""
        return Site(data, store.serve_dsn, store.operate_dsn, self.postgres.bin_dir, None)

    async def set_up(self, data: Path, store: Store) -> Site:
        """A new installation, its clock where the story is."""
        site = self.site(data, store)
        await set_up(site, f"http://127.0.0.1:{self.port}", synthetic=True)
        await turn_clock(site, to=self.clock.now())
        return site

    @asynccontextmanager
    async def serve(self, site: Site, store: Store) -> AsyncIterator[RunningServer]:
        """The server of a place, on the one address."""
        settings = Settings(
            data=site.data,
            origin=f"http://127.0.0.1:{self.port}",
            listen=f"127.0.0.1:{self.port}",
            health_listen=f"127.0.0.1:{self.health}",
            limits=False,
            log_requests=False,
        )
        secrets = ServerSecrets.load(site.keys_file)
        async with Database(store.serve_dsn, size=4) as database:
            telemetry = Telemetry(b"tests", log_requests=False)
            application = Application(settings, database, secrets, self.clock, telemetry)
            service = Service(application.door, settings, application.missing)
            await service.start()
            try:
                yield RunningServer(settings.origin, application, settings, store, secrets, self.clock)
            finally:
                await service.stop()


def house(tmp_path: Path, postgres: Postgres) -> House:
    """A house whose clock stands at EVENING."""
    return House(TestClock(EVENING), tmp_path / "vault" / "server.json", free_port(), free_port(), postgres)


def take_up_keys(server: RunningServer) -> bool:
    """What a serving process does twice a second."""
    return KeyWatch(server.secrets, server.settings.data / "keys" / "server.json").look()
