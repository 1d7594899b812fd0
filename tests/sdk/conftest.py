"""A furnished practice, and the two people most tests are about."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etherapy.sdk import Session, Therapist
from tests.conftest import RunningServer
from tests.sdk.furnished import Practice, furnish

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
"""Monday 22:40 in Chicago, 23:40 in New York."""
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
"""Tuesday 09:00 in New York."""


@dataclass
class Pair:
    """A client and a therapist in one thread; the logs are up to date."""

    anna: Session
    vale: Therapist
    thread: bytes
    code: str


@pytest.fixture
async def practice(server: RunningServer, tmp_path: Path) -> Practice:
    return await furnish(server, tmp_path)


@pytest.fixture
async def pair(practice: Practice) -> AsyncIterator[Pair]:
    vale, _ = await practice.therapist()
    anna, thread, code = await practice.client(vale)
    await practice.server.make_rounds()
    found = Pair(anna, vale, thread, code)
    yield found
    await found.anna.close()
    await found.vale.close()
