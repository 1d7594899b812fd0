"""A private PostgreSQL for the tests: one cluster for all workers of a run, one database for each worker.

`ETHERAPY_TEST_PG=15` runs the same tests on that major version of the system's PostgreSQL.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from etherapy.postgres import Postgres, find_binaries
from etherapy.postgres.databases import create_database, drop_database
from etherapy.store.migrate import migrate

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Store:
    """The addresses of one database, for each role."""

    name: str
    serve_dsn: str
    operate_dsn: str
    bootstrap_dsn: str


def store_named(postgres: Postgres, name: str) -> Store:
    """The addresses of the database `name`."""
    roles = ("etherapy_serve", "etherapy_operate", "etherapy_bootstrap")
    return Store(name, *(postgres.dsn(role, name) for role in roles))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The running server that all workers of this run share. Do not kill it; make your own for that."""
    place = Path(tempfile.gettempdir()) / f"etherapy-tests-{_run_name()}"
    place.mkdir(exist_ok=True)
    place.chmod(0o711)
    users = os.open(place / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)
    try:
        server = Postgres(place / "data", binaries=find_binaries(wanted_major())).start()
    except BaseException:
        os.close(users)  # or the owner would wait for this worker for ever
        raise
    yield server
    fcntl.flock(users, fcntl.LOCK_UN)
    if server.owned:
        fcntl.flock(users, fcntl.LOCK_EX)  # the owner stays until the last worker has finished
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
    os.close(users)


@pytest.fixture(scope="session")
async def store(postgres: Postgres, worker_name: str) -> Store:
    """This worker's database with the whole schema. Tests share it: make fresh ids, clean nothing."""
    name = f"test_{worker_name}"
    await drop_database(postgres, name)
    await create_database(postgres, name)
    mine = store_named(postgres, name)
    await migrate(mine.operate_dsn)
    return mine


@pytest.fixture
async def scratch(postgres: Postgres, worker_name: str) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
    """Makes empty databases that are gone after the test: `store = await scratch()`."""
    made = []

    async def make() -> Store:
        name = f"scratch_{worker_name}_{next(_numbers)}"
        await create_database(postgres, name)
        made.append(name)
        return store_named(postgres, name)

    yield make
    for name in made:
        await drop_database(postgres, name)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A temporary directory that other accounts may pass, where a server can be run as one of them."""
    place = Path(tempfile.mkdtemp(prefix="etherapy-test-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def worker_name() -> str:
    """`main`, or the name of this worker process when tests run in several."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def wanted_major() -> int | None:
    """The major version that the tests were asked to run on; None for the best there is."""
    said = os.environ.get("ETHERAPY_TEST_PG")
    return int(said) if said else None


def _run_name() -> str:
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
