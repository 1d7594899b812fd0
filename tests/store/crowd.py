"""A practice that has been busy for years: messages by the hundred thousand, made inside the database."""

from datetime import datetime

from etherapy.store.connection import connect
from tests.postgres_fixture import Store
from tests.store.furnish import Room

_FILL = """
SET session_replication_role = replica;  -- what is referred to need not exist: nothing here reads it

CREATE TEMP TABLE crowd AS
SELECT CASE WHEN i % 2 = 0 THEN {probe} ELSE md5('thread' || i / 2 % {threads})::uuid END AS thread_id,
       CASE WHEN i % 2 = 0 THEN {client} ELSE md5('client' || i / 2 % {threads})::uuid END AS account_id,
       CASE WHEN i % 2 = 0 THEN 2 + i / 2 ELSE 1 + i / 2 / {threads} END AS n,
       i % 2 = 1 AND i / 2 / {threads} = 0 AS held,
       md5('mid' || i)::uuid AS mid, sha256(('item' || i)::bytea) AS hash,
       {now} - interval '1 day' - make_interval(secs => {count} - i) AS at
  FROM generate_series(2, {count} + 1) AS i;

INSERT INTO thread (practice_id, thread_id, owner, generation, last_n, last_t, last_placed_at, epoch,
                    commit_hash, open_count, open_since, created_at)
SELECT {practice}, thread_id, md5('owner' || thread_id)::uuid, 1, max(n), sha256(''), max(at), 0,
       sha256(''), 1, max(at), min(at)
  FROM crowd WHERE thread_id <> {probe} GROUP BY thread_id;

INSERT INTO member (practice_id, thread_id, account_id, role, feed_at)
SELECT practice_id, thread_id, md5('client' || i)::uuid, 1, 1
  FROM thread JOIN generate_series(0, {threads} - 1) i ON thread_id = md5('thread' || i)::uuid
UNION ALL
SELECT practice_id, thread_id, owner, 2, 1 FROM thread WHERE thread_id <> {probe};

INSERT INTO message (practice_id, account_id, mid, thread_id, device_id, by_client, item_hash, envelope,
                     epoch, urgent, expects_reply, service_class, size, turn, accepted_at, accepted_order,
                     counted_from, release_at, reply_by, window_at, state, n, placed_at, promise,
                     promise_hash, decision, question, leaf_id, leaf_salt)
SELECT {practice}, account_id, mid, thread_id, mid, true, hash, hash,
       0, false, true, 1, 0, 0, at, n, at, CASE WHEN held THEN {now} + interval '1 day' ELSE at END,
       at + interval '9 days', at, CASE WHEN held THEN 'held' ELSE 'placed' END,
       CASE WHEN NOT held THEN n END, CASE WHEN NOT held THEN at END, hash, hash, '{{}}', '{{}}', mid, hash
  FROM crowd;

INSERT INTO entry (practice_id, thread_id, n, item_type, reason, generation, placed_at, item_hash,
                   promise_hash, t)
SELECT {practice}, thread_id, n, 1, 1, 1, at, hash, hash, hash FROM crowd WHERE NOT held;

INSERT INTO log_leaf (practice_id, log, leaf_id, data, salt, record, recorded_at, index)
SELECT {practice}, 2, mid, hash, hash, '{{}}', at, 999 + row_number() OVER (ORDER BY at)
  FROM crowd WHERE NOT held;
INSERT INTO log_node (practice_id, log, level, index, hash)
SELECT {practice}, 2, 0, row_number() OVER (), hash FROM crowd;

INSERT INTO notice (practice_id, account_id, window_at, urgent, noticed_at)
SELECT {practice}, {therapist}, at, false, at FROM crowd WHERE extract(second FROM at)::integer % 10 = 0
    ON CONFLICT DO NOTHING;

UPDATE thread SET last_n = {count} / 2 + 2, accepted = {count} / 2 WHERE thread_id = {probe};
UPDATE log SET size = 1000 + (SELECT count(*) FROM crowd WHERE NOT held)
 WHERE practice_id = {practice} AND log = 2;
SET session_replication_role = DEFAULT;
"""


async def fill(store: Store, room: Room, now: datetime, count: int) -> None:
    """`count` messages: half in the room's thread, half in others of its practice, each with one held.

    Nothing is due at `now`. Statistics are as a fresh table has them.
    """
    connection = await connect(store.bootstrap_dsn, timeout=10)
    await connection.execute(
        _FILL.format(
            practice=f"'{room.practice.hex()}'::uuid",
            probe=f"'{room.thread.hex()}'::uuid",
            client=f"'{room.client.account.hex()}'::uuid",
            therapist=f"'{room.therapist.account.hex()}'::uuid",
            now=f"'{now.isoformat()}'::timestamptz",
            threads=count // 20,
            count=count,
        )
    )
    await connection.close()


async def gather_statistics(store: Store) -> None:
    """What autovacuum does in time."""
    connection = await connect(store.operate_dsn, timeout=10)
    await connection.execute("ANALYZE")
    await connection.close()
