"""The server's keys are rotated while people use it (tep_amendments.md A-8)."""

from datetime import timedelta

import pytest

from etherapy.server.key_watch import KeyWatch
from etherapy.server.keys import LONGEST_OVERLAP, KeysUnusable, ServerSecrets
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import read_installation, set_up
from etherapy.server.operate.practices import create_practice
from etherapy.server.operate.rotating import list_keys, rotate_server_keys, take_root_out
from etherapy.tep.leaves import server_link_leaf
from etherapy.tep.serverkeys import Use
from tests.operate.places import ORIGIN, site_at


@pytest.fixture
async def site(scratch, postgres, tmp_path):
    found = site_at(tmp_path / "data", await scratch(), postgres)
    there = await set_up(found, ORIGIN)
    for name in ("Elm", "Oak"):
        await create_practice(found, there, name=name, zone="Europe/London")
    return found


async def leaves(site) -> list[bytes]:
    async with site.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT data FROM log_leaf WHERE log = 1")]


async def test_at_105_new_keys_sign_from_now_on_and_the_old_ones_end_within_a_week(site):
    """AT-105"""
    before = await read_installation(site)
    done = await rotate_server_keys(site, before)
    after = ServerSecrets.load(site.keys_file)
    assert (done.links, done.practices) == (2, 2)
    after.known.check_descends_from(before.secrets.known)
    assert after.receipt_id != before.secrets.receipt_id
    old = after.known.keys[before.secrets.receipt_id]
    assert done.old_end - before.now() <= LONGEST_OVERLAP
    assert after.known.lookup(old.key_id, Use.RECEIPTS, old.until) is None
    assert after.known.lookup(old.key_id, Use.RECEIPTS, old.until - 1) is not None
    assert after.pepper == before.secrets.pepper and after.origin == before.secrets.origin
    assert (await read_installation(site)).secrets.links == after.links
    signing = [row for row in list_keys(after) if row.signs_now]
    assert sorted(row.use for row in signing) == ["checkpoints", "receipts", "restore"]
    assert len(list_keys(after)) == 6


async def test_every_practice_has_the_new_link_as_a_leaf_of_its_keys_log_once(site):
    """AT-105"""
    there = await read_installation(site)
    await rotate_server_keys(site, there)
    secrets = ServerSecrets.load(site.keys_file)
    wanted = [server_link_leaf(secrets.server_id, seq, name) for seq, name in enumerate(secrets.known.hashes)]
    assert sorted(await leaves(site)) == sorted(wanted * 2)
    await rotate_server_keys(site, await read_installation(site), overlap=timedelta(days=1))
    assert len(await leaves(site)) == 6


async def test_an_interrupted_rotation_is_published_by_the_next_one(site):
    there = await read_installation(site)
    await rotate_server_keys(site, there)
    async with site.connection() as connection:  # as if it had ended after the file was written
        await connection.execute("DELETE FROM server_link WHERE seq = 1")
        await connection.execute("DELETE FROM log_leaf WHERE log = 1 AND index IS NULL AND data <> $1", b"")
    assert (await read_installation(site)).secrets.known.seq == 1
    await rotate_server_keys(site, await read_installation(site))
    async with site.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM server_link") == 3
    assert len(await leaves(site)) == 6


async def test_a_running_server_takes_the_keys_up_and_signs_with_them(site):
    held = ServerSecrets.load(site.keys_file)
    watch = KeyWatch(held, site.keys_file)
    assert not watch.look()
    await rotate_server_keys(site, await read_installation(site))
    assert watch.look() and not watch.look()
    assert held.receipt_id == ServerSecrets.load(site.keys_file).receipt_id
    assert held.known.seq == 1


async def test_a_file_that_does_not_continue_the_keys_in_use_changes_nothing(site, tmp_path):
    held = ServerSecrets.load(site.keys_file)
    watch = KeyWatch(held, site.keys_file)
    ServerSecrets.create(tmp_path / "other" / "server.json", ORIGIN, (await read_installation(site)).now())
    site.keys_file.write_bytes((tmp_path / "other" / "server.json").read_bytes())
    before = held.links
    assert not watch.look() and held.links == before
    with pytest.raises(KeysUnusable, match="does not continue"):
        held.take_up(site.keys_file)
    site.keys_file.write_bytes(b"half a file")
    assert not watch.look() and held.links == before


async def test_the_root_key_can_lie_offline_and_is_needed_only_here(site, tmp_path):
    root = tmp_path / "safe" / "root.json"
    with pytest.raises(CannotOperate, match="data directory"):
        take_root_out(site, site.data / "root.json")
    take_root_out(site, root)
    assert ServerSecrets.load(site.keys_file).root is None and root.stat().st_mode & 0o077 == 0
    there = await read_installation(site)
    with pytest.raises(KeysUnusable, match="--root"):
        await rotate_server_keys(site, there)
    await rotate_server_keys(site, there, root=root)
    after = ServerSecrets.load(site.keys_file)
    assert after.known.seq == 1 and after.root is None
    with pytest.raises(KeysUnusable, match="already"):
        take_root_out(site, tmp_path / "safe" / "again.json")


async def test_the_root_of_another_server_is_refused(site, tmp_path):
    other = tmp_path / "other" / "server.json"
    there = await read_installation(site)
    ServerSecrets.create(other, ORIGIN, there.now())
    with pytest.raises(KeysUnusable, match="not the root key"):
        await rotate_server_keys(site, there, root=other)
    with pytest.raises(KeysUnusable, match="no keys"):
        await rotate_server_keys(site, there, root=tmp_path / "nowhere")
    assert ServerSecrets.load(site.keys_file).known.seq == 0


async def test_a_longer_overlap_than_a_week_is_refused(site):
    with pytest.raises(CannotOperate, match="seven days"):
        await rotate_server_keys(site, await read_installation(site), overlap=timedelta(days=8))
