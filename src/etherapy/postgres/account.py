"""Under which account PostgreSQL runs. It refuses root, so root has to step aside (parts.md 1.2).

Three ways, tried in this order. None makes a user and none touches the mode of a directory that is not
ours:

- *drop*: run as an existing unprivileged account; programs and data must be reachable by it.
- *namespace*: root runs it inside a user namespace where root is called by that account's number; files
  stay root's, and everything may lie under a 0700 home. Containers often forbid it.
- *copy*: programs are copied, and the cluster is kept, in a directory that the account can traverse; then
  *drop*.

Whoever is not root runs it directly.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from etherapy.postgres.binaries import Binaries
from etherapy.postgres.faults import PostgresUnavailable

PUBLIC_PLACES = (Path("/var/lib/etherapy"), Path("/var/tmp/etherapy"), Path("/tmp/etherapy"))

NO_WAY = """\
PostgreSQL does not run as root, and none of the ways around it is open here:
  - the account {account} cannot reach {where}
  - user namespaces are not allowed (unshare --user)
  - nothing could be copied to any of {places}
Run etherapy as an ordinary user, or give it a database of your own with ETHERAPY_DATABASE."""


@dataclass(frozen=True, slots=True)
class Account:
    """How child processes are run. `uid` and `gid` own the cluster's files as seen from outside."""

    way: str
    name: str
    uid: int
    gid: int
    prefix: tuple[str, ...] = ()
    drops: bool = False

    def run(self, *command: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end as this account, with its output kept."""
        process = self.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out, _ = process.communicate(None if stdin is None else stdin.encode())
        return subprocess.CompletedProcess(process.args, process.returncode, out.decode(errors="replace"))

    def start(self, *command: str, stdin: int, stdout: int) -> "subprocess.Popen[bytes]":
        """Start a program as this account, as our own child, in a session of its own.

        A Ctrl-C in a terminal then reaches us and not the database, which is stopped after its users.
        """
        return subprocess.Popen(
            [*self.prefix, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            user=self.uid if self.drops else None,
            group=self.gid if self.drops else None,
            extra_groups=[] if self.drops else None,
        )

    def reaches(self, program: str, directory: Path) -> bool:
        """Whether this account can enter `directory` and run `program`: tried, not computed."""
        script = 'cd "$1" && exec "$2" --version'
        try:
            return self.run("/bin/sh", "-c", script, "sh", str(directory), program).returncode == 0
        except OSError:
            return False


def choose_account(binaries: Binaries, home: Path, owner: int | None) -> tuple[Account, Binaries, Path]:
    """How to run these binaries on a cluster kept in `home`: the account, the programs, the place.

    The last two differ from what was asked only where they had to be copied. `owner` is the uid of the
    cluster that is there already: an ordinary user's cluster goes on being run as that user.
    """
    if os.geteuid() != 0:
        return Account("direct", _own_name(), os.geteuid(), os.getegid()), binaries, home
    entry = _unprivileged(owner)
    program = binaries.program("postgres")
    drop = Account("drop", entry.pw_name, entry.pw_uid, entry.pw_gid, drops=True)
    if drop.reaches(program, home):
        return drop, binaries, home
    namespace = Account("namespace", entry.pw_name, 0, 0, prefix=_unshare(entry))
    if namespace.prefix and owner in (None, 0) and namespace.reaches(program, home):
        return namespace, binaries, home
    for place in _public_places():
        copied = binaries if drop.reaches(program, place) else copy_binaries(binaries, place)
        near = home if drop.reaches(copied.program("postgres"), home) else _cluster_place(place, home)
        if drop.reaches(copied.program("postgres"), near):
            return replace(drop, way="copy"), copied, near
    places = ", ".join(map(str, PUBLIC_PLACES))
    raise PostgresUnavailable(NO_WAY.format(account=entry.pw_name, where=home, places=places))


def _unprivileged(owner: int | None) -> pwd.struct_passwd:
    candidates = ["postgres", "nobody"]
    if owner:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            pass
    for name in candidates:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry
    raise PostgresUnavailable(
        "PostgreSQL does not run as root and there is neither an account postgres nor nobody here; "
        "run etherapy as an ordinary user"
    )


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise PostgresUnavailable(
            f"the user number {os.geteuid()} has no name on this machine, and PostgreSQL asks for one; "
            "add it to /etc/passwd or run as another user"
        ) from None


def _unshare(entry: pwd.struct_passwd) -> tuple[str, ...]:
    program = shutil.which("unshare")
    if program is None:
        return ()
    return (program, "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}", "--")


def _public_places() -> Iterator[Path]:
    for place in PUBLIC_PLACES:
        try:
            _make_public(place)
        except OSError:
            continue
        state = place.lstat()
        if place.is_dir() and not place.is_symlink() and state.st_uid == 0 and not state.st_mode & 0o022:
            yield place


def _cluster_place(place: Path, home: Path) -> Path:
    """A directory of our own for the cluster that belongs to `home`."""
    near = place / "clusters" / sha256(str(home).encode()).hexdigest()[:16]
    _make_public(near.parent)
    _make_public(near)
    return near


def _make_public(directory: Path) -> None:
    """Make a directory that others may pass, whatever our umask is. One that is there stays as it is."""
    if not directory.exists():
        directory.mkdir()
        directory.chmod(0o755)


def copy_binaries(binaries: Binaries, place: Path) -> Binaries:
    """The same programs below `place`; copied once, whole or not at all."""
    mark = sha256(f"{binaries.root} {binaries.version}".encode()).hexdigest()[:12]
    target = place / f"postgresql-{binaries.version}-{mark}"
    moved = replace(binaries, root=target, bin_dir=target / binaries.bin_dir.relative_to(binaries.root))
    if not binaries.trees or target.is_dir():
        return moved if binaries.trees else binaries
    half = Path(mkdtemp(dir=place, prefix="copying-"))
    for tree in binaries.trees:
        shutil.copytree(binaries.root / tree, half / tree, symlinks=True)
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    half.rename(target)
    return moved


def _environment() -> dict[str, str]:
    """What a PostgreSQL program is told of our surroundings: nothing that changes what it does."""
    kept = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    return kept | {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ
    }
