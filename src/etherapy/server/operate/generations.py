"""A restored practice goes on in a new generation, and says so under the server's signature (A-8).

Without it every device that had seen more would have to call the server a liar, and rightly so.
"""

import os
from dataclasses import dataclass
from datetime import datetime

from etherapy.merkle.proof import inclusion_proof
from etherapy.merkle.tree import grow, leaf_hash, root
from etherapy.rules.calendar import milliseconds
from etherapy.rules.canonical import canonical_json
from etherapy.server.keys import ServerSecrets
from etherapy.store.connection import Connection
from etherapy.store.database import Database
from etherapy.store.healing import Healing
from etherapy.store.people import AuditLeaf
from etherapy.tep.leaves import restore_leaf
from etherapy.tep.restore import (
    RestoreStatement,
    mark_hash,
    next_generation,
    pack_mark,
    parse_restore,
    sign_restore,
    thread_leaf,
)

_PRACTICES = "SELECT practice_id, generation FROM practice ORDER BY practice_id"
_THREADS = "SELECT thread_id, last_n, last_t FROM thread WHERE practice_id = $1 ORDER BY thread_id"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thread is taken up again."""

    thread: bytes
    n: int
    t: bytes


async def begin_generations(database: Database, secrets: ServerSecrets, now: datetime) -> dict[bytes, int]:
    """Begin a new generation in every practice; its number by practice. Nobody may be served meanwhile."""
    async with database.connection() as connection:
        practices = [(row["practice_id"], row["generation"]) for row in await connection.fetch(_PRACTICES)]
        places = {practice: await _places(connection, practice) for practice, _ in practices}
    begun: dict[bytes, int] = {}
    for practice, previous in practices:
        begun[practice] = await _begin(database, secrets, now, practice, previous, places[practice])
    return begun


async def _places(connection: Connection, practice: bytes) -> list[Place]:
    rows = await connection.fetch(_THREADS, practice)
    return [Place(row["thread_id"], row["last_n"], row["last_t"]) for row in rows]


async def _begin(
    database: Database,
    secrets: ServerSecrets,
    now: datetime,
    practice: bytes,
    previous: int,
    places: list[Place],
) -> int:
    at = milliseconds(now)
    generation = next_generation(previous, at)
    hashes = [leaf_hash(thread_leaf(one.thread, one.n, one.t)) for one in places]
    statement = sign_restore(
        RestoreStatement(practice, generation, previous, at, root(hashes)),
        secrets.restore,
    )
    name = parse_restore(statement).statement_hash
    record = {
        "act": "practice.restored",
        "at": now.isoformat(),
        "by": "operator",
        "generation": generation,
        "threads": len(places),
    }
    await Healing(database).begin(
        practice,
        now,
        generation,
        statement,
        [
            (one.thread, mark_hash(name, one.thread, one.n, one.t), mark)
            for one, mark in zip(places, _marks(statement, hashes), strict=True)
        ],
        restore_leaf(name),
        os.urandom(16),
        AuditLeaf(os.urandom(16), os.urandom(32), canonical_json(record)),
    )
    return generation


def _marks(statement: bytes, hashes: list[bytes]) -> list[bytes]:
    """The item of each thread's mark, in the order of the leaves."""
    nodes = {(level, at): digest for level, at, digest in grow(0, _nothing, hashes)[0]}
    size = len(hashes)
    return [
        pack_mark(statement, index, size, inclusion_proof(index, size, lambda level, at: nodes[(level, at)]))
        for index in range(size)
    ]


def _nothing(level: int, index: int) -> bytes:
    raise KeyError((level, index))
