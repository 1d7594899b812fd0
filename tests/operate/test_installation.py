"""Setting up, turning the clock, making practices and the first links: on a real database."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import tzdata_checksum
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.layer import Layer
from etherapy.rules.layers import resolve
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import adopt_zone_data, read_installation, set_up
from etherapy.server.operate.practices import (
    LinkOffer,
    create_practice,
    create_staff_link,
    find_practice,
    list_practices,
)
from etherapy.server.operate.site import Site
from etherapy.server.operate.turning import read_clock, turn_clock
from etherapy.tep.serverkeys import home
from tests.operate.places import ORIGIN, shown, site_at


@pytest.fixture
async def site(scratch, postgres, tmp_path) -> Site:
    return site_at(tmp_path / "data", await scratch(), postgres)


async def test_an_installation_is_made_once_and_found_again(site):
    made = await set_up(site, ORIGIN, synthetic=True)
    again = await set_up(site, "https://elsewhere.example")
    assert again.secrets.server_id == made.secrets.server_id
    assert again.synthetic and again.offset == timedelta(0)
    assert again.tzdata_checksum == tzdata_checksum()
    async with site.connection() as connection:
        links = [row["link"] for row in await connection.fetch("SELECT link FROM server_link ORDER BY seq")]
    assert links == made.secrets.links


async def test_what_it_is_for_cannot_be_changed_afterwards(site):
    await set_up(site, ORIGIN)
    with pytest.raises(CannotOperate, match="not made as synthetic"):
        await set_up(site, ORIGIN, synthetic=True)
    assert not (await read_installation(site)).synthetic


async def test_keys_of_another_installation_are_refused(site, scratch, postgres, tmp_path):
    await set_up(site, ORIGIN)
    other = site_at(tmp_path / "other", await scratch(), postgres)
    await set_up(other, ORIGIN)
    site.keys_file.write_bytes(other.keys_file.read_bytes())
    with pytest.raises(CannotOperate, match="not those of this database"):
        await read_installation(site)


async def test_lost_keys_are_not_quietly_replaced(site):
    await set_up(site, ORIGIN)
    site.keys_file.unlink()
    with pytest.raises(CannotOperate, match="are missing"):
        await set_up(site, ORIGIN)
    assert not site.keys_file.exists()


async def test_a_set_up_that_was_interrupted_after_the_keys_goes_on(site):
    await set_up(site, ORIGIN)
    async with site.connection() as connection:
        await connection.execute("DELETE FROM server_link")
        await connection.execute("DELETE FROM installation")
    keys = site.keys_file.read_bytes()
    await set_up(site, ORIGIN)
    assert site.keys_file.read_bytes() == keys
    assert (await read_installation(site)).secrets.links


async def test_zone_data_is_adopted_after_an_upgrade(site):
    await set_up(site, ORIGIN)
    assert not await adopt_zone_data(site)
    async with site.connection() as connection:
        await connection.execute("UPDATE installation SET tzdata_checksum = 'older'")
    assert await adopt_zone_data(site)
    assert (await read_installation(site)).tzdata_checksum == tzdata_checksum()


async def test_the_clock_of_a_synthetic_installation_is_turned_forward(site):
    there = await set_up(site, ORIGIN, synthetic=True)
    evening = there.now() + timedelta(days=3)
    turned = await turn_clock(site, to=evening)
    assert evening <= turned.now < evening + timedelta(seconds=5)
    further = await turn_clock(site, by=timedelta(hours=2))
    assert further.offset - turned.offset == timedelta(hours=2)
    assert (await read_clock(site)).offset == further.offset


async def test_it_is_never_turned_back(site):
    await set_up(site, ORIGIN, synthetic=True)
    turned = await turn_clock(site, by=timedelta(hours=2))
    for step in ({"by": timedelta(seconds=-1)}, {"to": turned.now - timedelta(hours=1)}):
        with pytest.raises(CannotOperate, match="forward only"):
            await turn_clock(site, **step)
    with pytest.raises(CannotOperate, match="further than"):
        await turn_clock(site, by=timedelta(days=100 * 366))
    assert (await read_clock(site)).offset == turned.offset


async def test_the_clock_of_real_people_is_not_turned_by_anybody(site):
    await set_up(site, ORIGIN)
    with pytest.raises(CannotOperate, match="real people"):
        await turn_clock(site, by=timedelta(hours=1))
    async with site.connection() as connection:
        with pytest.raises(Exception, match="installation_check"):
            await connection.execute("UPDATE installation SET clock_offset_ms = 1")


async def test_a_practice_begins_with_rules_by_which_one_can_decide(site):
    there = await set_up(site, ORIGIN)
    made = await create_practice(
        site,
        there,
        name="Elm Street",
        zone="America/New_York",
        region="US",
        emergency_text="Call 988 or 911.",
    )
    async with site.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM practice WHERE practice_id = $1", made.practice_id)
        rules = await connection.fetchval("SELECT rules FROM rule_set WHERE owner = $1", made.practice_id)
        leaves = await connection.fetch("SELECT log, record FROM log_leaf ORDER BY log")
    assert row["home"] == home(there.secrets.server_id, made.practice_id)
    resolved = resolve([Layer("practice", msgspec.json.decode(rules))])
    assert resolved.the(Emergency, datetime(2026, 6, 1, tzinfo=UTC)) == Emergency(
        text="Call 988 or 911.", region="US"
    )
    assert resolved.timetable.zone_name == "America/New_York"
    assert [leaf["log"] for leaf in leaves] == [1, 2]
    assert msgspec.json.decode(leaves[1]["record"])["act"] == "practice.created"
    assert await list_practices(site) == [made]


async def test_rules_of_a_file_are_completed_and_bad_ones_change_nothing(site):
    there = await set_up(site, ORIGIN)
    given = [{"kind": "off_hours.policy", "policy": "hold"}]
    made = await create_practice(site, there, name="Elm", zone="Europe/London", region="GB", rules=given)
    async with site.connection() as connection:
        rules = await connection.fetchval("SELECT rules FROM rule_set WHERE owner = $1", made.practice_id)
    assert {rule["kind"] for rule in msgspec.json.decode(rules)} == {
        "window.weekly",
        "off_hours.policy",
        "emergency",
    }
    good: dict[str, Any] = {"name": "Oak", "zone": "Europe/London"}
    for name, bad in (
        ("zone", "Europe/Londinium"),
        ("rules", [{"kind": "free_lunch"}]),
        ("region", "gb"),
        ("emergency_text", "short"),
    ):
        with pytest.raises(BadRule):
            await create_practice(site, there, **(good | {name: bad}))
    with pytest.raises(CannotOperate, match="name"):
        await create_practice(site, there, name=" ", zone="Europe/London")
    assert len(await list_practices(site)) == 1


async def test_a_staff_link_is_kept_by_its_public_half_for_a_week(site):
    there = await set_up(site, ORIGIN)
    made = await create_practice(site, there, name="Elm", zone="Europe/London")
    offer = LinkOffer(os.urandom(16), os.urandom(32))
    expires_at = await create_staff_link(
        site, there, made.practice_id, offer, ["supervisor", "therapist"], "Ruth"
    )
    async with site.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM staff_link")
    assert (row["lookup_id"], row["staff_pk"]) == (offer.lookup_id, offer.staff_pk)
    assert row["roles"] == ["therapist", "supervisor"] and row["expires_at"] == expires_at
    assert timedelta(days=6) < expires_at - there.now() <= timedelta(days=7)
    for practice, roles, name in (
        (os.urandom(16), ["therapist"], "Ruth"),
        (made.practice_id, ["client"], "Ruth"),
        (made.practice_id, [], "Ruth"),
        (made.practice_id, ["therapist"], ""),
    ):
        with pytest.raises(CannotOperate):
            await create_staff_link(
                site, there, practice, LinkOffer(os.urandom(16), os.urandom(32)), roles, name
            )


async def test_a_practice_is_found_by_its_name_or_its_id(site):
    there = await set_up(site, ORIGIN)
    elm = await create_practice(site, there, name="Elm", zone="Europe/London")
    assert (await find_practice(site, "Elm")).practice_id == elm.practice_id
    assert (await find_practice(site, shown(elm.practice_id))).name == "Elm"
    with pytest.raises(CannotOperate, match="there are: Elm"):
        await find_practice(site, "Oak")
    await create_practice(site, there, name="Elm", zone="Europe/London")
    with pytest.raises(CannotOperate, match="several"):
        await find_practice(site, "Elm")
