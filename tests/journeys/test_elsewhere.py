"""A client says to be somewhere else: the crisis card goes along, and the therapist hears of a place outside
the licence (R-25)."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime

from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, Story, furnish

LICENSED = {"kind": "licence", "areas": ["US-NY", "US-IL"]}
SUNDAY = datetime(2026, 6, 7, 12, 0, tzinfo=UTC)
OPENING = datetime(2026, 6, 8, 13, 0, tzinfo=UTC)


async def outside(story: Story) -> list[tuple[str, datetime, str]]:
    found = [one for one in await story.therapist.tasks() if one.kind == "outside_licence"]
    assert [one.thread for one in found] == [story.thread.hex()[:8]] * len(found)
    return [(one.subject, one.due_at, one.kind) for one in found]


async def test_a_place_outside_the_licence_is_a_task_and_keeps_no_message_back(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, [*VALE, LICENSED])
    await story.turn_to(SUNDAY)
    await story.client.set_own_rules([{"kind": "region", "country": "US", "area": "US-IL"}])
    assert await outside(story) == []
    await story.client.set_own_rules([{"kind": "region", "country": "GB"}])
    assert await outside(story) == [("GB", OPENING, "outside_licence")]
    await story.client.set_own_rules([{"kind": "region", "country": "GB", "zone": "Europe/London"}])
    assert len(await outside(story)) == 1  # the same place, said once more
    urgent = await story.client.send(story.thread, "Written in London", urgent=True)
    assert urgent.state == "placed" and urgent.words.card.region == "GB"
    status = await story.client.alert_status(story.thread, urgent.mid)
    assert status.card is not None and status.card.region == "GB"


async def test_where_no_licence_is_said_nothing_is_asked(story: Story) -> None:
    await story.client.set_own_rules([{"kind": "region", "country": "GB"}])
    assert await story.therapist.tasks() == []
