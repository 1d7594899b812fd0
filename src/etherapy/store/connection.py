"""One connection to PostgreSQL as the store wants it: our codecs, our limits, nothing to reset.

Ids cross as 16 plain bytes (SQL uuid), jsonb as the bytes of its JSON text, instants as aware datetimes.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
from asyncpg.connect_utils import SessionAttribute

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection  # the driver's class takes no parameters while running

_COMMIT_WARNINGS = frozenset({"01000", "57P01"})
"""SQLSTATEs of the warning "committed locally, but might not have been replicated to the standby"."""

_HOSTS = re.compile(r"^(?P<head>[a-z]+://(?:[^@/]*@)?)(?P<hosts>[^/?]+)(?P<tail>.*)$")


async def connect(
    dsn: str,
    *,
    timeout: float,
    statement_seconds: float | None = None,
    on_unreplicated: Callable[[], None] | None = None,
    name: str = "etherapy",
) -> Connection:
    """Open one connection, trying the hosts of `dsn` one after another.

    `timeout` is seconds for each host: the driver would give one budget to the whole list, which a first
    host that accepts and never answers eats up (parts.md 1.5). With several hosts only a primary is taken.
    `statement_seconds` ends a statement on the server's side, also when nobody waits for it any more.
    Raises what the driver raises.
    """
    # One plan for each statement, made once: every one looks rows up by key, whatever its arguments are, and
    # planning some of them at each call cost a send a fifth of its time (docs/performance.md).
    settings = {"application_name": name, "timezone": "UTC", "plan_cache_mode": "force_generic_plan"}
    if statement_seconds is not None:
        settings["statement_timeout"] = str(int(statement_seconds * 1000))
        settings["idle_in_transaction_session_timeout"] = str(int(statement_seconds * 1000))
    hosts = hosts_of(dsn)
    for n, host in enumerate(hosts, 1):
        try:
            connection: Connection = await asyncpg.connect(
                host,
                timeout=timeout,
                server_settings=settings,
                statement_cache_size=256,
                max_cached_statement_lifetime=0,
                target_session_attrs=SessionAttribute.primary if len(hosts) > 1 else None,
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InternalClientError):
            if n == len(hosts):
                raise
            continue
        await _furnish(connection, on_unreplicated)
        return connection
    raise ValueError("the database DSN names no host")


def hosts_of(dsn: str) -> list[str]:
    """One DSN for each host of `dsn`; `dsn` itself where there is one host or a socket."""
    parts = _HOSTS.match(dsn)
    if not parts or "," not in parts["hosts"]:
        return [dsn]
    return [parts["head"] + host + parts["tail"] for host in parts["hosts"].split(",")]


async def _furnish(connection: Connection, on_unreplicated: Callable[[], None] | None) -> None:
    await connection.set_type_codec(
        "uuid", schema="pg_catalog", encoder=_id_bytes, decoder=bytes, format="binary"
    )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_jsonb_bytes, decoder=_jsonb_text, format="binary"
    )
    if on_unreplicated is not None:
        tell = on_unreplicated

        def listen(_: Any, message: asyncpg.PostgresLogMessage) -> None:
            if is_unreplicated(message):
                tell()

        connection.add_log_listener(listen)


def is_unreplicated(message: asyncpg.PostgresLogMessage) -> bool:
    """Whether a notice takes back the word "committed": no standby has it (guarantees.md 2.3, G19).

    The text is translated by the server's lc_messages and cannot be compared. Our functions never raise a
    warning, so every warning of these states counts: better a repetition than a false acknowledgement.
    """
    severity = getattr(message, "severity_en", None) or getattr(message, "severity", None)
    return severity == "WARNING" and getattr(message, "sqlstate", None) in _COMMIT_WARNINGS


def _id_bytes(value: bytes) -> bytes:
    if len(value) != 16:
        raise ValueError("an id has 16 bytes")
    return bytes(value)


def _jsonb_bytes(value: object) -> bytes:
    """jsonb on the wire is a version byte and the text. Bytes and str are JSON text already."""
    if isinstance(value, bytes):
        return b"\x01" + value
    if isinstance(value, str):
        return b"\x01" + value.encode()
    return b"\x01" + msgspec.json.encode(value)


def _jsonb_text(value: bytes) -> bytes:
    return value[1:]
