"""The schema, brought forward: numbered files once each, then the functions whose text changed.

`NNNN_name.sql` files run in order, one transaction each, and are never edited again. `functions/*.sql` hold
`CREATE OR REPLACE FUNCTION`, are kept by hash and applied when their text changed (decisions.md D-26); a
changed signature gets a new name. Both run as the `operate` role; `etherapy_serve` gets what it needs after.
"""

import asyncio
from pathlib import Path

import asyncpg

from etherapy.store.catalogue import WITHOUT_ROW_SECURITY
from etherapy.store.connection import Connection, connect
from etherapy.store.schema import (
    NUMBERED,
    MigrationRefused,
    SchemaFile,
    function_files,
    latest_schema,
    numbered_files,
    schema_directory,
)

__all__ = ["MigrationRefused", "latest_schema", "migrate", "schema_compat", "schema_version"]

SERVE_ROLE = "etherapy_serve"
_LOCK = 0x6574686572617079  # the word "etherapy", as the key of an advisory lock
_WITHOUT_TRANSACTION = "-- without transaction"
"""First line of a file with one statement that cannot run in a transaction and stands being repeated."""

_FORBIDDEN = {"append only": "UPDATE, DELETE", "read only": "INSERT, UPDATE, DELETE"}
"""How the comment of a table begins whose rows the serving role may not change, and what it then may not
do."""

_LOCK_SECONDS, _LOCK_PAUSE, _LOCK_TRIES = 1, 0.5, 40

_BOOKS = """
CREATE TABLE IF NOT EXISTS schema_migration (
  name       text        NOT NULL PRIMARY KEY,  -- the file, functions/ included
  sha256     text        NOT NULL,              -- of its text as it was applied
  compat     integer     NOT NULL,              -- the oldest schema number whose programs may still run
  applied_at timestamptz NOT NULL DEFAULT now() -- for operators only; nothing is decided by it
)
"""


_TABLES_THAT_SAY = """
SELECT c.oid::regclass::text AS name FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
   AND starts_with(lower(obj_description(c.oid, 'pg_class')), $1)
"""


async def migrate(operate_dsn: str, directory: Path | None = None, serve_role: str = SERVE_ROLE) -> list[str]:
    """Bring the database to this program's schema; the names of the files applied, oldest first.

    Safe to run at any time, from several processes at once (they wait for each other) and again after it was
    interrupted: each file is one transaction together with its line in the books. Raises MigrationRefused
    when an applied file's text was changed, when the database is ahead of this program by more than its
    `compat` allows, or when a table of a practice would be left without row level security.
    """
    place = directory or schema_directory()
    connection = await connect(operate_dsn, timeout=10, name="etherapy migrate")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(_BOOKS)
        return await _bring_forward(connection, place, serve_role)
    finally:
        await connection.close()


async def schema_version(connection: Connection) -> int:
    """The number of the newest migration in this database; 0 for an empty one."""
    if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return 0
    newest = await connection.fetchval("SELECT max(name) FROM schema_migration WHERE name ~ '^[0-9]{4}_'")
    return int(newest[:4]) if newest else 0


async def schema_compat(connection: Connection) -> int:
    """The oldest schema number whose programs may run on this database; 0 for an empty one."""
    if not await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(compat), 0) FROM schema_migration"))


async def _bring_forward(connection: Connection, place: Path, serve_role: str) -> list[str]:
    applied = {r["name"]: r["sha256"] for r in await connection.fetch("SELECT * FROM schema_migration")}
    numbered = numbered_files(place)
    if await _is_ahead(connection, numbered, applied):
        return []  # a newer program brought it here; its functions must not be put back
    done = [file for file in numbered if file.name not in applied]
    for file in done:
        await _apply(connection, file)
    functions = function_files(place)
    for file in await _due_functions(connection, functions, applied):
        await _apply(connection, file)
        done.append(file)
    await _forget_functions(connection, functions)
    await _grant(connection, serve_role)
    await _assert_row_security(connection)
    return [file.name for file in done]


async def _due_functions(
    connection: Connection, files: list[SchemaFile], applied: dict[str, str]
) -> list[SchemaFile]:
    """Those whose text changed, and those that a migration has dropped since."""
    there = await _functions_there(connection)
    return [f for f in files if applied.get(f.name) != f.sha256 or Path(f.name).stem not in there]


