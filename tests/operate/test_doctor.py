"""`etherapy doctor`: what is well is said to be well, and each thing that is not is named with its mend."""

import socket

import pytest
from msgspec.structs import replace

from etherapy.rules.calendar import tzdata_version
from etherapy.server.operate.doctor import examine
from etherapy.server.operate.installation import set_up
from etherapy.server.operate.site import open_site
from tests.operate.places import ORIGIN, settings_at, site_at


@pytest.fixture
async def place(scratch, postgres, tmp_path):
    """A healthy installation: its store, its site, its settings."""
    store = await scratch()
    site = site_at(tmp_path / "data", store, postgres)
    await set_up(site, ORIGIN)
    return store, site, settings_at(site.data, store)


def states(lines) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for line in lines:
        found.setdefault(line.name, set()).add(line.state)
    return found


async def test_a_healthy_installation_has_nothing_to_mend(place):
    lines = await examine(place[2])
    assert not [line for line in lines if line.state == "fail"]
    assert any(tzdata_version() in line.words for line in lines)
    assert states(lines)["crisis cards"] == {"warn"}  # nobody has verified them (D-34)


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("ALTER TABLE message DISABLE ROW LEVEL SECURITY", "schema"),
        ("ALTER TABLE message DISABLE ROW LEVEL SECURITY", "safety"),
        ("CREATE TABLE stray (id int)", "schema"),
        ("UPDATE installation SET tzdata_checksum = 'another'", "zone data"),
        ("UPDATE server_link SET link = ''", "key links"),
        ("DELETE FROM installation", "installation"),
    ],
)
async def test_what_was_changed_by_hand_is_found(place, damage, name):
    _, site, settings = place
    async with site.connection() as connection:
        await connection.execute(damage)
    failed = [line for line in await examine(settings) if line.state == "fail"]
    assert name in {line.name for line in failed}
    assert all(line.mend for line in failed)


async def test_open_keys_and_taken_ports_are_found(place):
    _, site, settings = place
    site.keys_file.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        found = states(await examine(replace(settings, listen=taken)))
    assert found["keys"] == {"fail"} and found["listen"] == {"warn"}


async def test_a_database_that_is_away_is_one_line_and_not_a_crash(place):
    _, site, settings = place
    gone = type(settings)(
        data=site.data,
        database="postgresql://nobody@127.0.0.1:1/none",
        operate_database="postgresql://nobody@127.0.0.1:1/none",
    )
    lines = [line for line in await examine(gone) if line.name == "database"]
    assert [line.state for line in lines] == ["fail"] and "does not answer" in lines[0].words


async def test_an_embedded_place_is_opened_examined_and_closed(open_place):
    from etherapy.server.settings import Settings

    settings = Settings(data=open_place / "data")
    async with open_site(settings) as site:
        await set_up(site, ORIGIN, synthetic=True)
    lines = await examine(settings)
    assert not [line for line in lines if line.state == "fail"]
    assert any("embedded" in line.words for line in lines)
