"""What the tests of the server share: a furnished clinic, a thread in it, and a place to run a server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.postgres_fixture import open_place
from tests.server.clinic import Clinic
from tests.server.company import Company, company_of
from tests.server.furnishing import Furnished

__all__ = ["open_place"]


@pytest.fixture
async def clinic(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Clinic]:
    """Two practices full of people, at night, fresh for each test."""
    async with furnished.open(tmp_path) as found:
        yield found


@pytest.fixture
def thread(clinic: Clinic) -> Company:
    """A client and their therapist, at night, with a message of the client's that waits."""
    return company_of(clinic)
