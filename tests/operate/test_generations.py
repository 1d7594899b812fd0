"""What a restore leaves behind it: a signed statement, a mark in every thread, feeds far ahead (A-8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.merkle.tree import empty_root
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.verifying.generations import Generations
from etherapy.server.keys import ServerSecrets
from etherapy.server.operate.backup import make_backup
from etherapy.server.operate.inspection import inspect_store
from etherapy.server.operate.installation import read_installation, set_up
from etherapy.server.operate.practices import create_practice
from etherapy.server.operate.restoring import restore_backup
from etherapy.server.operate.rotating import rotate_server_keys
from etherapy.server.operate.site import Site
from etherapy.tep.leaves import restore_leaf, server_link_leaf
from etherapy.tep.placing import Entry
from etherapy.tep.restore import next_generation, restore_keys
from tests.operate.places import ORIGIN, furnish_thread, site_at

GAP = 2**40


class Restored:
    """A place that was restored: `before` is how its threads ended, by id."""

    def __init__(self, site: Site, practice: bytes, empty: bytes, generations: dict[bytes, int]) -> None:
        self.site, self.practice, self.empty, self.generations = site, practice, empty, generations
        self.before: dict[bytes, tuple[int, bytes]] = {}
        self.secrets = ServerSecrets.load(site.keys_file)
        self.judge = Generations(practice, restore_keys(self.secrets.known))

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.site.connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *args)]


@pytest.fixture
async def restored(scratch, postgres, tmp_path) -> Restored:
    old = site_at(tmp_path / "data", await scratch(), postgres)
    there = await set_up(old, ORIGIN, synthetic=True)
    elm = await create_practice(old, there, name="Elm", zone="Europe/London")
    oak = await create_practice(old, there, name="Oak", zone="Europe/London")
    async with old.connection() as connection:
        for _ in range(5):
            thread = await furnish_thread(connection, there, elm.practice_id)
            await connection.execute(
                "INSERT INTO feed SELECT practice_id, owner, 7 FROM thread WHERE thread_id = $1", thread
            )
            await connection.execute(
                "INSERT INTO member (practice_id, thread_id, account_id, role, feed_at)"
                " SELECT practice_id, thread_id, owner, 2, 7 FROM thread WHERE thread_id = $1",
                thread,
            )
        ends = await connection.fetch("SELECT thread_id, last_n, last_t FROM thread")
    await make_backup(old, tmp_path / "backup", tmp_path / "vault" / "server.json")
    site = site_at(tmp_path / "new", await scratch(), postgres)
    done = await restore_backup(site, tmp_path / "backup", tmp_path / "vault" / "server.json")
    found = Restored(site, elm.practice_id, oak.practice_id, done.generations)
    found.before = {row["thread_id"]: (row["last_n"], row["last_t"]) for row in ends}
    return found


async def test_every_thread_goes_on_with_a_mark_that_names_where_it_was(restored: Restored):
    """AT-59"""
    marks = await restored.rows(
        "SELECT g.thread_id, g.mark, e.item_type, e.reason, e.generation, e.n,"
        " (extract(epoch FROM e.placed_at) * 1000)::bigint, e.item_hash, e.promise_hash"
        " FROM generation_mark g JOIN entry e USING (practice_id, thread_id, n)"
    )
    assert len(marks) == len(restored.before) == 5
    for thread, mark, *entry in marks:
        n, t = restored.before[thread]
        found = restored.judge.check(Entry(*entry), mark, thread, t, previous=1)
        assert found.restored_n == n == 3
        assert found.statement.generation == restored.generations[restored.practice]
    async with restored.site.connection() as connection:
        assert (await inspect_store(connection)).wrong == []


async def test_the_statement_is_signed_and_a_leaf_of_the_keys_log_also_without_threads(restored: Restored):
    for practice in (restored.practice, restored.empty):
        ((generation, whole),) = await restored.rows(
            "SELECT generation, statement FROM restore_statement WHERE practice_id = $1", practice
        )
        signed = Generations(practice, restore_keys(restored.secrets.known)).statement(whole)
        assert signed.statement.generation == generation == restored.generations[practice]
        assert signed.statement.previous == 1
        leaves = await restored.rows("SELECT data FROM log_leaf WHERE practice_id = $1 AND log = 1", practice)
        assert (restore_leaf(signed.statement_hash),) in leaves
    assert signed.statement.root == empty_root()
    acts = await restored.rows("SELECT record FROM log_leaf WHERE log = 2 AND record IS NOT NULL")
    assert sum(b'"practice.restored"' in record for (record,) in acts) == 2


async def test_no_cursor_from_before_the_restore_misses_a_thread(restored: Restored):
    ahead = await restored.rows("SELECT min(feed_at) > $1, count(DISTINCT feed_at) FROM member", 7 + GAP - 1)
    assert ahead[0][0] is True
    beyond = "SELECT count(*) FROM member m JOIN feed f USING (account_id) WHERE feed_at > last"
    assert await restored.rows(beyond) == [(0,)]


async def test_links_that_are_younger_than_the_backup_are_published_again(scratch, postgres, tmp_path):
    old = site_at(tmp_path / "data", await scratch(), postgres)
    there = await set_up(old, ORIGIN, synthetic=True)
    made = await create_practice(old, there, name="Elm", zone="Europe/London")
    await make_backup(old, tmp_path / "backup")
    await rotate_server_keys(old, await read_installation(old))
    site = site_at(tmp_path / "new", await scratch(), postgres)
    await restore_backup(site, tmp_path / "backup", old.keys_file)
    secrets = (await read_installation(site)).secrets
    leaf = server_link_leaf(secrets.server_id, 1, secrets.known.hashes[1])
    async with site.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM server_link") == 2
        found = await connection.fetch("SELECT data FROM log_leaf WHERE practice_id = $1", made.practice_id)
        whole = await connection.fetchval("SELECT statement FROM restore_statement")
    assert leaf in [row["data"] for row in found]
    signed = Generations(made.practice_id, restore_keys(secrets.known)).statement(whole)
    assert signed.statement.previous == 1


def test_two_restores_of_one_backup_have_different_generations():
    at = datetime(2026, 6, 2, 3, tzinfo=UTC)
    first, second = (next_generation(1, milliseconds(at + timedelta(minutes=m))) for m in (0, 1))
    assert 1 < first < second
    assert next_generation(second, milliseconds(at)) == second + 1
    assert next_generation(1, 0) == 2