async def _forget_functions(connection: Connection, files: list[SchemaFile]) -> None:
    """Strike removed files off the books; dropping a function is a migration's business."""
    await connection.execute(
        "DELETE FROM schema_migration WHERE name LIKE 'functions/%' AND name <> ALL ($1::text[])",
        sorted(_names(files)),
    )
    there = await _functions_there(connection)
    misnamed = [file.name for file in files if Path(file.name).stem not in there]
    if misnamed:
        raise MigrationRefused(f"schema/{misnamed[0]} makes no function of that name")


async def _functions_there(connection: Connection) -> set[str]:
    rows = await connection.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    return {row["proname"] for row in rows}


async def _is_ahead(connection: Connection, numbered: list[SchemaFile], applied: dict[str, str]) -> bool:
    """Whether a newer program has been here, in a way that this one can live with."""
    for file in numbered:
        if applied.get(file.name, file.sha256) != file.sha256:
            raise MigrationRefused(
                f"schema/{file.name} was changed after it had been applied here; "
                "put its old text back and add a new migration"
            )
    ahead = sorted(name for name in applied if NUMBERED.fullmatch(name) and name not in _names(numbered))
    if ahead and int(ahead[0][:4]) <= len(numbered):
        raise MigrationRefused(f"this database was made with another schema/{ahead[0]}; it is not ours")
    if ahead and await schema_compat(connection) > len(numbered):
        raise MigrationRefused(
            f"this database has schema {int(ahead[-1][:4])}, too new for a program that knows "
            f"{len(numbered)}; install the newer etherapy"
        )
    return bool(ahead)


async def _apply(connection: Connection, file: SchemaFile) -> None:
    """Run one file and note it, as one transaction; wait for a lock in short tries (guarantees.md G21).

    A migration that waits for a table's lock makes everybody behind it wait too, so it gives way and comes
    again rather than stand in the queue.
    """
    for tries_left in reversed(range(_LOCK_TRIES)):
        try:
            if file.text.startswith(_WITHOUT_TRANSACTION):
                await connection.execute(file.text)
                await _note(connection, file)
            else:
                async with connection.transaction():
                    await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                    await connection.execute(file.text)
                    await _note(connection, file)
            return
        except asyncpg.LockNotAvailableError:
            if not tries_left:
                raise MigrationRefused(f"schema/{file.name}: its tables are in use; try again") from None
            await asyncio.sleep(_LOCK_PAUSE)
        except asyncpg.PostgresError as error:
            state, message = getattr(error, "sqlstate", ""), getattr(error, "message", "")
            raise MigrationRefused(f"schema/{file.name} failed: {state} {message}") from error


async def _note(connection: Connection, file: SchemaFile) -> None:
    await connection.execute(
        "INSERT INTO schema_migration (name, sha256, compat) VALUES ($1, $2, $3)"
        " ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now()",
        file.name,
        file.sha256,
        file.compat,
    )


async def _grant(connection: Connection, role: str) -> None:
    """Give the serving role rows and functions, never the schema, and nobody else anything."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role):
        raise MigrationRefused(f"the role {role} is missing; docs/operating.md says how to make it")
    quoted = '"' + role.replace('"', '""') + '"'
    async with connection.transaction():
        await connection.execute(
            f"""
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {quoted};
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted};
            REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {quoted};
            REVOKE INSERT, UPDATE, DELETE ON schema_migration FROM {quoted};
            """
        )
        for words, rights in _FORBIDDEN.items():
            for table in await connection.fetch(_TABLES_THAT_SAY, words):
                await connection.execute(f"REVOKE {rights} ON {table['name']} FROM {quoted}")


async def _assert_row_security(connection: Connection) -> None:
    bare = await connection.fetch(
        """
        SELECT c.relname FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
           AND c.relname <> ALL ($1::text[])
         ORDER BY 1
        """,
        sorted(WITHOUT_ROW_SECURITY),
    )
    if bare:
        names = ", ".join(row["relname"] for row in bare)
        raise MigrationRefused(f"without forced row level security: {names}")


def _names(files: list[SchemaFile]) -> set[str]:
    return {file.name for file in files}
