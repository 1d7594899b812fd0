"""S-11: something urgent at three in the morning, with somebody on call and with nobody, on a real server."""

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.clock import TestClock
from etherapy.protocol.problems import BadRules, CardNotShown
from etherapy.sdk.administrator import Administrator
from etherapy.sdk.supervisor import Supervisor
from etherapy.sdk.therapist import Therapist
from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, Story, furnish

NIGHT = datetime(2026, 2, 18, 8, 0, tzinfo=UTC)
"""Wednesday 03:00 in New York."""
NINE = datetime(2026, 2, 18, 14, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> TestClock:
    """Some days before that night."""
    return TestClock(datetime(2026, 2, 16, 15, 0, tzinfo=UTC))


async def with_on_call(story: Story) -> tuple[Therapist, Therapist, Supervisor]:
    """Three people on call, a quarter of an hour apart."""
    first = await story.enrol(Therapist, "therapist", "Dr A")
    backup = await story.enrol(Therapist, "therapist", "Dr B")
    ruth = await story.supervisor()
    steps = [
        {"callee": (await one.whoami()).account.hex(), "name": name, "wait_minutes": 15}
        for one, name in ((first, "the on-call clinician"), (backup, "Dr B"), (ruth, "the supervisor"))
    ]
    await story.therapist.set_rules([*VALE, {"kind": "urgent.channel", "steps": steps}])
    return first, backup, ruth


async def test_s_11_the_backup_is_called_and_the_client_is_told_what_is_recorded(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, VALE)
    first, backup, ruth = await with_on_call(story)
    me, thread = story.client, story.thread
    me.zone = "America/New_York"
    await story.turn_to(NIGHT)
    seen = await me.preview(thread, "I cannot do this any more", urgent=True)
    assert seen.words.card.region == "US" and seen.words.card.lines[0].name.startswith("988")
    order = "the on-call clinician at once, Dr B after 15 minutes and the supervisor after 30 minutes"
    [told] = [line for line in seen.words.lines if line.startswith("A message marked urgent alerts")]
    assert order in told and "only if nobody has acknowledged before" in told
    sent = await me.send(thread, "I cannot do this any more", urgent=True, card=seen.words.card.card_id)
    assert sent.state == "placed" and sent.words.card.region == "US"
    assert (await me.alert_status(thread, sent.mid)).lines == ["alert sent 03:00", "not yet acknowledged"]
    [alert] = await first.alerts()
    assert (alert.owner, alert.step, alert.sent_at) == ("Dr Vale", 1, NIGHT)
    assert await backup.alerts() == []

    await story.turn_to(NIGHT + 15 * MINUTE)
    await server.make_rounds()
    [called] = await backup.alerts()
    assert called.sent_at == NIGHT + 15 * MINUTE
    await story.turn_to(NIGHT + 22 * MINUTE)
    await backup.acknowledge(called.alert)
    await story.turn_to(NIGHT + 40 * MINUTE)
    await server.make_rounds()
    assert await ruth.alerts() == []
    status = await me.alert_status(thread, sent.mid)
    assert status.lines == [
        "alert sent 03:00",
        "second person alerted 03:15",
        "Dr B has seen the alert 03:22",
    ]
    assert "on the way" not in " ".join([*status.lines, *sent.words.lines])

    await backup.close_alert(called.alert, "contacted")
    [task] = await story.therapist.tasks()
    assert (task.kind, task.due_at) == ("urgent_follow_up", NINE)
    await story.turn_to(NINE + MINUTE)
    await story.therapist.close_task(task.task, "contacted")
    assert await story.therapist.tasks() == []
    await server.make_rounds()
    acts = [record for record in await ruth.decisions() if record.act.startswith(("alert.", "task."))]
    assert [(one.act, one.facts.get("step")) for one in acts] == [
        ("alert.sent", 1),
        ("alert.sent", 2),
        ("alert.acknowledged", 2),
        ("alert.closed", 2),
        ("task.closed", None),
    ]
    cards = {one.facts["card"] for one in acts if one.act.startswith("alert.")}
    assert cards == {"builtin-us/1"}


async def test_s_11_nobody_answers_and_the_practice_is_told(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, VALE)
    await with_on_call(story)
    ola = await story.enrol(Administrator, "administrator", "Ola")
    me, thread = story.client, story.thread
    me.zone = "America/New_York"
    await story.turn_to(NIGHT)
    sent = await me.send(thread, "Is anybody there?", urgent=True)
    await story.turn_to(NIGHT + 45 * MINUTE)  # nobody made rounds: asking is enough
    status = await me.alert_status(thread, sent.mid)
    assert status.unanswered and status.lines[-1] == "nobody has acknowledged yet"
    assert status.card is not None and status.card.lines[0].name.startswith("988")
    assert [task.kind for task in await ola.tasks()] == ["alerts_unanswered"]


async def test_s_11_without_on_call_the_card_is_confirmed_first_and_the_notice_waits_for_nine(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    rules: list[dict[str, Any]] = [
        *VALE,
        {"kind": "urgent.channel", "confirm_card": True},
        {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"},
    ]
    story = await furnish(server, stack, rules)
    me, thread = story.client, story.thread
    await story.turn_to(NIGHT)
    with pytest.raises(CardNotShown) as refused:
        await me.send(thread, "Please read this first", urgent=True)
    words = refused.value.words
    assert words.card.region == "US"
    assert any("Nobody is expected to see" in line and "9:00" in line for line in words.lines)
    sent = await me.send(thread, "Please read this first", urgent=True, card=words.card.card_id)
    assert (sent.state, sent.placed_at) == ("placed", NIGHT)
    assert (await me.alert_status(thread, sent.mid)).lines == ["no alert was sent"]
    await server.make_rounds()
    assert await story.therapist.notices(NIGHT - MINUTE) == []
    await story.turn_to(NINE)
    assert len(await story.therapist.notices(NIGHT)) == 1
    assert [turn.urgent for turn in await story.therapist.inbox()] == [True]
    assert [task.due_at for task in await story.therapist.tasks()] == [NINE]


async def test_a_waiting_message_that_is_sent_as_urgent_calls_people_too(
    server: RunningServer, stack: AsyncExitStack
) -> None:
    story = await furnish(server, stack, VALE)
    first, _, _ = await with_on_call(story)
    await story.turn_to(NIGHT)
    held = await story.client.send(story.thread, "I thought that it could wait")
    assert held.state == "held" and await first.alerts() == []
    sent = await story.client.send_urgently(story.thread, held.mid)
    assert sent.state == "placed"
    assert [alert.sent_at for alert in await first.alerts()] == [NIGHT]


async def test_a_plan_that_would_call_nobody_is_refused_when_it_is_written(story: Story) -> None:
    ruth = await story.supervisor()
    known = {"callee": (await ruth.whoami()).account.hex(), "name": "the supervisor"}
    client = {"callee": (await story.client.whoami()).account.hex(), "name": "Noor"}
    for stranger in (client, {"callee": "0f" * 16, "name": "Dr B"}):
        with pytest.raises(BadRules) as refused:
            await story.therapist.set_rules([*VALE, {"kind": "urgent.channel", "steps": [known, stranger]}])
        assert refused.value.field == "urgent.channel.steps[1].callee" and refused.value.mend
    await story.therapist.set_rules([*VALE, {"kind": "urgent.channel", "steps": [known]}])


async def test_when_somebody_on_call_goes_for_good_those_whose_plan_names_them_are_told(story: Story) -> None:
    first, _, _ = await with_on_call(story)
    ola = await story.enrol(Administrator, "administrator", "Ola")
    await story.server.make_rounds()
    await first.devices.close_account()
    assert [task.kind for task in await story.therapist.tasks()] == ["on_call_gone"]
    assert await ola.tasks() == []
    sent = await story.client.send(story.thread, "Is anybody there?", urgent=True)
    [called] = (await story.client.alert_status(story.thread, sent.mid)).steps
    assert called.name == "Dr B"
