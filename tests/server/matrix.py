"""The matrix walked: every caller, every set of exchanged ids, and all that was told or changed by it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from etherapy.binary import b64, unb64
from etherapy.protocol import endpoints
from etherapy.store.connection import Connection
from etherapy.store.people import People
from tests.server.asking import Answer, shape
from tests.server.asks import Named, make, of_another, of_nobody, own
from tests.server.clinic import ORIGIN, Clinic
from tests.server.expectations import NEAR, ROWS, Fields, Row
from tests.server.people import log_in

_TABLES = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id'
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something a caller could tell apart, or that was not answered as the table says."""

    endpoint: str
    caller: str
    fields: Fields
    kind: str
    expected: object
    found: object


async def tables_of_practices(connection: Connection) -> list[str]:
    """Every table that names a practice, as the catalogue knows them."""
    return [row["relname"] for row in await connection.fetch(_TABLES)]


async def fingerprint(connection: Connection, practice: bytes) -> dict[str, str]:
    """A hash of everything that each table holds of a practice, past row level security."""
    found = {}
    for name in await tables_of_practices(connection):
        found[name] = await connection.fetchval(
            f"SELECT md5(coalesce(string_agg(whole::text, '|' ORDER BY whole::text), ''))"
            f" FROM {name} whole WHERE practice_id = $1",
            practice,
        )
    return found


async def dead_tokens(clinic: Clinic) -> dict[str, str | None]:
    """Tokens that open nothing (None: none at all), by what is wrong with them."""
    client = clinic.people["A.client"]
    left = await log_in(clinic.line, ORIGIN, client)
    await clinic.line.call(endpoints.logout, token=left.token)
    expired = client.practice + os.urandom(32)
    opened = await People(clinic.database).open_session(
        client.practice,
        clinic.now,
        client.keys.device_id,
        os.urandom(32),
        sha256(expired).digest(),
        clinic.now,
    )
    assert opened
    live = unb64(client.token)
    return {
        "anonymous": None,
        "empty": "",
        "malformed": "x" * 63,
        "other alphabet": "+" * 64,
        "unknown": b64(client.practice + os.urandom(32)),
        "of another practice": b64(clinic.practices["B"] + live[16:]),
        "one bit wrong": b64(live[:-1] + bytes([live[-1] ^ 1])),
        "expired": b64(expired),
        "logged out": left.token,
        "of a revoked device": clinic.people["A.gone_client"].token,
    }


def exchanged(clinic: Clinic, caller: str, fields: Fields, kind: str) -> Named:
    """One's own request with these ids exchanged: `near`, `far` or `none`."""
    source = {
        "near": lambda: of_another(clinic, NEAR[caller]),
        "far": lambda: of_another(clinic, "B.client"),
        "none": of_nobody,
    }[kind]()
    return replace(own(clinic, clinic.people[caller]), **{name: getattr(source, name) for name in fields})


def kinds_of(row: Row) -> tuple[str, ...]:
    """Whose ids are strange to a caller. Where no session is asked for, a whole practice is one's own."""
    return ("far",) if row.is_open else ("near", "far")


async def differences(
    clinic: Clinic, endpoint: str, caller: str, kinds: Iterable[str] = ("near", "far")
) -> list[Difference]:
    """Everything that tells a stranger's id from nobody's, and each status that is not the table's."""
    row, who, found = ROWS[endpoint], clinic.people[caller], []
    allowed = row.is_open or row.good[who.role] != 403
    for fields, status in row.strange.items():
        # what contradicts itself is judged as it stands, whoever sent it
        expected = {status} if allowed else {403, status} & {403, 422}
        nobody = await answer(clinic, endpoint, caller, exchanged(clinic, caller, fields, "none"))
        if nobody.status not in expected:
            found.append(Difference(endpoint, caller, fields, "none", expected, nobody))
        for kind in (kind for kind in kinds_of(row) if kind in kinds):
            stranger = await answer(clinic, endpoint, caller, exchanged(clinic, caller, fields, kind))
            if kind == "near" and fields in row.near and allowed:
                if stranger.status != row.near[fields][0]:
                    found.append(Difference(endpoint, caller, fields, kind, row.near[fields], stranger))
            elif told(stranger) != told(nobody):
                found.append(Difference(endpoint, caller, fields, kind, told(nobody), told(stranger)))
    return found


async def answer(clinic: Clinic, endpoint: str, caller: str, named: Named) -> Answer:
    who = clinic.people[caller]
    made = await make(clinic, endpoint, who, named)
    given = await clinic.line.ask(made.ask, None if ROWS[endpoint].is_open else who.token)
    if given.status < 300:
        made.then()
    return given


def told(given: Answer) -> object:
    """What an answer says: each byte of a refusal; the make of a good one, since ids are fresh."""
    if given.status >= 300:
        return given
    headers = tuple(name for name, _ in given.headers)
    return given.status, headers, shape(given.json()) if given.body else None


async def plant(connection: Connection, function: str, text: str, instead: str) -> None:
    """Put a defect into a function of this clone; the text must be there."""
    source = await connection.fetchval("SELECT pg_get_functiondef($1::regproc)", function)
    assert text in source, f"{function} has changed: plant another defect"
    await connection.execute(source.replace(text, instead))
