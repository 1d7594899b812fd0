"""What is broken in one practice is its own trouble (guarantees.md G6)."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime

from etherapy.store.connection import connect
from tests.journeys.conftest import VALE, Story, furnish

NIGHT = datetime(2026, 6, 2, 2, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


async def test_a_log_that_cannot_be_continued_does_not_end_the_rounds(
    story: Story, stack: AsyncExitStack
) -> None:
    other = await furnish(story.server, stack, VALE)
    await story.turn_to(NIGHT)
    sent = [await one.client.send(one.thread, "Until tomorrow.") for one in (story, other)]
    assert [one.state for one in sent] == ["held", "held"]
    connection = await connect(story.server.store.bootstrap_dsn, timeout=5)
    await connection.execute("DELETE FROM log_node WHERE practice_id = $1", story.practice)
    await story.turn_to(MORNING)
    await story.server.make_rounds()
    states = await connection.fetch(
        "SELECT state FROM message WHERE practice_id = ANY ($1::uuid[])", [story.practice, other.practice]
    )
    waiting = await connection.fetchval(
        "SELECT count(*) FROM log_leaf WHERE practice_id = $1 AND index IS NULL", other.practice
    )
    await connection.close()
    assert ([row["state"] for row in states], waiting) == (["placed", "placed"], 0)
