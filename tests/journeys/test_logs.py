"""The two logs of a practice while people write at the same time (D-27, A-6): complete, ordered, provable."""

import asyncio
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any

from etherapy.merkle.proof import verify_inclusion
from etherapy.merkle.tree import leaf_hash
from etherapy.protocol import endpoints
from etherapy.protocol.logs import InclusionQuery
from etherapy.sdk.keeping.kept import LogCopy
from etherapy.sdk.watching.log_copy import LogName, LogReader
from etherapy.store.connection import connect
from etherapy.tep import cbor
from tests.journeys.conftest import Story

OPEN = datetime(2026, 6, 2, 14, 0, tzinfo=UTC)
COUNT = "SELECT index, data FROM log_leaf WHERE practice_id = $1 AND log = $2 ORDER BY index"


async def leaves_of(story: Story, log: int) -> list[Any]:
    connection = await connect(story.server.store.operate_dsn, timeout=10, name="tests")
    try:
        return list(await connection.fetch(COUNT, story.practice, log))
    finally:
        await connection.close()


async def abort_a_leaf(story: Story) -> None:
    """A transaction that writes a leaf and does not end well."""
    connection = await connect(story.server.store.operate_dsn, timeout=10, name="tests")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "INSERT INTO log_leaf (practice_id, log, leaf_id, data, recorded_at) VALUES ($1, 2, $2, $3, $4)",
        story.practice, urandom(16), b"aborted", OPEN,
    )  # fmt: skip
    await story.server.make_rounds()
    await transaction.rollback()
    await connection.close()


async def test_every_committed_leaf_gets_one_place_and_both_logs_prove_themselves(story: Story) -> None:
    """AT-109: leaves of concurrent and aborted transactions; a leaf for each day, also when it was empty."""
    await story.turn_to(OPEN)
    board = await story.supervisor()
    other, thread = await story.another_client()
    writing = [
        *(story.client.send(story.thread, f"one {number}") for number in range(5)),
        *(other.send(thread, f"other {number}") for number in range(5)),
    ]
    await asyncio.gather(
        *writing,
        abort_a_leaf(story),
        *(story.server.make_rounds() for _ in range(4)),
        return_exceptions=False,
    )
    await story.turn_to(OPEN + timedelta(days=4))
    await asyncio.gather(*(story.server.make_rounds() for _ in range(3)))
    await story.server.make_rounds()
    names: tuple[tuple[int, LogName], ...] = ((1, "keys"), (2, "audit"))
    for log, name in names:
        rows = await leaves_of(story, log)
        assert [row["index"] for row in rows] == list(range(len(rows)))
        assert b"aborted" not in {row["data"] for row in rows}
        reader = LogReader(board.transport, board.server, story.practice, name, LogCopy())
        read = await reader.follow()
        assert [bytes(one) for one in read.leaves] == [row["data"] for row in rows]
        for at in (0, len(rows) // 2, len(rows) - 1):
            proof = await board.transport.call(
                endpoints.prove_inclusion, query=InclusionQuery(at, len(rows)), log=name
            )
            leaf = leaf_hash(read.leaves[at])
            assert verify_inclusion(leaf, at, len(rows), proof.nodes, reader.copy.root)
    leaves = [cbor.decode(row["data"], limit=4096) for row in await leaves_of(story, 2)]
    days = [leaf[1] for leaf in leaves if leaf[0] == 5]
    assert sorted(days) == [f"2026-06-0{day}" for day in range(1, 6)]
