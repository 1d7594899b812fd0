"""Looking for holes in the wall between practices, as the serving role: every table, every function."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from os import urandom
from typing import Any

import asyncpg

from etherapy.store.catalogue import ACROSS_PRACTICES, WITHOUT_ROW_SECURITY
from etherapy.store.connection import Connection
from tests.server.matrix import tables_of_practices

_COLUMNS = """
SELECT a.attname::text AS name FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid IN ('uuid'::regtype, 'bytea'::regtype, 'uuid[]'::regtype, 'bytea[]'::regtype)
"""
_FUNCTIONS = """
SELECT p.proname::text AS name, p.pronargs AS count, p.proargnames AS names,
       ARRAY(SELECT format_type(t.oid, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY AS u (oid, nr)
               JOIN pg_type t ON t.oid = u.oid ORDER BY u.nr) AS types
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.pronargs > 0 AND p.proargnames[1] = 'p_practice'
 ORDER BY p.proname = 'close_session', 1
"""
ROLES = ["administrator", "client", "supervisor", "therapist"]


@dataclass(frozen=True, slots=True)
class Hole:
    """What could be done to another practice's rows, and where."""

    where: str
    what: str


async def walled_tables(operate: Connection) -> list[str]:
    """Every table that names a practice and is not listed as seen across practices."""
    return [name for name in await tables_of_practices(operate) if name not in WITHOUT_ROW_SECURITY]


async def holes_in_tables(serve: Connection, operate: Connection, mine: bytes, other: bytes) -> list[Hole]:
    """What `mine` can do to the rows of `other`."""
    found = []
    for table in await walled_tables(operate):
        row = await operate.fetchval(
            f"SELECT to_jsonb(whole) FROM {table} whole WHERE practice_id = $1 LIMIT 1", other
        )
        assert row is not None, f"{table} is empty: furnish it, or this proves nothing"
        tries = {
            "seen": (f"SELECT FROM {table} WHERE practice_id = $1", other),
            "changed": (f"UPDATE {table} SET practice_id = practice_id WHERE practice_id = $1", other),
            "given a row": (f"UPDATE {table} SET practice_id = $1", other),
            "deleted": (f"DELETE FROM {table} WHERE practice_id = $1", other),
            "added to": (f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1)", row),
            "emptied": (f"TRUNCATE {table} CASCADE",),
        }
        for what, (sql, *values) in tries.items():
            if await reaches(serve, mine, sql, *values):
                found.append(Hole(table, what))
    return found


async def reaches(serve: Connection, practice: object, sql: str, *values: object) -> bool:
    """Whether a statement touched any row, with `app.practice` set to `practice` (None: not set). Undone."""
    await serve.execute("BEGIN")
    try:
        if practice is not None:
            said = (
                practice
                if isinstance(practice, str)
                else str(await serve.fetchval("SELECT $1::uuid::text", practice))
            )
            await serve.execute("SELECT set_config('app.practice', $1, true)", said)
        statement = await serve.prepare(sql)
        rows = await statement.fetch(*values)
        touched = (statement.get_statusmsg() or "").rpartition(" ")[2]
        return bool(rows) or (touched.isdigit() and int(touched) > 0) or sql.startswith("TRUNCATE")
    except asyncpg.IntegrityConstraintViolationError:
        return True  # it was let through, and another rule stopped it
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidTextRepresentationError):
        return False
    finally:
        await serve.execute("ROLLBACK")


async def values_of(operate: Connection, practice: bytes) -> set[bytes]:
    """Every id, hash, key and ciphertext of a practice, whatever the column."""
    found: set[bytes] = set()
    for table in await tables_of_practices(operate):
        columns = [
            row["name"] for row in await operate.fetch(_COLUMNS, table) if row["name"] != "practice_id"
        ]
        for column in columns:
            rows = await operate.fetch(f"SELECT {column} AS v FROM {table} WHERE practice_id = $1", practice)
            found |= {piece for row in rows for piece in pieces_of(row["v"])}
    return {value for value in found if len(value) >= 16}


