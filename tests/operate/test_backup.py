"""A backup is made, everything is destroyed, the backup is restored, and all of it adds up again (G20)."""

import shutil
from datetime import timedelta

import pytest

from etherapy.server.keys import KeysUnusable
from etherapy.server.operate.backup import DUMP, MANIFEST, make_backup, read_manifest
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.inspection import inspect_store
from etherapy.server.operate.installation import read_installation, set_up
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.server.operate.restoring import restore_backup
from etherapy.server.operate.turning import turn_clock
from etherapy.store.database import Database
from tests.operate.places import ORIGIN, furnish_thread, site_at


@pytest.fixture
async def lived_in(scratch, postgres, tmp_path):
    """An installation with a practice, a thread of three positions, a held message and a live session."""
    site = site_at(tmp_path / "data", await scratch(), postgres)
    there = await set_up(site, ORIGIN, synthetic=True)
    made = await create_practice(site, there, name="Elm", zone="Europe/London")
    await create_staff_link(
        site, there, made.practice_id, LinkOffer(b"l" * 16, b"p" * 32), ["therapist"], "Vale"
    )
    async with site.connection() as connection:
        await furnish_thread(connection, there, made.practice_id)
    return site


CHANGED = frozenset(
    {
        *("session", "staff_link", "device_request", "practice_due"),
        *(
            "practice",
            "thread",
            "entry",
            "feed",
            "member",
            "log_leaf",
            "restore_statement",
            "generation_mark",
        ),
    }
)
"""What a restore changes on purpose: logins end, and every thread goes on in a new generation."""


async def everything(site) -> dict[str, list[tuple[object, ...]]]:
    """All rows but those of tables that a restore changes."""
    async with site.connection() as connection:
        names = [
            row[0]
            for row in await connection.fetch(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
            )
        ]
        return {
            name: sorted(map(tuple, await connection.fetch(f"SELECT t::text FROM {name} t")))
            for name in names
            if name not in CHANGED
        }


async def test_what_was_backed_up_comes_back_and_old_logins_do_not(lived_in, scratch, postgres, tmp_path):
    turned = await turn_clock(lived_in, by=timedelta(days=2))
    before = await everything(lived_in)
    manifest = await make_backup(lived_in, tmp_path / "backup", tmp_path / "vault" / "server.json")
    assert manifest.rows["entry"] == 3 and manifest.rows["message"] == 1
    shutil.rmtree(lived_in.data)

    site = site_at(tmp_path / "new", await scratch(), postgres)
    restored = await restore_backup(site, tmp_path / "backup", tmp_path / "vault" / "server.json")
    assert restored.inspected.wrong == [] and restored.warnings == []
    assert (restored.inspected.entries, restored.inspected.held, restored.sessions_ended) == (3, 1, 1)
    assert await everything(site) == before
    async with site.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM entry WHERE item_type <> 4") == 3
        assert await connection.fetchval("SELECT count(*) FROM session") == 0
        assert await connection.fetchval("SELECT max(expires_at) FROM staff_link") <= manifest.domain_time
    assert (await read_installation(site)).secrets.server_id == manifest.server_id
    assert (await set_up(site, ORIGIN)).offset == turned.offset
    async with Database(site.serve_dsn, size=1) as serve:
        assert await serve.call("read_practice", b"\0" * 16) is None  # the serving role has its rights again


async def test_a_held_message_stays_held_with_its_old_promise(lived_in, scratch, postgres, tmp_path):
    held = "SELECT mid, state, release_at, n FROM message"
    async with lived_in.connection() as connection:
        before = await connection.fetch(held)
    assert before
    await make_backup(lived_in, tmp_path / "backup", tmp_path / "vault" / "server.json")
    site = site_at(tmp_path / "new", await scratch(), postgres)
    await restore_backup(site, tmp_path / "backup", tmp_path / "vault" / "server.json")
    async with site.connection() as connection:
        assert await connection.fetch(held) == before
    assert before[0]["state"] == "held"


