"""Practices kept apart over HTTP with the application's own checks away: row level security alone (G12)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.server.clinic import Clinic
from tests.server.expectations import CALLERS, ROWS
from tests.server.furnishing import Furnished
from tests.server.makers_of_duties import put_duties
from tests.server.matrix import differences, fingerprint
from tests.server.weakening import switch_off_checks, switch_off_row_security

ASKS = sorted(name for name, row in ROWS.items() if row.strange and not row.is_open and not row.takes_ids)
GIVES = sorted(name for name, row in ROWS.items() if row.takes_ids)


@pytest.fixture(scope="module")
async def clinic(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    """A clinic whose functions compare no practice and ask for no membership."""
    async with furnished.open(tmp_path_factory.mktemp("weakened")) as found:
        await switch_off_checks(found.operate)
        yield found


async def test_the_checks_are_away(clinic: Clinic) -> None:
    """Within a practice nothing keeps a client from another's thread any more: what follows is no luck."""
    found = await differences(clinic, "read_page", "A.client", ["near"])
    assert {one.kind for one in found} >= {"near"}


@pytest.mark.parametrize("name", ASKS)
async def test_row_security_alone_hides_the_other_practice(clinic: Clinic, name: str) -> None:
    await _compare(clinic, name, CALLERS)


@pytest.mark.parametrize("caller", ["A.client", "A.therapist", "A.supervisor"])
@pytest.mark.parametrize("name", GIVES)
async def test_row_security_alone_lets_a_taken_id_be_new(
    furnished: Furnished, tmp_path: Path, name: str, caller: str
) -> None:
    async with furnished.open(tmp_path) as clinic:
        await switch_off_checks(clinic.operate)
        await _compare(clinic, name, [caller])


async def _compare(clinic: Clinic, name: str, callers: Sequence[str]) -> None:
    await put_duties(clinic)
    before = await fingerprint(clinic.operate, clinic.practices["B"])
    for caller in callers:
        found = await differences(clinic, name, caller, ["far"])
        assert not [one for one in found if one.kind == "far"]
    assert await fingerprint(clinic.operate, clinic.practices["B"]) == before


async def test_without_row_security_the_other_practice_shows(furnished: Furnished, tmp_path: Path) -> None:
    async with furnished.open(tmp_path) as clinic:
        await switch_off_checks(clinic.operate)
        await switch_off_row_security(clinic.operate)
        found = await differences(clinic, "read_page", "A.client", ["far"])
        assert "far" in {one.kind for one in found}


async def test_a_write_into_another_practice_is_noticed(furnished: Furnished, tmp_path: Path) -> None:
    async with furnished.open(tmp_path) as clinic:
        other = clinic.practices["B"]
        before = await fingerprint(clinic.operate, other)
        await clinic.operate.execute("UPDATE entry SET reason = 9 WHERE practice_id = $1 AND n = 3", other)
        after = await fingerprint(clinic.operate, other)
        assert [table for table in before if before[table] != after[table]] == ["entry"]
