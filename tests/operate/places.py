"""Places for the operator's tests: a scratch database and a data directory of its own."""

import os
from pathlib import Path

from etherapy.binary import b64
from etherapy.postgres import Postgres
from etherapy.server.operate.installation import Installation
from etherapy.server.operate.site import Site
from etherapy.server.settings import Settings
from etherapy.store.connection import Connection
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next, thread_start
from etherapy.tep.serverkeys import home
from tests.postgres_fixture import Store

ORIGIN = "http://127.0.0.1:8440"


def site_at(data: Path, store: Store, postgres: Postgres) -> Site:
    """An installation's place over a scratch database."""
    return Site(data, store.serve_dsn, store.operate_dsn, postgres.bin_dir, None)


def settings_at(data: Path, store: Store) -> Settings:
    """Settings that name that place; its ports are not opened by anybody."""
    return Settings(data=data, database=store.serve_dsn, operate_database=store.operate_dsn)


async def furnish_thread(connection: Connection, there: Installation, practice_id: bytes) -> bytes:
    """A thread with three placed positions and one held message; answers its id."""
    now, thread, account, device = there.now(), os.urandom(16), os.urandom(16), os.urandom(16)
    await connection.execute(
        "INSERT INTO account (practice_id, account_id, chain_id, chain_seq, chain_head, roles, joined_at)"
        " VALUES ($1, $2, $3, 0, $3, '{therapist}', $4)",
        *(practice_id, account, os.urandom(32), now),
    )
    await connection.execute(
        "INSERT INTO thread (practice_id, thread_id, owner, generation, last_t, created_at)"
        " VALUES ($1, $2, $3, 1, '', $4)",
        *(practice_id, thread, account, now),
    )
    t = thread_start(thread, home(there.secrets.server_id, practice_id))
    placed_ms = int(now.timestamp() * 1000)
    for n in (1, 2, 3):
        entry = Entry(ItemType.COMMIT, Reason.NONE, 1, n, placed_ms, os.urandom(32))
        t = thread_next(t, entry)
        await connection.execute(
            "INSERT INTO entry VALUES ($1, $2, $3, 2, 0, 1, $4, $5, $6, $7)",
            *(practice_id, thread, n, now, entry.item_hash, entry.promise_hash, t),
        )
    await connection.execute(
        "UPDATE thread SET last_n = 3, last_t = $3 WHERE practice_id = $1 AND thread_id = $2",
        *(practice_id, thread, t),
    )
    await connection.execute(
        "INSERT INTO message (practice_id, account_id, mid, thread_id, device_id, by_client, item_hash,"
        " epoch, urgent, expects_reply, service_class, size, turn, accepted_at, accepted_order, counted_from,"
        " release_at, state, promise, promise_hash, decision, question, leaf_id, leaf_salt)"
        " VALUES ($1, $2, $3, $4, $5, true, $6, 0, false, true, 1, 0, 0, $7, 1, $7,"
        " $7::timestamptz + interval '1 day', 'held', $6, $6, $6, $6, $3, $6)",
        *(practice_id, account, os.urandom(16), thread, device, os.urandom(32), now),
    )
    await connection.execute(
        "INSERT INTO device (practice_id, device_id, account_id, sign_pk, hpke_hash, class)"
        " VALUES ($1, $2, $3, $4, $4, 1)",
        *(practice_id, device, account, os.urandom(32)),
    )
    await connection.execute(
        "INSERT INTO session VALUES ($1, $2, $3, $4, $2, $5::timestamptz + interval '1 hour')",
        *(practice_id, os.urandom(32), account, device, now),
    )
    return thread


def shown(practice_id: bytes) -> str:
    """A practice's id as people see it."""
    return b64(practice_id)
