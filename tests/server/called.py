"""Urgent messages with somebody on call, and what the tests of alerts ask of the store itself."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from etherapy.protocol import endpoints
from etherapy.protocol.alerts import Alert, AlertStatus
from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.people import Sealed, Somebody, log_in

CALLEES = ("A.other_therapist", "A.supervisor", "A.administrator", "A.therapist")
CARD = "builtin-us/1"


async def call_people(
    clinic: Clinic, message: Sealed, waits: Sequence[int], callees: Sequence[str] = CALLEES
) -> list[bytes]:
    """Set the escalation clock of a message of A.client's going now; the ids of its alerts."""
    client, talk = clinic.people["A.client"], clinic.talks["A.client"]
    ids = [os.urandom(16) for _ in waits]
    due = [clinic.now]
    for wait in waits:
        due.append(due[-1] + timedelta(minutes=wait))
    await clinic.database.call(
        "raise_alerts",
        client.practice,
        talk.thread,
        client.account,
        message.mid,
        list(range(1, len(waits) + 1)),
        ids,
        [clinic.people[name].account for name in callees[: len(waits)]],
        [f"person {step}" for step in range(1, len(waits) + 1)],
        due,
        CARD,
    )
    return ids


async def alerts_of(clinic: Clinic, who: str) -> list[Alert]:
    """What somebody of the staff sees."""
    return (await clinic.line.call(endpoints.read_alerts, token=clinic.people[who].token)).alerts


async def status_of(clinic: Clinic, message: Sealed, query: str = "") -> AlertStatus:
    """What the sender is told."""
    client, talk = clinic.people["A.client"], clinic.talks["A.client"]
    return await clinic.line.call(
        endpoints.read_alert_status, None, query, client.token, thread=talk.thread, mid=message.mid
    )


async def acknowledge(clinic: Clinic, who: str, alert: bytes) -> Answer:
    ask = Ask("POST", endpoints.acknowledge_alert.fill({"alert": alert}))
    return await clinic.line.ask(ask, clinic.people[who].token)


async def go_to(clinic: Clinic, instant: datetime, *names: str) -> None:
    """Time goes on, and nobody makes rounds; those named log in anew."""
    await clinic.clock.turn_to(instant)
    for name in names:
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))


async def sent_at(clinic: Clinic, ids: Sequence[bytes]) -> list[datetime | None]:
    """When each alert was sent, past row level security."""
    rows = await clinic.operate.fetch(
        "SELECT alert_id, sent_at FROM alert WHERE alert_id = ANY ($1)", list(ids)
    )
    found = {bytes(row["alert_id"]): row["sent_at"] for row in rows}
    return [found[one] for one in ids]


async def leaves(clinic: Clinic, act: str, who: Somebody) -> int:
    """How many audit records of that act there are in somebody's practice."""
    return int(
        await clinic.operate.fetchval(
            "SELECT count(*) FROM log_leaf WHERE practice_id = $1 AND log = 2 AND record <> ''"
            " AND convert_from(record, 'UTF8') LIKE $2",
            who.practice,
            f'%"act": "{act}"%',
        )
    )
