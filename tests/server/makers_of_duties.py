"""Requests about alerts and tasks: one's own and those of others, put there when they are first named."""

from etherapy.protocol import endpoints
from etherapy.protocol.alerts import CloseAlert
from etherapy.protocol.tasks import CloseTask
from tests.server.clinic import Clinic
from tests.server.named import Made, Named, duty_of, fill_in, maker, talk_of
from tests.server.people import Somebody

_ALERT = """
INSERT INTO alert (practice_id, thread_id, account_id, mid, step, alert_id, callee, name, due_at, alarm_at,
                   sent_at, card)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'Dr B', $8, $8, $8, 'builtin-us/1') ON CONFLICT DO NOTHING
"""
_TASK = """
INSERT INTO task (practice_id, task_id, account_id, thread_id, kind, due_at, created_at)
VALUES ($1, $2, $3, $4, 'urgent_follow_up', $5, $5) ON CONFLICT DO NOTHING
"""


async def put_duties(clinic: Clinic) -> None:
    """An alert and a task for everybody, of the urgent message of a thread that concerns them."""
    for number, who in enumerate(clinic.people.values(), 10):
        talk = talk_of(clinic, who)
        client, message = clinic.people[talk.client], clinic.sent[f"{talk.client} placed"]
        place = (who.practice, talk.thread, client.account, message.mid, number)
        await clinic.operate.execute(_ALERT, *place, duty_of(who), who.account, clinic.now)
        await clinic.operate.execute(_TASK, who.practice, duty_of(who), who.account, talk.thread, clinic.now)


@maker
async def acknowledge_alert(clinic: Clinic, who: Somebody, named: Named) -> Made:
    await put_duties(clinic)
    return Made(fill_in(endpoints.acknowledge_alert, named))


@maker
async def close_alert(clinic: Clinic, who: Somebody, named: Named) -> Made:
    await put_duties(clinic)
    return Made(fill_in(endpoints.close_alert, named, CloseAlert("contacted")))


@maker
async def close_task(clinic: Clinic, who: Somebody, named: Named) -> Made:
    await put_duties(clinic)
    return Made(fill_in(endpoints.close_task, named, CloseTask("contacted")))
