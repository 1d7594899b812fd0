"""What is stored, checked against itself: positions without gaps, every T_n, every log's root (G3, G14)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from etherapy.merkle.tree import leaf_hash, root
from etherapy.store.connection import Connection
from etherapy.tep.placing import Entry, thread_next, thread_start

COUNTED = ("practice", "account", "chain_link", "thread", "entry", "message", "log_leaf", "rule_set")
"""Tables from which nothing is ever taken away."""

_BATCH = 2000
_ENTRIES = """
SELECT e.thread_id, e.n, e.item_type, e.reason, e.generation,
       (extract(epoch FROM e.placed_at) * 1000)::bigint AS placed_ms, e.item_hash, e.promise_hash, e.t,
       t.last_n, t.last_t, p.home
  FROM entry e
  JOIN thread t ON t.practice_id = e.practice_id AND t.thread_id = e.thread_id
  JOIN practice p ON p.practice_id = e.practice_id
 ORDER BY e.practice_id, e.thread_id, e.n
"""
_LEAVES = "SELECT data FROM log_leaf WHERE practice_id = $1 AND log = $2 AND index IS NOT NULL ORDER BY index"
_SHORT = """
SELECT count(*) FROM thread t
 WHERE t.last_n <> (
   SELECT count(*) FROM entry e WHERE e.practice_id = t.practice_id AND e.thread_id = t.thread_id)
"""
_UNPLACED = """
SELECT count(*) FROM message m
 WHERE m.state = 'placed' AND NOT EXISTS (
   SELECT FROM entry e WHERE e.practice_id = m.practice_id AND e.thread_id = m.thread_id AND e.n = m.n
                         AND e.item_hash = m.item_hash AND e.promise_hash = m.promise_hash)
"""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was looked at, and what is wrong with it: a line each, without anybody's content."""

    entries: int
    leaves: int
    held: int
    wrong: list[str]


async def inspect_store(connection: Connection) -> Inspected:
    """Recompute everything that can be recomputed, in one snapshot; reads only."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        entries, wrong = await _inspect_threads(connection)
        leaves = 0
        for row in await connection.fetch("SELECT practice_id, log, size, root FROM log"):
            size, found = await _inspect_log(connection, row["practice_id"], row["log"])
            leaves += size
            if (size, found) != (row["size"], row["root"]):
                name = {1: "keys", 2: "audit"}[row["log"]]
                wrong.append(f"log {name} of practice {row['practice_id'].hex()}: leaves and root disagree")
        if short := await connection.fetchval(_SHORT):
            wrong.append(f"{short} threads have another number of entries than positions")
        if unplaced := await connection.fetchval(_UNPLACED):
            wrong.append(f"{unplaced} placed messages do not agree with the entry at their position")
        held = await connection.fetchval("SELECT count(*) FROM message WHERE state = 'held'")
    return Inspected(entries, leaves, held, wrong)


async def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each of the growing tables has."""
    return {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in COUNTED}


async def _inspect_threads(connection: Connection) -> tuple[int, list[str]]:
    count, thread, t, n = 0, b"", b"", 0
    wrong: list[str] = []
    async for row in _rows(connection):
        count += 1
        if row.thread_id != thread:
            thread, t, n = row.thread_id, thread_start(row.thread_id, row.home), 0
        n, t = n + 1, thread_next(t, row.entry)
        ends = row.last_n == row.entry.n
        bad = row.entry.n != n or row.t != t or (ends and row.last_t != t)
        if bad and (not wrong or thread.hex() not in wrong[-1]):
            wrong.append(f"thread {thread.hex()}: the chain of entries breaks at position {n}")
    return count, wrong


@dataclass(frozen=True, slots=True)
class _Row:
    thread_id: bytes
    entry: Entry
    t: bytes
    last_n: int
    last_t: bytes
    home: bytes


async def _rows(connection: Connection) -> AsyncIterator[_Row]:
    async for row in connection.cursor(_ENTRIES, prefetch=_BATCH):
        entry = Entry(
            row["item_type"],
            row["reason"],
            row["generation"],
            row["n"],
            row["placed_ms"],
            row["item_hash"],
            row["promise_hash"],
        )
        yield _Row(row["thread_id"], entry, row["t"], row["last_n"], row["last_t"], row["home"])


async def _inspect_log(connection: Connection, practice_id: bytes, log: int) -> tuple[int, bytes]:
    hashes = [
        leaf_hash(row["data"]) async for row in connection.cursor(_LEAVES, practice_id, log, prefetch=_BATCH)
    ]
    return len(hashes), root(hashes)
