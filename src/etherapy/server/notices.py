"""What somebody is told of, and when: never in hours that are to be quiet (rules.md R-08, R-09)."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from etherapy.binary import Id16
from etherapy.protocol.threads import Notice
from etherapy.rules.calendar import local_date, milliseconds
from etherapy.rules.calendar import zone as zone_named
from etherapy.rules.kinds.client_quiet_hours import ClientQuietHours
from etherapy.rules.kinds.therapist_outbound import TherapistOutbound
from etherapy.rules.own import own_rule
from etherapy.rules.resolved import Rules
from etherapy.store.database import Record

REACH: Final = timedelta(days=8)
"""How long before the instant that is asked for something may have come that is told of only then: quiet
hours are of a week."""


def notices_of(
    rows: Iterable[Record], since: datetime, now: datetime, zone: str, rules: Rules | None
) -> list[Notice]:
    """Notices, newest first: a therapist's by `rules`, theirs of now, for quiet hours may have come since; a
    client's by its own quiet hours, of which each gives one notice for a thread however much came in it.
    `zone` is where the client's device is."""
    found = []
    told: dict[tuple[bytes, datetime], bool] = {}
    for row in rows:
        thread, at = row["thread_id"], row["noticed_at"]
        if thread is None:
            if rules is not None:
                at = rules.the(TherapistOutbound, now).told_from(at, rules.timetable)
            if since <= at <= now:
                found.append(Notice(row["window_at"], row["urgent"], at))
            continue
        at = quiet_hours_of(row["declared"], now, zone).told_from(at, zone)
        if since <= at <= now:
            told[thread, at] = told.get((thread, at), False) or row["urgent"]
    found += [Notice(at, urgent, at, Id16(thread)) for (thread, at), urgent in told.items()]
    return sorted(found, key=lambda one: (one.noticed_at, one.window_at), reverse=True)


def quiet_hours_of(declared: bytes | None, now: datetime, zone: str) -> ClientQuietHours:
    """The quiet hours among what a client set alone; such as say nothing where there are none."""
    today = local_date(zone_named(zone), milliseconds(now))
    return own_rule(ClientQuietHours, [] if declared is None else json.loads(declared), today)
