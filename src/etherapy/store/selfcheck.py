"""What must be true of the database before we serve from it (guarantees.md 2.2, G1, G12, G24)."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etherapy.store.catalogue import WITHOUT_ROW_SECURITY
from etherapy.store.connection import Connection
from etherapy.store.migrate import schema_compat, schema_version
from etherapy.store.schema import latest_schema

OLDEST_MAJOR = 15
CLOCK_BOUND = timedelta(seconds=2)

_WANTED = {"fsync": "on", "full_page_writes": "on", "data_sync_retry": "off"}
_DURABLE_COMMITS = ("on", "remote_write", "remote_apply")


async def check_store(connection: Connection, now: datetime, directory: Path | None = None) -> list[str]:
    """What is wrong with the database behind a connection of the serving role, and how to mend it.

    One line each; an empty list means that serving is safe. `now` is the process's own wall clock at this
    moment, in UTC (its real one, not the turned clock of a synthetic installation). `directory` is the schema
    that is expected, ours by default. Reads only.
    """
    clock = await _check_clock(connection, now)  # first: `now` grows old
    return [
        *clock,
        *_check_major(connection),
        *await _check_settings(connection),
        *await _check_role(connection),
        *await _check_row_security(connection),
        *await _check_schema(connection, directory),
        *await _check_transport(connection),
    ]


async def _check_clock(connection: Connection, now: datetime) -> list[str]:
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    apart = abs(theirs.astimezone(UTC) - now)
    if apart <= CLOCK_BOUND:
        return []
    return [
        f"the database's clock is {apart.total_seconds():.1f} s away from this machine's; "
        "synchronise both with a time server (at most 2 s apart)"
    ]


def _check_major(connection: Connection) -> list[str]:
    major = connection.get_server_version().major
    if major >= OLDEST_MAJOR:
        return []
    return [f"PostgreSQL {major} is too old; upgrade it to {OLDEST_MAJOR} or newer"]


async def _check_settings(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])",
        [*_WANTED, "synchronous_commit"],
    )
    settings = {row["name"]: row["setting"] for row in rows}
    problems = [
        f"{name} is {settings.get(name)}: an acknowledged message could be lost; "
        f"set {name} = {wanted} in postgresql.conf and restart the database"
        for name, wanted in _WANTED.items()
        if settings.get(name) != wanted
    ]
    if settings["synchronous_commit"] not in _DURABLE_COMMITS:
        problems.append(
            f"synchronous_commit is {settings['synchronous_commit']}: an acknowledged message could be lost; "
            "set it to on, in postgresql.conf and for the role and the database that are used here"
        )
    return problems


async def _check_role(connection: Connection) -> list[str]:
    role = await connection.fetchrow(
        """
        SELECT r.rolname, r.rolsuper, r.rolbypassrls,
               EXISTS (SELECT FROM pg_roles o WHERE (o.rolsuper OR o.rolbypassrls) AND o.oid <> r.oid
                          AND pg_has_role(r.oid, o.oid, 'MEMBER')) AS may_become
          FROM pg_roles r WHERE r.rolname = current_user
        """
    )
    if role is None:
        return ["the database does not know who we are"]
    name, problems = role["rolname"], []
    if role["rolsuper"]:
        problems.append(f"the role {name} is a superuser; ALTER ROLE {name} NOSUPERUSER, or use another")
    if role["rolbypassrls"]:
        problems.append(f"the role {name} may pass row level security; ALTER ROLE {name} NOBYPASSRLS")
    if role["may_become"] and not role["rolsuper"]:
        problems.append(f"the role {name} is a member of a role that may pass row level security; revoke it")
    return problems


async def _check_row_security(connection: Connection) -> list[str]:
    rows = await connection.fetch(
        """
        SELECT c.relname::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS walled,
               pg_has_role(current_user, c.relowner, 'MEMBER') AS owned
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id' AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname <> ALL ($1::text[])
         ORDER BY 1
        """,
        sorted(WITHOUT_ROW_SECURITY),
    )
    problems = [
        f"row level security is not enabled and forced on {row['name']}; "
        f"ALTER TABLE {row['name']} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        for row in rows
        if not row["walled"]
    ]
    owned = [row["name"] for row in rows if row["owned"]]
    if owned:
        problems.append(
            f"the serving role owns tables ({', '.join(owned[:3])}…) and could lift their walls; "
            "connect as a role that owns nothing"
        )
    return problems


async def _check_schema(connection: Connection, directory: Path | None) -> list[str]:
    there, ours = await schema_version(connection), latest_schema(directory)
    if there < ours:
        return [f"the database has schema {there}, this program needs {ours}; run `etherapy migrate`"]
    if there > ours and await schema_compat(connection) > ours:
        return [
            f"the database has schema {there}, too new for this program ({ours}); install the newer etherapy"
        ]
    return []


async def _check_transport(connection: Connection) -> list[str]:
    """TLS, or a way that does not leave the machine: a socket or loopback."""
    row = await connection.fetchrow(
        "SELECT inet_server_addr()::text AS address,"
        " coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls"
    )
    if row is None or row["tls"] or _is_local(row["address"]):
        return []
    return [
        "the connection to the database leaves this machine without TLS; "
        "add sslmode=verify-full to the address in ETHERAPY_DATABASE"
    ]


def _is_local(address: str | None) -> bool:
    return address is None or ipaddress.ip_interface(address).ip.is_loopback
