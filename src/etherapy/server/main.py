"""The one place where the rooms are wired together."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from os import urandom

import structlog

from etherapy import __version__
from etherapy.clock import Clock, SystemClock
from etherapy.protocol import endpoints
from etherapy.protocol.endpoint import Table, table
from etherapy.rules.calendar import tzdata_checksum, tzdata_version
from etherapy.rules.crisis import adopt
from etherapy.server.handlers import (
    alerts,
    crisis_cards,
    devices,
    epochs,
    grants,
    healing,
    invitations,
    leaving,
    linking,
    logs,
    membership,
    messages,
    passphrases,
    people,
    reading,
    rule_words,
    rules,
    supervision,
    tasks,
    waiting,
)
from etherapy.server.http import Door
from etherapy.server.key_watch import KeyWatch
from etherapy.server.keys import ServerSecrets
from etherapy.server.listening import Service
from etherapy.server.operate.crisis_cards import checked
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import Installation, read_installation, set_up
from etherapy.server.operate.site import Site, keys_file, open_site
from etherapy.server.parts import Parts
from etherapy.server.routes import Handler, handlers_in
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry, configure
from etherapy.server.workers.alerting import Alerting
from etherapy.server.workers.rounds import Rounds
from etherapy.server.workers.sequencer import Sequencer
from etherapy.server.workers.terms import Terms
from etherapy.store.alerts import Alerts
from etherapy.store.database import Database, StoreFault, StoreUnavailable
from etherapy.store.devices import Devices
from etherapy.store.due import Due
from etherapy.store.healing import Healing
from etherapy.store.logs import Logs
from etherapy.store.membership import Membership
from etherapy.store.passphrases import Passphrases
from etherapy.store.people import People
from etherapy.store.selfcheck import check_store
from etherapy.store.settings import RuleSets
from etherapy.store.tasks import Tasks
from etherapy.store.threads import Threads

TABLE: Table = table(vars(endpoints))
HANDLERS: dict[str, Handler] = handlers_in(
    *map(
        vars,
        (
            alerts,
            crisis_cards,
            devices,
            epochs,
            grants,
            healing,
            invitations,
            leaving,
            linking,
            logs,
            membership,
            messages,
            passphrases,
            people,
            reading,
            rule_words,
            rules,
            supervision,
            tasks,
            waiting,
        ),
    )
)

_LOOK_EVERY = 0.5
"""Seconds between looks at the installation's row: how soon a turned clock is noticed."""
_COMPARE_EVERY = 10
"""Looks between two comparisons with the database's own clock (G24), and two looks at what crisis cards were
verified."""


