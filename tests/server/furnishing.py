"""Two practices full of people on one server, furnished once and cloned for every test that wants them.

In each practice: `administrator`, `supervisor`, `therapist` with the clients `client` and `other_client`,
`other_therapist` with `far_client`. Names are `A.client`, `B.client` and so on. In every thread there is, of
the client: a placed message, one after the answer, one that is held, one that was held and recalled; of the
therapist: an answer.
Practice `A` also has `A.gone_client`, whose device was revoked.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from etherapy.merkle.tree import empty_root
from etherapy.postgres import Postgres
from etherapy.postgres.databases import create_database, drop_database
from etherapy.protocol import endpoints
from etherapy.rules.calendar import tzdata_checksum
from etherapy.rules.canonical import canonical_json
from etherapy.server.keys import ServerSecrets
from etherapy.server.operate.practices import first_rules
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry
from etherapy.store.migrate import migrate
from etherapy.tep.leaves import server_link_leaf
from etherapy.tep.serverkeys import home
from tests.postgres_fixture import Store, store_named
from tests.server.clinic import NIGHT, ORIGIN, Clinic, running
from tests.server.people import (
    enrol,
    joining,
    log_in,
    somebody,
)

_numbers = count(1)


@dataclass(frozen=True)
class Furnished:
    """A furnished database at rest, and who is in it. `open` runs a server on a clone of it."""

    postgres: Postgres
    template: Store
    secrets: ServerSecrets
    as_it_was: Clinic

    @asynccontextmanager
    async def open(
        self,
        place: Path,
        random: Callable[[int], bytes] = os.urandom,
        telemetry: Telemetry | None = None,
        settings: Settings | None = None,
    ) -> AsyncIterator[Clinic]:
        """A clone nobody else sees; it is gone afterwards."""
        store = store_named(self.postgres, f"{self.template.name}_{next(_numbers)}")
        await clone(self.postgres, self.template.name, store.name)
        try:
            async with running(
                store, place, self.secrets, self.as_it_was.now, random, telemetry, settings
            ) as clinic:
                for name in ("practices", "people", "talks", "sent", "offers"):
                    setattr(clinic, name, dict(getattr(self.as_it_was, name)))
                yield clinic
        finally:
            await drop_database(self.postgres, store.name)

    @classmethod
    @asynccontextmanager
    async def furnish(cls, postgres: Postgres, name: str, place: Path) -> AsyncIterator[Self]:
        """Make everybody come in. The database lives as long as the context."""
        await drop_database(postgres, name)
        await create_database(postgres, name)
        store = store_named(postgres, name)
        await migrate(store.operate_dsn)
        since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
        secrets = ServerSecrets.create(
            place / "keys" / "server.json", ORIGIN, NIGHT, since=since, until=until
        )
        async with running(store, place, secrets, NIGHT) as clinic:
            await clinic.operate.execute(
                "INSERT INTO installation (synthetic, tzdata_checksum) VALUES (true, $1)", tzdata_checksum()
            )
            for letter in "AB":
                await furnish_practice(clinic, letter)
            await clinic.operate.execute(
                "UPDATE device SET revoked_at = $1 WHERE device_id = $2",
                NIGHT,
                clinic.people["A.gone_client"].keys.device_id,
            )
        yield cls(postgres, store, secrets, clinic)
        await drop_database(postgres, name)


async def furnish_practice(clinic: Clinic, letter: str) -> None:
    """One practice with its people and their threads, at night."""
    practice, now = os.urandom(16), clinic.now
    clinic.practices[letter] = practice
    leaves = [
        server_link_leaf(clinic.secrets.server_id, seq, link)
        for seq, link in enumerate(clinic.secrets.known.hashes)
    ]
    rules = canonical_json(first_rules("America/New_York", "US", "In an emergency call 988.", None))
    await clinic.database.call(
        "create_practice",
        practice,
        now,
        f"Harbour {letter}",
        home(clinic.secrets.server_id, practice),
        empty_root(),
        [os.urandom(16) for _ in leaves],
        leaves,
        rules,
        os.urandom(16),
        os.urandom(32),
        b"{}",
    )
    for role in ("administrator", "supervisor", "therapist", "other_therapist"):
        who = somebody(f"{letter}.{role}", practice, now)
        clinic.settle(await enrol(clinic.line, clinic.database, ORIGIN, who, now))
    await clinic.make_rounds()
    pairs = [("therapist", "client"), ("therapist", "other_client"), ("other_therapist", "far_client")]
    if letter == "A":
        pairs.append(("therapist", "gone_client"))
    for therapist, client in pairs:
        await open_thread(clinic, f"{letter}.{therapist}", f"{letter}.{client}")
    for therapist in ("therapist", "other_therapist"):
        clinic.offers[f"{letter}.{therapist}"] = await clinic.leave_offer(f"{letter}.{therapist}")
    await clinic.make_rounds()


async def open_thread(clinic: Clinic, therapist: str, client: str) -> None:
    """A client joins, writes at night, is answered, writes again and waits."""
    offer = await clinic.leave_offer(therapist)
    who = somebody(client, clinic.people[therapist].practice, clinic.now)
    body, talk = joining(offer, clinic.people[therapist], who)
    done = await clinic.line.call(endpoints.join, body, practice=who.practice, lookup=offer.lookup)
    clinic.settle(await log_in(clinic.line, ORIGIN, replace(who, account=bytes(done.account))))
    clinic.talks[client] = talk
    await clinic.say(client, "placed", talk, urgent=True)
    await clinic.say(therapist, f"answered {client}", talk)
    await clinic.say(client, "placed again", talk, urgent=True)
    await clinic.take_back(client, talk, await clinic.say(client, "recalled", talk))
    await clinic.say(client, "held", talk)


async def clone(postgres: Postgres, template: str, name: str) -> None:
    """A copy of a database that nobody is connected to."""
    await drop_database(postgres, name)
    connection = await asyncpg.connect(postgres.dsn("etherapy_bootstrap", "postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER etherapy_operate")
        await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO etherapy_serve")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def furnished(
    postgres: Postgres, worker_name: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Furnished]:
    """Both practices, furnished once for this worker. Open a clone; the original stays as it is."""
    place = tmp_path_factory.mktemp("clinic")
    async with Furnished.furnish(postgres, f"clinic_{worker_name}", place) as made:
        yield made