def pieces_of(value: Any) -> list[bytes]:
    """The byte strings anywhere in a value that the driver gave."""
    if isinstance(value, bytes):
        return [value]
    if isinstance(value, str):
        return [value.encode()]
    if isinstance(value, Mapping | asyncpg.Record):
        return [piece for inner in value.values() for piece in pieces_of(inner)]
    if isinstance(value, list | tuple):
        return [piece for inner in value for piece in pieces_of(inner)]
    return []


async def holes_in_functions(
    serve: Connection, operate: Connection, mine: bytes, token_hash: bytes, other: bytes, now: datetime
) -> tuple[list[Hole], set[str]]:
    """What functions called for `mine` with ids of `other` give away; and which of them ran to their end."""
    names = await ids_of(operate, other)
    own = await values_of(operate, mine)
    secret = await values_of(operate, other) - own
    found, ran, given = [], set[str](), set[bytes]()
    for row in await operate.fetch(_FUNCTIONS):
        if row["name"] in ACROSS_PRACTICES:
            continue
        places, values = [], []
        for nr, (name, kind) in enumerate(zip(row["names"], row["types"], strict=False), start=1):
            value = _argument(name, kind, names, mine, token_hash, now)
            if kind in names:
                places.append(f"jsonb_populate_record(NULL::{kind}, ${nr}::jsonb)")
                value = names[kind]
            else:
                places.append(f"${nr}::{kind}")
            values.append(value)
        given |= {
            piece for value in values for piece in pieces_of(value)
        }  # some commands keep what they are given
        try:
            rows = await serve.fetch(f"SELECT * FROM {row['name']}({', '.join(places)})", *values)
        except asyncpg.PostgresError:
            continue
        ran.add(row["name"])
        leaked = {piece for one in rows for piece in pieces_of(one)} & secret - given
        if leaked:
            found.append(Hole(row["name"], f"gives {len(leaked)} values away"))
    return found, ran


async def ids_of(operate: Connection, practice: bytes) -> dict[str, Any]:
    """One thread of a practice with everything that belongs to it, by the names that parameters have."""
    row = await operate.fetchrow(
        """
        SELECT m.thread_id AS thread, m.account_id AS account, m.account_id AS owner, m.device_id AS device,
               m.mid, m.item_hash, t.commit_hash, t.commit_hash AS prev, t.epoch, t.version,
               a.chain_id AS chain, i.lookup_id AS lookup, to_jsonb(m) AS message
          FROM message m JOIN thread t USING (practice_id, thread_id)
          JOIN account a USING (practice_id, account_id)
          JOIN invitation i ON i.practice_id = m.practice_id AND i.accept IS NULL
         WHERE m.practice_id = $1 AND m.state = 'held' LIMIT 1
        """,
        practice,
    )
    assert row is not None
    return dict(row)


def _argument(
    name: str, kind: str, names: Mapping[str, Any], mine: bytes, token_hash: bytes, now: datetime
) -> object:
    """The other practice's, where a parameter's name tells of one; else something that fits."""
    if kind.endswith("[]") and name != "p_roles":
        return [_argument(_singular(name), kind.removesuffix("[]"), names, mine, token_hash, now)]
    told: dict[str, object] = {
        "practice": mine,
        "token": token_hash,
        "roles": ROLES,
        "now": now,
        "limit": 100,
        "log": 1,
        **names,
    }
    simple = name.removeprefix("p_").removeprefix("held_").removeprefix("part_")
    if simple in told:
        return told[simple]
    if simple in ("start", "from", "after", "seq", "r"):
        return 0
    return {
        "uuid": urandom(16),
        "bytea": urandom(32),
        "text": "word",
        "boolean": True,
        "date": now.date(),
        "smallint": 1,
        "timestamp with time zone": datetime(2026, 6, 1, tzinfo=UTC),
        "integer": 1,
        "bigint": 1,
    }.get(kind)


def _singular(name: str) -> str:
    return name.removesuffix("s") if name != "p_hashes" else "p_hash"
