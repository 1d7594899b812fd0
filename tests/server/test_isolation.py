import pytest
from tests.server.clinic import Furnished

@pytest.fixture(scope="session")
async def furnished(postgres, worker_name, tmp_path_factory):
    async with Furnished.furnish(postgres, f"clinic_{worker_name}", tmp_path_factory.mktemp("clinic")) as f:
        yield f

async def test_it(furnished, tmp_path):
    async with furnished.open(tmp_path) as clinic:
        print(list(clinic.people), clinic.sent.keys())
