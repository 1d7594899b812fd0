"""One file that holds the whole store, and the way back. Works for any PostgreSQL, ours or another."""

import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from etherapy.postgres.faults import PostgresUnavailable


def dump(operate_dsn: str, bin_dir: Path, target: Path) -> None:
    """Write everything to `target`, consistent at one instant, while others go on writing.

    The file is pg_dump's custom format, mode 0600, and appears only when it is whole. The programs in
    `bin_dir` must not be older than the server. Raises PostgresUnavailable.
    """
    half = target.with_name(target.name + ".part")
    file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.close(file)
    try:
        _run(
            bin_dir / "pg_dump",
            operate_dsn,
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            f"--file={half}",
        )
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)


def restore(operate_dsn: str, bin_dir: Path, source: Path) -> None:
    """Read a dump into an empty database: all of it or nothing. `migrate` afterwards gives the rights.

    Raises PostgresUnavailable, for one when something is there already.
    """
    _run(
        bin_dir / "pg_restore",
        operate_dsn,
        *(*_PLAIN, "--exit-on-error", "--single-transaction", str(source)),
    )


def dump_schema(operate_dsn: str, bin_dir: Path) -> str:
    """What all migrations amount to, as SQL without anything that depends on version, owner or time."""
    return normalise(_run(bin_dir / "pg_dump", operate_dsn, "--schema-only", *_PLAIN))


def normalise(dumped: str) -> str:
    """pg_dump's text without its comments, session settings and empty lines doubled."""
    kept = [line.rstrip() for line in dumped.splitlines() if not line.startswith(_NOISE)]
    text = "\n".join(kept)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.strip() + "\n"


_PLAIN = ("--no-owner", "--no-privileges")
_NOISE = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")


def _run(program: Path, dsn: str, *arguments: str) -> str:
    """Run one of PostgreSQL's programs on `dsn`; a password travels in the environment, not in `ps`."""
    address, password = _without_password(dsn)
    environment = os.environ | {"LC_ALL": "C", "PGAPPNAME": "etherapy"}
    if password is not None:
        environment["PGPASSWORD"] = password
    command = [str(program), f"--dbname={address}", "--no-password", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except OSError as error:
        raise PostgresUnavailable(f"{program} cannot be run: {error.strerror}") from error
    if done.returncode:
        raise PostgresUnavailable(f"{program.name} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def _without_password(dsn: str) -> tuple[str, str | None]:
    parts = urlsplit(dsn)
    if "@" not in parts.netloc:
        return dsn, None
    account, hosts = parts.netloc.rsplit("@", 1)
    if ":" not in account:
        return dsn, None
    user, password = account.split(":", 1)
    return urlunsplit(parts._replace(netloc=f"{user}@{hosts}")), unquote(password)
