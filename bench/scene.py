"""A server with practices, threads and sealed messages, as real as a device would make them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from os import urandom
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from bench.callers import request
from etherapy.binary import B64, b64
from etherapy.postgres.cluster import SERVE
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.strict_json import write_json
from etherapy.store.database import Database
from etherapy.store.people import People
from tests.crash.house import House
from tests.crash.people import Thread, open_thread
from tests.crash.place import Place
from tests.store.furnish import Room, enrol, make_practice
from tests.store.furnish import open_thread as open_plain_thread

_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CASELOAD = 4
"""Threads of each therapist who is written to: few, for one person's feed takes one change at a time."""
TEXT = "x" * 800
"""With header, signature, view and padding an envelope of about 1.2 kB."""


@dataclass(slots=True)
class Writing:
    """Threads into which messages are sent: `kind` is what becomes of them."""

    kind: str
    place: Place
    threads: list[Thread]
    tokens: list[str]


@dataclass(slots=True)
class Scene:
    """Everything that is measured upon."""

    house: House
    writings: list[Writing]
    busy: str
    """The token of a therapist with many threads that wait for an answer."""

    @property
    def host(self) -> tuple[str, int]:
        """Where the server listens."""
        parts = urlsplit(self.house.origin)
        return parts.hostname or "", parts.port or 0

    def get(self, path: str, token: str) -> bytes:
        """A request for something to read."""
        return request("GET", urlsplit(self.house.origin).netloc, path, token)

    def sends(self, writing: Writing, number: int, count: int) -> list[bytes]:
        """So many sends into one thread, each with a fresh body under its own id."""
        thread, token = writing.threads[number], writing.tokens[number]
        path, netloc = f"/threads/{b64(thread.thread)}/messages", urlsplit(self.house.origin).netloc
        found = []
        for _ in range(count):
            sealed = thread.seal(thread.client, TEXT, mid=urandom(16), at=datetime.now(UTC))
            found.append(request("POST", netloc, path, token, write_json(SendMessage(B64(sealed)))))
        return found


def open_now() -> list[dict[str, Any]]:
    """Rules under which every message is placed at once: closed for two hours, far from now."""
    hour = datetime.now(ZoneInfo("America/New_York")).hour
    window = {"days": _DAYS, "start": f"{(hour + 13) % 24:02}:00", "end": f"{(hour + 11) % 24 or 24:02}:00"}
    return [{"kind": "window.weekly", "windows": [window]}]


def closed_for_now() -> list[dict[str, Any]]:
    """Rules under which every message is held until the day after tomorrow."""
    later = datetime.now(ZoneInfo("America/New_York")) + timedelta(days=2)
    window = {"days": [_DAYS[later.weekday()]], "start": "09:00", "end": "17:00"}
    return [{"kind": "window.weekly", "windows": [window]}]


async def set_scene(house: House, threads: int, inbox: int) -> Scene:
    """Two practices with `threads` threads each, and a therapist with `inbox` threads that wait."""
    writings = []
    for kind, rules in (("at once", open_now()), ("held", closed_for_now())):
        place = await house.furnish(f"Harbour, {kind}", rules)
        therapists = [await house.therapist(place) for _ in range(-(-threads // _CASELOAD))]
        opened = [await open_thread(therapists[nr // _CASELOAD]) for nr in range(threads)]
        tokens = [await thread.client.tokens.current() for thread in opened]
        for person in (*therapists, *(thread.client for thread in opened)):
            await person.close()
        writings.append(Writing(kind, place, opened, tokens))
    return Scene(house, writings, await _fill_inbox(house, inbox))


async def _fill_inbox(house: House, count: int) -> str:
    """Threads with a message each, straight through the store: an inbox looks at neither keys nor bytes.

    Answers the token of the therapist for whom they wait.
    """
    now = datetime.now(UTC)
    async with Database(house.dsn(SERVE), size=1) as database:
        practice = await make_practice(database, now)
        therapist = await enrol(database, practice, now, "therapist")
        for _ in range(count):
            client, thread, commit = await open_plain_thread(database, practice, therapist, now)
            room = Room(database, practice, client, therapist, thread, commit)
            await room.send(now, at_once=True, reply_by=now + timedelta(days=1))
        token = practice + urandom(32)
        await People(database).open_session(
            practice, now, therapist.device, urandom(32), sha256(token).digest(), now + timedelta(days=1)
        )
    return b64(token)