class Application:
    """A door with everything behind it, over a database that has the schema. Listens to nothing by itself."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        secrets: ServerSecrets,
        clock: Clock,
        telemetry: Telemetry,
        random: Callable[[int], bytes] = urandom,
    ) -> None:
        store_logs = Logs(database)
        self.database = database
        self.clock = clock
        self.parts = Parts(
            threads=Threads(database),
            membership=Membership(database),
            people=People(database),
            devices=Devices(database),
            passphrases=Passphrases(database),
            logs=store_logs,
            healing=Healing(database),
            rule_sets=RuleSets(database),
            alerts=Alerts(database),
            tasks=Tasks(database),
            secrets=secrets,
            clock=clock,
            expect=lambda practice, at: self.rounds.expect(practice, at),
            random=random,
        )
        due = Due(database)
        self.rounds = Rounds(
            due,
            Terms(due, secrets, random),
            Alerting(self.parts.alerts, self.parts.hub),
            Sequencer(store_logs, secrets, random),
            self.parts.hub,
        )
        self.door = Door(settings, TABLE, HANDLERS, self.parts, clock, telemetry, random=random)

    async def missing(self) -> Sequence[str]:
        """What keeps this process from serving: `database`, `clock`, `zone_data`; nothing when all is
        well."""
        found = []
        try:
            row = await self.database.call("read_installation")
            if row is None or row["tzdata_checksum"] != tzdata_checksum():
                found.append("zone_data")
        except (StoreUnavailable, StoreFault):
            found.append("database")
        if isinstance(self.clock, SystemClock) and not self.clock.trusted:
            found.append("clock")
        return found


async def serve(settings: Settings, synthetic: bool | None = None, check_only: bool = False) -> None:
    """Serve until told to stop by a signal; with `check_only`, only find out whether that would be possible.

    `synthetic` as in `set_up`. CannotOperate, CannotListen and their like say in words what keeps it
    from serving.
    """
    configure()
    async with _site(settings) as (site, may_change):
        there = await (
            set_up(site, settings.public_origin, synthetic) if may_change else read_installation(site)
        )
        _require_zone_data(there)
        telemetry = Telemetry(
            (settings.log_key or there.secrets.pepper.hex()).encode(), log_requests=settings.log_requests
        )
        clock = SystemClock(there.offset)
        async with Database(
            site.serve_dsn,
            size=settings.pool_size,
            queue=settings.pool_queue,
            deadline=settings.database_deadline,
            on_call=telemetry.statement,
        ) as database:
            await _require_safety(database)
            await _look(database, clock, compare=True)
            application = Application(settings, database, there.secrets, clock, telemetry)
            service = Service(application.door, settings, application.missing)
            if check_only:
                return
            structlog.get_logger().info("starting", version=__version__, zone_data=tzdata_version())
            async with AsyncExitStack() as stack:
                keys = KeyWatch(there.secrets, keys_file(settings.data))
                for work in (application.rounds.run(clock), _watch(database, clock, keys)):
                    await stack.enter_async_context(_beside(work))
                if site.embedded is not None:
                    await stack.enter_async_context(_beside(site.embedded.keep_alive()))
                await service.run()


@asynccontextmanager
async def _site(settings: Settings) -> AsyncIterator[tuple[Site, bool]]:
    """The place to serve, and whether we may set it up: a node that knows only the serving role may not."""
    if settings.database is not None and settings.operate_database is None:
        yield Site(settings.data, settings.database, settings.database, None, None), False
        return
    async with open_site(settings) as site:
        yield site, True


@asynccontextmanager
async def _beside(work: "asyncio._CoroutineLike[None]") -> AsyncIterator[None]:
    """Something that goes on while we serve. A defect that ends it is told, and the server goes on
    without."""
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_end)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _tell_end(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().error("a worker ended", exc_info=error)


def _require_zone_data(there: Installation) -> None:
    """Two nodes with different zone data would promise different times (D-14)."""
    if there.tzdata_checksum != tzdata_checksum():
        raise CannotOperate(
            "this program's zone data is not that of the installation",
            "run the same release on all nodes, then `etherapy migrate` with the newest one",
        )


async def _require_safety(database: Database) -> None:
    async with database.connection() as connection:
        complaints = await check_store(connection, datetime.now(UTC))
    if complaints:
        raise CannotOperate("the database is not safe to serve from:\n  " + "\n  ".join(complaints))


async def _watch(database: Database, clock: SystemClock, keys: KeyWatch) -> None:
    """Follow the installation's clock and keys, and compare our clock with the database's every few
    seconds."""
    looks = 0
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        looks += 1
        keys.look()
        try:
            await _look(database, clock, compare=looks % _COMPARE_EVERY == 0)
        except (StoreUnavailable, StoreFault):
            continue


async def _look(database: Database, clock: SystemClock, compare: bool) -> None:
    row = await database.call("read_installation")
    if row is not None:
        offset = timedelta(milliseconds=row["clock_offset_ms"])
        if offset > clock.offset:
            clock.turn(offset)
    if compare:
        adopt(map(checked, await database.call_all("read_crisis_checks")))
        async with database.connection() as connection:
            agreed = clock.confirm(await connection.fetchval("SELECT clock_timestamp()"))
        if not agreed:
            structlog.get_logger().error("clocks disagree", reason="database")
