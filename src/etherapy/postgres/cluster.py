"""The files of one cluster: made once, whole or not at all, and never opened by another major version."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from etherapy.postgres.account import Account
from etherapy.postgres.binaries import Binaries, every_binaries
from etherapy.postgres.faults import PostgresUnavailable

BOOTSTRAP, OPERATE, SERVE = "etherapy_bootstrap", "etherapy_operate", "etherapy_serve"
DATABASE = "etherapy"

ROLES = f"""
CREATE ROLE {OPERATE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS
CREATE ROLE {SERVE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS
CREATE DATABASE {DATABASE} OWNER {OPERATE}
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC
GRANT CONNECT ON DATABASE {DATABASE} TO {SERVE}
REVOKE ALL ON DATABASE postgres FROM PUBLIC
"""

OTHER_MAJOR = """\
The data in {data} was made by PostgreSQL {there}; the programs found here are PostgreSQL {here}, which cannot
read it. Nothing was changed. Either use PostgreSQL {there} again{hint},
or move the data: with PostgreSQL {there} run `etherapy backup`, put {data} aside, and run `etherapy restore`
with PostgreSQL {here}."""


def make_cluster(cluster: Path, binaries: Binaries, account: Account) -> None:
    """Make the cluster with its roles and its database; a crash in between leaves nothing.

    `trust` on the local socket is acceptable here for one reason: the socket lies in a directory that only
    the account running PostgreSQL (and root) may enter, so the system has asked who comes before PostgreSQL
    could, and whoever may enter owns the files anyway. There is no TCP.
    """
    half = cluster.with_name("cluster.new")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700)
    _hand_over(half, account)
    command = [
        *(binaries.program("initdb"), "--pgdata", str(half), "--username", BOOTSTRAP),
        *("--encoding", "UTF8", "--auth-local", "trust", "--auth-host", "reject"),
        *("--data-checksums", "--no-instructions", *_locale(binaries.major)),
    ]
    _check(account.run(*command), "initdb")
    _check(account.run(*_single(binaries, half), stdin=ROLES), "the preparation of roles")
    half.rename(cluster)


def check_major(cluster: Path, binaries: Binaries) -> None:
    """Raise PostgresUnavailable, saying what to do, when another major version made this cluster."""
    there = read_major(cluster)
    if there == binaries.major:
        return
    old = next((b for b in every_binaries() if b.major == there), None)
    hint = f" (its programs are in {old.bin_dir})" if old else ""
    raise PostgresUnavailable(
        OTHER_MAJOR.format(data=cluster.parent, there=there, here=binaries.major, hint=hint)
    )


def read_major(cluster: Path) -> int:
    """Which major version made the cluster."""
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except PermissionError:
        raise PostgresUnavailable(
            f"{cluster} belongs to another user; run etherapy as that user or as root"
        ) from None
    except (FileNotFoundError, ValueError):
        raise PostgresUnavailable(f"{cluster} is not a PostgreSQL cluster; put it aside") from None


def give_cluster(cluster: Path, account: Account) -> None:
    """Let the cluster's files belong to the account that runs it. Only root can, only root needs to."""
    if os.geteuid() != 0 or cluster.stat().st_uid == account.uid:
        return
    for directory, _, files in os.walk(cluster):
        for path in (directory, *(os.path.join(directory, name) for name in files)):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def running_pid(cluster: Path) -> int | None:
    """The pid of the server that runs this cluster, as its own file says; None where there is none."""
    lines = _pid_file(cluster)
    return int(lines[0]) if lines and lines[0].isdigit() else None


def is_ready(cluster: Path, pid: int) -> bool:
    """Whether the server with this pid accepts connections: the eighth line of its file says so."""
    lines = _pid_file(cluster)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def clear_remains(cluster: Path, seconds: float) -> None:
    """Deal with what a dead starter left: stop its orphaned server, forget a pid that means another.

    A pid file whose process is gone needs nothing: PostgreSQL sees that itself. One whose number now belongs
    to some other program would keep PostgreSQL from starting for ever.
    """
    pid = running_pid(cluster)
    if pid is None or not _is_alive(pid):
        return
    if not _runs(pid, cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)
        return
    for sign, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 5.0)):
        os.kill(pid, sign)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _is_alive(pid) or not _runs(pid, cluster):
                return
            time.sleep(0.02)
    raise PostgresUnavailable(f"an orphaned PostgreSQL, process {pid}, does not stop; end it and try again")


def _pid_file(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _runs(pid: int, cluster: Path) -> bool:
    """Whether this process is a PostgreSQL server that works in this cluster; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == cluster.resolve()
    except FileNotFoundError:
        if Path("/proc/self/cwd").exists():
            return False
    except PermissionError:
        return False  # another user's process: not ours
    said = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "postgres" in said.stdout


def _single(binaries: Binaries, cluster: Path) -> list[str]:
    return [binaries.program("postgres"), "--single", "-D", str(cluster), "postgres"]


def _locale(major: int) -> list[str]:
    """The same order of texts on every platform; from 17 on without the system's help (parts.md 1.3)."""
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8", "--lc-messages=C"]


def _hand_over(path: Path, account: Account) -> None:
    if os.geteuid() == 0:
        os.chown(path, account.uid, account.gid)


def _check(done: "subprocess.CompletedProcess[str]", what: str) -> None:
    failed = done.returncode or "ERROR:" in done.stdout or "FATAL:" in done.stdout
    if failed:
        raise PostgresUnavailable(f"{what} failed:\n{done.stdout.strip()[-2000:]}")
