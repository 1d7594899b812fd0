"""What was taken back or still waits leaves no trace in what readers and auditors are shown (A-4, G5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.conftest import Story

NIGHT = datetime(2026, 6, 2, 2, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


async def test_the_decision_of_a_later_message_does_not_tell_of_one_that_was_taken_back(
    story: Story,
) -> None:
    board = await story.supervisor()
    await story.turn_to(NIGHT)
    first = await story.client.send(story.thread, "I cannot sleep.")
    await story.client.recall(story.thread, first.mid)
    second = await story.client.send(story.thread, "See you on Thursday.")
    assert first.acknowledgement and not second.acknowledgement
    own = await story.client.explain(story.thread, second.mid)
    assert own.decision.ack is False
    await story.turn_to(MORNING)
    await story.therapist.sync()
    shown = await story.therapist.explain(story.thread, second.mid)
    assert shown.decision.ack is None
    assert "ack" not in {reason.kind for reason in shown.decision.because}
    assert (
        {reason.kind for reason in own.decision.because} >= {r.kind for r in shown.decision.because} != set()
    )
    await story.server.make_rounds()
    [placed] = [record for record in await board.decisions() if record.act == "message.placed"]
    assert placed.facts["decision"]["code"] == "held"
    assert "ack" not in placed.facts["decision"]
    assert "ack" not in {reason["kind"] for reason in placed.facts["decision"]["because"]}


async def test_an_urgent_message_does_not_tell_of_what_still_waits(story: Story) -> None:
    board = await story.supervisor()
    rules: list[dict[str, Any]] = [
        {"kind": "off_hours.policy", "policy": "hold_with_ack"},
        {"kind": "response.target", "target": {"count": "wall_hours", "n": 48}},
    ]
    await story.therapist.set_rules(rules)
    await story.turn_to(NIGHT)
    held = await story.client.send(story.thread, "This can wait.")
    assert held.state == "held" and held.acknowledgement
    await story.turn_to(NIGHT + timedelta(hours=1))
    urgent = await story.client.send(story.thread, "This cannot.", urgent=True)
    assert urgent.promise.reply_by == NIGHT + timedelta(hours=49)
    await story.therapist.sync()
    shown = (await story.therapist.explain(story.thread, urgent.mid)).decision
    assert {reason.kind for reason in shown.because} == {
        "off_hours.policy",
        "response.target",
        "safety.floor",
        "window.weekly",
    }
    assert "same_turn" not in {reason.words for reason in shown.because}
    await story.server.make_rounds()
    [placed] = [record for record in await board.decisions() if record.act == "message.placed"]
    assert "acknowledged_before" not in str(placed.facts) and "same_turn" not in str(placed.facts)
