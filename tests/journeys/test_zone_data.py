"""New zone data after an upgrade: promises stay, and a therapist of whom it moves an opening is told."""

from datetime import UTC, datetime

import pytest

from etherapy.rules.calendar import tzdata_checksum
from etherapy.rules.canonical import canonical_json
from etherapy.rules.zone_forecast import zone_forecast
from etherapy.server.operate.installation import adopt_zone_data
from etherapy.store.connection import connect
from tests.journeys.conftest import Story, site_of

WEEK = 7 * 86_400_000


async def pretend_older(story: Story, now: datetime, zone: str, moved: int) -> None:
    """As if the installation had gone by data in which the clocks of a zone change so much (ms) earlier."""
    forecast = {name: list(offsets) for name, offsets in zone_forecast(now.date()).items()}
    forecast[zone] = [forecast[zone][0], *([at - moved, offset] for at, offset in forecast[zone][1:])]
    connection = await connect(story.server.store.operate_dsn, timeout=10, name="tests")
    try:
        await connection.execute("DELETE FROM installation")
        await connection.execute(
            "INSERT INTO installation (synthetic, clock_offset_ms, tzdata_checksum, zone_forecast)"
            " VALUES (true, $1, 'older', $2)",
            int((now - datetime.now(UTC)).total_seconds() * 1000),
            canonical_json(forecast),
        )
    finally:
        await connection.close()


async def told(story: Story) -> list[str]:
    return [one.subject for one in await story.therapist.tasks() if one.kind == "zone_data_changed"]


@pytest.mark.parametrize("writes", [True, False])
async def test_an_opening_that_moves_is_a_task_whether_or_not_something_is_held(
    story: Story, writes: bool
) -> None:
    friday = datetime(2027, 10, 23, 2, 0, tzinfo=UTC)  # Friday 22:00 in New York, the night before
    await story.turn_to(friday)
    if writes:
        held = await story.client.send(story.thread, "Friday night")
        assert held.state == "held"
    await pretend_older(story, friday, "America/New_York", WEEK)
    assert await adopt_zone_data(site_of(story.server))
    # by the older data the clocks went back on 31 October; by ours they do on 7 November
    assert await told(story) == ["2027-11-01 America/New_York"]
    if writes:
        [waiting] = await story.client.waiting(story.thread)
        assert waiting.promise == held.promise
    assert not await adopt_zone_data(site_of(story.server))
    assert await told(story) == ["2027-11-01 America/New_York"]


async def test_where_only_other_zones_move_nobody_is_told(story: Story) -> None:
    now = datetime(2027, 10, 23, 2, 0, tzinfo=UTC)
    await story.turn_to(now)
    await pretend_older(story, now, "Europe/London", WEEK)
    assert await adopt_zone_data(site_of(story.server))
    assert await told(story) == []


async def test_what_lies_further_than_promises_reach_is_nobodys_task(story: Story) -> None:
    now = datetime(2027, 7, 1, 14, 0, tzinfo=UTC)
    await story.turn_to(now)
    await pretend_older(story, now, "America/New_York", WEEK)
    assert await adopt_zone_data(site_of(story.server))
    assert await told(story) == []
    connection = await connect(story.server.store.operate_dsn, timeout=10, name="tests")
    try:
        assert await connection.fetchval("SELECT tzdata_checksum FROM installation") == tzdata_checksum()
    finally:
        await connection.close()