async def test_the_keys_are_not_in_the_backup(lived_in, scratch, postgres, tmp_path):
    await make_backup(lived_in, tmp_path / "backup")
    assert sorted(each.name for each in (tmp_path / "backup").iterdir()) == [DUMP, MANIFEST]
    assert all(each.stat().st_mode & 0o077 == 0 for each in (tmp_path / "backup").iterdir())
    secrets = (await read_installation(lived_in)).secrets
    stored = b"".join(each.read_bytes() for each in (tmp_path / "backup").iterdir())
    assert secrets.receipt.seed not in stored and secrets.pepper not in stored
    site = site_at(tmp_path / "new", await scratch(), postgres)
    with pytest.raises(CannotOperate, match="--keys"):
        await restore_backup(site, tmp_path / "backup")


async def test_nothing_is_overwritten(lived_in, tmp_path):
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "notes.txt").write_text("mine")
    with pytest.raises(CannotOperate, match="not empty"):
        await make_backup(lived_in, tmp_path / "backup")
    with pytest.raises(CannotOperate, match="in the backup"):
        await make_backup(lived_in, tmp_path / "other", tmp_path / "other" / "server.json")
    with pytest.raises(CannotOperate, match="there already"):
        await make_backup(lived_in, tmp_path / "other", lived_in.keys_file)
    assert not (tmp_path / "other").exists()


async def test_a_place_that_is_not_empty_is_left_alone(lived_in, tmp_path):
    await make_backup(lived_in, tmp_path / "backup")
    before = await everything(lived_in)
    with pytest.raises(CannotOperate, match="already"):
        await restore_backup(lived_in, tmp_path / "backup")
    assert await everything(lived_in) == before
    assert await read_installation(lived_in)


@pytest.mark.parametrize("name", [DUMP, MANIFEST])
async def test_a_changed_backup_is_refused_before_anything_happens(
    lived_in, scratch, postgres, tmp_path, name
):
    await make_backup(lived_in, tmp_path / "backup", tmp_path / "server.json")
    data = bytearray((tmp_path / "backup" / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "backup" / name).write_bytes(data)
    site = site_at(tmp_path / "new", await scratch(), postgres)
    with pytest.raises(CannotOperate):
        await restore_backup(site, tmp_path / "backup", tmp_path / "server.json")
    assert await everything(site) == {}


async def test_a_directory_without_a_manifest_is_no_backup(tmp_path):
    with pytest.raises(CannotOperate, match="no backup"):
        read_manifest(tmp_path)


async def test_the_keys_of_another_server_are_refused(lived_in, scratch, postgres, tmp_path):
    await make_backup(lived_in, tmp_path / "backup")
    other = site_at(tmp_path / "other", await scratch(), postgres)
    await set_up(other, ORIGIN)
    site = site_at(tmp_path / "new", await scratch(), postgres)
    with pytest.raises(CannotOperate, match="not those of the server"):
        await restore_backup(site, tmp_path / "backup", other.keys_file)
    assert not site.keys_file.exists()
    with pytest.raises(KeysUnusable, match="no keys"):
        await restore_backup(site, tmp_path / "backup", tmp_path / "nowhere")


async def test_an_interrupted_restore_is_never_served(lived_in, tmp_path):
    lived_in.restore_mark.write_bytes(b"")
    for use in (read_installation(lived_in), set_up(lived_in, ORIGIN)):
        with pytest.raises(CannotOperate, match="interrupted"):
            await use


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE entry SET item_hash = promise_hash WHERE n = 2", "breaks at position 2"),
        ("UPDATE entry SET t = item_hash WHERE n = 3", "breaks at position 3"),
        ("DELETE FROM entry WHERE n = 3", "another number of entries"),
        ("UPDATE thread SET last_t = '\\x00'", "breaks at position 3"),
        ("UPDATE log SET size = 1 WHERE log = 2", "log audit"),
    ],
)
async def test_what_does_not_add_up_is_named(lived_in, damage, told):
    async with lived_in.connection() as connection:
        assert (await inspect_store(connection)).wrong == []
        await connection.execute(damage)
        assert told in "; ".join((await inspect_store(connection)).wrong)
