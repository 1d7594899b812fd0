"""What `etherapy doctor` looks at in the database: safety, schema, the installation, whether all adds up."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from etherapy.rules.calendar import tzdata_checksum, tzdata_version
from etherapy.server.keys import KeysUnusable, ServerSecrets
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.inspection import inspect_store
from etherapy.server.operate.installation import check_links
from etherapy.server.operate.line import Line, halves
from etherapy.server.operate.site import Site, keys_file
from etherapy.server.settings import Settings
from etherapy.store.catalogue import lint_catalogue
from etherapy.store.connection import Connection
from etherapy.store.database import Database
from etherapy.store.selfcheck import check_store


async def look_at_database(site: Site, settings: Settings) -> AsyncIterator[Line]:
    where = f"embedded, {site.embedded.way}" if site.embedded is not None else "given by ETHERAPY_DATABASE"
    async with (
        Database(site.serve_dsn, size=1, name="etherapy doctor") as serve,
        serve.connection() as connection,
    ):
        number = str(await connection.fetchval("SHOW server_version")).split()[0]
        yield Line("database", "ok", f"PostgreSQL {number} ({where})")
        wrong = await check_store(connection, datetime.now(UTC))
    for complaint in wrong:
        yield Line("safety", "fail", *halves(complaint))
    if not wrong:
        yield Line("safety", "ok", "commits are durable, row security is forced, the clocks agree")
    if site.bin_dir is None:
        yield Line("backup", "warn", "pg_dump was not found", "install PostgreSQL's client programs")
    if site.restore_mark.exists():
        yield Line("restore", "fail", "a restore was interrupted", "empty the place and restore again")
    async with site.connection() as connection:
        if not await connection.fetchval("SELECT to_regclass('installation') IS NOT NULL"):
            yield Line("installation", "fail", "nothing is installed here yet", "run `etherapy setup`")
            return
        for look in (_catalogue, _installation, _contents):
            async for line in look(connection):
                yield line
        yield await _links(connection, settings)


async def _catalogue(connection: Connection) -> AsyncIterator[Line]:
    found = await lint_catalogue(connection)
    for finding in found:
        yield Line("schema", "fail", str(finding), "undo what was changed in the schema by hand")
    if not found:
        yield Line("schema", "ok", "every practice is walled off from every other")


async def _installation(connection: Connection) -> AsyncIterator[Line]:
    row = await connection.fetchrow("SELECT synthetic, clock_offset_ms, tzdata_checksum FROM installation")
    if row is None:
        yield Line("installation", "fail", "it was never set up", "run `etherapy setup`")
        return
    kind = "synthetic, for trying out only" if row["synthetic"] else "for real people"
    turned = timedelta(seconds=row["clock_offset_ms"] // 1000)
    yield Line("installation", "ok", kind + (f"; its clock is turned forward by {turned}" if turned else ""))
    if row["tzdata_checksum"] == tzdata_checksum():
        yield Line("zone data", "ok", f"{tzdata_version()}, the same on all nodes")
    else:
        yield Line(
            "zone data",
            "fail",
            f"this program has {tzdata_version()}, the installation goes by another edition",
            "install the same etherapy on every node, then run `etherapy migrate` once",
        )


async def _contents(connection: Connection) -> AsyncIterator[Line]:
    seen = await inspect_store(connection)
    for wrong in seen.wrong:
        yield Line("contents", "fail", wrong, "stop serving, keep all of it, restore a backup elsewhere")
    if not seen.wrong:
        yield Line(
            "contents",
            "ok",
            f"{seen.entries} positions and {seen.leaves} log leaves add up; messages still held: {seen.held}",
        )


async def _links(connection: Connection, settings: Settings) -> Line:
    try:
        await check_links(connection, ServerSecrets.load(keys_file(settings.data)))
    except (CannotOperate, KeysUnusable) as error:
        return Line("key links", "fail", error.problem, error.mend)
    return Line("key links", "ok", "the database knows the keys in the data directory")
