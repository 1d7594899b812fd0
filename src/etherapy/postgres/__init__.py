"""PostgreSQL without an installation: our own launcher around binaries that are already here (D-10)."""

from etherapy.postgres.binaries import Binaries, every_binaries, find_binaries, read_binaries
from etherapy.postgres.faults import PostgresUnavailable
from etherapy.postgres.server import Postgres

__all__ = [
    "Binaries",
    "Postgres",
    "PostgresUnavailable",
    "every_binaries",
    "find_binaries",
    "read_binaries",
]
