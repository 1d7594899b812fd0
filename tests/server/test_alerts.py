"""Alerts of urgent messages (R-16, S-11): each step once, none after somebody has seen it, no thread told."""

import asyncio
import random
from datetime import timedelta

import msgspec
import pytest

from etherapy.binary import b64
from etherapy.protocol import endpoints
from etherapy.protocol.alerts import CloseAlert
from etherapy.server.hub import Hub
from etherapy.server.workers.alerting import Alerting
from etherapy.store.alerts import Alerts
from etherapy.store.database import Database
from tests.server.asking import Ask
from tests.server.called import (
    CALLEES,
    acknowledge,
    alerts_of,
    call_people,
    go_to,
    leaves,
    sent_at,
    status_of,
)
from tests.server.clinic import NIGHT, Clinic

MINUTE = timedelta(minutes=1)
OUTSIDERS = ("A.other_therapist", "A.supervisor", "A.administrator")


async def close(clinic: Clinic, who: str, alert: bytes, code: str) -> int:
    ask = Ask("POST", endpoints.close_alert.fill({"alert": alert}), "", CloseAlert(code))
    return (await clinic.line.ask(ask, clinic.people[who].token)).status


async def test_the_first_is_alerted_at_once_and_the_next_when_nobody_acknowledged(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    ids = await call_people(clinic, message, [15, 15])
    assert await sent_at(clinic, ids) == [NIGHT, None]
    [first] = await alerts_of(clinic, CALLEES[0])
    assert (bytes(first.alert), first.step, first.acknowledged_at) == (ids[0], 1, None)
    assert await alerts_of(clinic, CALLEES[1]) == []
    await go_to(clinic, NIGHT + 15 * MINUTE)
    assert [one.step for one in await alerts_of(clinic, CALLEES[1])] == [2]


async def test_after_an_acknowledgement_nothing_more_is_sent_and_everybody_called_sees_by_whom(
    clinic: Clinic,
) -> None:
    message = clinic.sent["A.client placed"]
    ids = await call_people(clinic, message, [15, 15, 15])
    await go_to(clinic, NIGHT + 22 * MINUTE)
    assert (await acknowledge(clinic, CALLEES[1], ids[1])).status == 204
    await go_to(clinic, NIGHT + 200 * MINUTE)
    await clinic.make_rounds()
    assert await sent_at(clinic, ids) == [NIGHT, NIGHT + 22 * MINUTE, None]
    [seen] = await alerts_of(clinic, CALLEES[0])
    assert (seen.acknowledged_by, seen.acknowledged_at) == ("person 2", NIGHT + 22 * MINUTE)
    status = await status_of(clinic, message, "zone=America/New_York")
    assert status.lines[-1] == "person 2 has seen the alert 23:02"
    assert status.card is None and not status.unanswered


async def test_an_acknowledgement_said_twice_keeps_its_first_time(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    ids = await call_people(clinic, message, [15])
    assert (await acknowledge(clinic, CALLEES[0], ids[0])).status == 204
    await go_to(clinic, NIGHT + 5 * MINUTE)
    assert (await acknowledge(clinic, CALLEES[0], ids[0])).status == 204
    [seen] = await alerts_of(clinic, CALLEES[0])
    assert seen.acknowledged_at == NIGHT
    client = clinic.people["A.client"]
    assert await leaves(clinic, "alert.acknowledged", client) == 1


async def test_an_alert_that_was_not_sent_or_is_anothers_is_not_there(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    ids = await call_people(clinic, message, [15, 15])
    for who, alert in ((CALLEES[1], ids[1]), (CALLEES[1], ids[0]), ("A.therapist", ids[0])):
        assert (await acknowledge(clinic, who, alert)).status == 404
        assert await close(clinic, who, alert, "contacted") == 404
    assert (await status_of(clinic, message)).lines[-1] == "not yet acknowledged"


async def test_where_nobody_acknowledges_the_practice_is_told_and_the_sender_truthfully(
    clinic: Clinic,
) -> None:
    message = clinic.sent["A.client placed"]
    await call_people(clinic, message, [15, 15], ["A.other_therapist", "A.supervisor"])
    await go_to(clinic, NIGHT + 30 * MINUTE)
    status = await status_of(clinic, message, "zone=America/New_York")
    assert status.unanswered and status.lines[-1] == "nobody has acknowledged yet"
    assert status.card is not None and status.card.region == "US" and status.card_lines
    for who in ("A.administrator", "A.supervisor", "A.therapist"):
        found = (await clinic.line.call(endpoints.read_tasks, token=clinic.people[who].token)).tasks
        assert [one.kind for one in found].count("alerts_unanswered") == 1
    other = (
        await clinic.line.call(endpoints.read_tasks, token=clinic.people["A.other_therapist"].token)
    ).tasks
    assert [one.kind for one in other if one.kind == "alerts_unanswered"] == []
    await go_to(clinic, NIGHT + 40 * MINUTE)
    alert = (await alerts_of(clinic, "A.supervisor"))[0]
    assert (await acknowledge(clinic, "A.supervisor", bytes(alert.alert))).status == 204
    status = await status_of(clinic, message, "zone=America/New_York")
    assert not status.unanswered and status.lines[-1] == "person 2 has seen the alert 23:20"


async def test_whoever_is_not_there_any_more_is_passed_over(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    gone = clinic.people[CALLEES[0]].account
    await clinic.execute(f"UPDATE account SET closed_at = '2026-01-01Z' WHERE account_id = '{gone.hex()}'")
    ids = await call_people(clinic, message, [15, 15])
    found = await clinic.operate.fetch(
        "SELECT alert_id, step, sent_at FROM alert WHERE thread_id IS NOT NULL"
    )
    assert [(bytes(row["alert_id"]), row["step"], row["sent_at"]) for row in found] == [(ids[1], 1, NIGHT)]


async def test_whoever_goes_while_the_clock_runs_is_passed_over_too(clinic: Clinic) -> None:
    """The client is never told that somebody was alerted who is not there any more, and nobody waits."""
    message = clinic.sent["A.client placed"]
    ids = await call_people(clinic, message, [15, 15, 15, 15])
    for name in CALLEES[1:3]:
        gone = clinic.people[name].account
        await clinic.execute(
            f"UPDATE account SET closed_at = '2026-06-02T02:45Z' WHERE account_id = '{gone.hex()}'"
        )
    await go_to(clinic, NIGHT + 15 * MINUTE)
    await clinic.make_rounds()
    [called] = await alerts_of(clinic, CALLEES[3])
    assert (called.alert, called.sent_at) == (ids[3], NIGHT + 15 * MINUTE)
    status = await status_of(clinic, message, "zone=America/New_York")
    assert [step.name for step in status.steps] == ["person 1", "person 4"]
    assert status.lines[1] == "second person alerted 22:55"
    await go_to(clinic, NIGHT + 60 * MINUTE)
    await clinic.make_rounds()
    assert (await status_of(clinic, message)).unanswered


async def test_who_names_an_alert_that_is_not_there_keeps_nobody_from_being_woken(clinic: Clinic) -> None:
    """What is due is sent by any question; whoever it is sent to hears of it."""
    token = clinic.people[CALLEES[1]].token
    waiting = asyncio.ensure_future(clinic.line.call(endpoints.read_alerts, None, "wait=50", token))
    await clinic.application.parts.hub.occupied.wait()
    await call_people(clinic, clinic.sent["A.client placed"], [1, 15])
    await go_to(clinic, NIGHT + MINUTE)
    assert (await acknowledge(clinic, "A.therapist", bytes(16))).status == 404
    assert [one.step for one in (await asyncio.wait_for(waiting, 15)).alerts] == [2]


async def test_where_nobody_of_the_plan_is_there_the_practice_is_told_at_once(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    await call_people(clinic, message, [15], ["A.far_client"])
    token = clinic.people["A.administrator"].token
    [task] = (await clinic.line.call(endpoints.read_tasks, token=token)).tasks
    assert (task.kind, task.due_at) == ("alerts_unanswered", NIGHT)
    assert (await status_of(clinic, message)).lines == ["no alert was sent"]


@pytest.mark.parametrize("seed", range(6))
async def test_exactly_the_steps_due_before_the_acknowledgement_are_sent_each_once(
    clinic: Clinic, seed: int
) -> None:
    """Whatever the waits and whenever it is, with two workers at once, and with one that was restarted."""
    chance = random.Random(seed)
    practice = clinic.people["A.client"].practice
    async with Database(clinic.store.serve_dsn, size=2) as elsewhere:
        second = Alerting(Alerts(elsewhere), Hub())
        for number in range(4):
            await go_to(clinic, clinic.now, "A.client")
            message = await clinic.say("A.client", f"urgent {number}", clinic.talks["A.client"], urgent=True)
            waits = [chance.randint(1, 60) for _ in range(chance.randint(1, 4))]
            begun, before = clinic.now, await leaves(clinic, "alert.sent", clinic.people["A.client"])
            ids = await call_people(clinic, message, waits)
            due = [begun + sum(waits[:step]) * MINUTE for step in range(len(waits))]
            seen_at = begun + chance.randint(0, sum(waits) - 1) * MINUTE
            expected = [at <= seen_at for at in due]
            for _ in range(chance.randint(0, 3)):  # rounds, or none at all: nothing hangs on the worker
                moment = clinic.now + (seen_at - clinic.now) * chance.random()
                await go_to(clinic, moment.replace(microsecond=0))
                await asyncio.gather(clinic.make_rounds(), second.tick(practice, clinic.now))
            await go_to(clinic, seen_at, *CALLEES)
            who = chance.randrange(sum(expected))
            answer, *_ = await asyncio.gather(
                acknowledge(clinic, CALLEES[who], ids[who]),
                second.tick(practice, clinic.now),
                clinic.make_rounds(),
            )
            assert answer.status == 204
            await go_to(clinic, begun + 300 * MINUTE)
            await asyncio.gather(clinic.make_rounds(), second.tick(practice, clinic.now))
            assert [at is not None for at in await sent_at(clinic, ids)] == expected
            after = await leaves(clinic, "alert.sent", clinic.people["A.client"])
            assert after - before == sum(expected)


async def test_the_worker_comes_in_time_for_the_next_step_and_for_the_end(clinic: Clinic) -> None:
    await clinic.make_rounds()
    ids = await call_people(clinic, clinic.sent["A.client placed"], [2, 1])
    for minutes in (2, 3):
        due = await clinic.operate.fetchval(
            "SELECT due_at FROM practice_due WHERE practice_id = $1", clinic.people["A.client"].practice
        )
        assert due <= NIGHT + minutes * MINUTE
        await go_to(clinic, NIGHT + minutes * MINUTE)
        await clinic.make_rounds()
    assert await sent_at(clinic, ids) == [NIGHT, NIGHT + 2 * MINUTE]
    assert await leaves(clinic, "alert.unanswered", clinic.people["A.client"]) == 1


async def test_who_waits_for_alerts_is_woken_by_one(clinic: Clinic) -> None:
    token = clinic.people[CALLEES[1]].token
    waiting = asyncio.ensure_future(clinic.line.call(endpoints.read_alerts, None, "wait=20", token))
    await clinic.application.parts.hub.occupied.wait()
    await call_people(clinic, clinic.sent["A.client placed"], [1, 15])
    await go_to(clinic, NIGHT + MINUTE)
    await clinic.make_rounds()
    assert [one.step for one in (await waiting).alerts] == [2]


async def test_false_alarms_are_never_a_penalty_and_ask_for_a_conversation(clinic: Clinic) -> None:
    owner = clinic.people["A.therapist"]

    async def asked() -> list[str]:
        found = (await clinic.line.call(endpoints.read_tasks, token=owner.token)).tasks
        return [one.kind for one in found if one.kind == "false_alarms"]

    for number, expected in ((1, []), (2, ["false_alarms"]), (3, ["false_alarms"])):
        message = await clinic.say("A.client", f"flag {number}", clinic.talks["A.client"], urgent=True)
        [alert] = await call_people(clinic, message, [15], ["A.other_therapist"])
        assert await close(clinic, "A.other_therapist", alert, "false_alarm") == 204
        assert await asked() == expected


async def test_a_therapist_learns_nothing_of_false_alarms_with_somebody_else(clinic: Clinic) -> None:
    """A client may have another therapist in the practice: how often they called there is not told here."""
    owner = clinic.people["A.therapist"]
    elsewhere = next(t for t in clinic.talks.values() if t.thread != clinic.talks["A.client"].thread)
    for number in (1, 2):
        message = await clinic.say("A.client", f"flag {number}", clinic.talks["A.client"], urgent=True)
        [alert] = await call_people(clinic, message, [15], ["A.other_therapist"])
        if number == 1:
            await clinic.execute(
                f"UPDATE alert SET thread_id = '{elsewhere.thread.hex()}', closed_at = '{clinic.now}',"
                f" acked_at = '{clinic.now}', closing = 'false_alarm' WHERE alert_id = '{alert.hex()}'"
            )
        else:
            assert await close(clinic, "A.other_therapist", alert, "false_alarm") == 204
    found = (await clinic.line.call(endpoints.read_tasks, token=owner.token)).tasks
    assert [one.kind for one in found if one.kind == "false_alarms"] == []


async def test_through_an_alert_nobody_reads_anything_of_the_thread(clinic: Clinic) -> None:
    message, talk = clinic.sent["A.client placed"], clinic.talks["A.client"]
    ids = await call_people(clinic, message, [1, 1, 1], OUTSIDERS)
    await go_to(clinic, NIGHT + 5 * MINUTE)
    client = clinic.people["A.client"]
    for who, alert in zip(OUTSIDERS, ids, strict=True):
        token = clinic.people[who].token
        answer = await clinic.line.ask(Ask("GET", "/alerts"), token)
        for secret in (client.account, message.mid, message.item_hash, talk.thread):
            assert secret.hex() not in answer.body.decode()
            assert b64(secret) not in answer.body.decode()
        assert (await acknowledge(clinic, who, alert)).status == 204
        for name in ("read_page", "read_sheet", "read_people", "read_waiting"):
            path = getattr(endpoints, name).fill({"thread": talk.thread})
            assert (await clinic.line.ask(Ask("GET", path), token)).status in (403, 404)
        path = endpoints.read_alert_status.fill({"thread": talk.thread, "mid": message.mid})
        assert (await clinic.line.ask(Ask("GET", path), token)).status in (403, 404)


async def test_the_log_holds_times_step_and_card_and_no_name(clinic: Clinic) -> None:
    message = clinic.sent["A.client placed"]
    [alert] = await call_people(clinic, message, [15], ["A.supervisor"])
    assert await close(clinic, "A.supervisor", alert, "contacted") == 204
    rows = await clinic.operate.fetch(
        "SELECT convert_from(record, 'UTF8')::jsonb AS record FROM log_leaf"
        " WHERE log = 2 AND convert_from(record, 'UTF8') LIKE '%\"act\": \"alert.%' ORDER BY leaf_id"
    )
    found = [msgspec.json.decode(row["record"]) for row in rows]
    records = {record["act"]: record for record in found}
    assert set(records) == {"alert.sent", "alert.acknowledged", "alert.closed"}
    for record in records.values():
        assert (record["step"], record["card"]) == (1, "builtin-us/1")
        assert "person 1" not in str(record)
    assert records["alert.closed"]["code"] == "contacted"
