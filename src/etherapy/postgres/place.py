"""Where things lie: the data directory, the cluster in it or moved out of it, the socket."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

from etherapy.postgres.account import Account
from etherapy.postgres.binaries import Binaries
from etherapy.postgres.cluster import give_cluster, make_cluster
from etherapy.postgres.faults import PostgresUnavailable

_SOCKET_PATH_LIMIT = 100


def make_data_dir(data_dir: Path) -> None:
    """Have a data directory. Root's lets the account pass that runs PostgreSQL; its files are closed."""
    try:
        with suppress(FileExistsError):  # another process may make it at this very moment
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError
    except OSError:
        raise PostgresUnavailable(
            f"{data_dir} cannot be written by this user; choose another place or another user"
        ) from None


def is_there(link: Path) -> bool:
    """Whether a cluster was made here. One that was moved out and is gone is not replaced in silence."""
    if link.is_symlink() and not link.exists():
        raise PostgresUnavailable(
            f"the data of {link.parent} was kept in {link.readlink()}, which is not there now; "
            f"bring it back (is it mounted?), or remove {link} to begin with an empty database"
        )
    return link.exists()


def settle_cluster(link: Path, home: Path, binaries: Binaries, account: Account) -> None:
    """Have a cluster in `home`, owned by the account that runs it, and found again as `link`."""
    cluster = home / link.name
    if not link.exists():
        if not cluster.exists():
            make_cluster(cluster, binaries, account)
    elif home != link.resolve().parent:
        shutil.move(link.resolve(), cluster)
    if cluster != link and not link.exists():
        link.symlink_to(cluster)
    give_cluster(cluster, account)


def make_socket_dir(home: Path, account: Account, before: str | None = None) -> Path:
    """Where the socket goes: beside the cluster, or in a short directory when that path is too long.

    Only the account that runs PostgreSQL, and root, may enter it: this is what guards the database. `before`
    is where it was under an owner that has ended: those who are attached look for it there.
    """
    place = Path(before) if before else home / "run"
    if not before and len(os.fsencode(place)) + len("/.s.PGSQL.5432.lock") > _SOCKET_PATH_LIMIT:
        place = Path(mkdtemp(prefix="etherapy-"))
    place.mkdir(mode=0o700, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid not in (os.geteuid(), account.uid):
        raise PostgresUnavailable(f"{place} belongs to somebody else; remove it and start again")
    place.chmod(0o700)
    if os.geteuid() == 0:
        os.chown(place, account.uid, account.gid)
    return place


def clear_socket(place: Path) -> None:
    """Remove a dead server's socket and its lock, whose pid may by now mean anybody."""
    for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
        (place / name).unlink(missing_ok=True)


def forget_socket_dir(place: Path) -> None:
    """Remove a short directory; the one beside the cluster stays."""
    if place.name != "run":
        shutil.rmtree(place, ignore_errors=True)
