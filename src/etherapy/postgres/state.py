"""What processes that share a data directory know of each other: two locks and one small file.

`start.lock` is held while a cluster is made, started or stopped. `owner.lock` is held by the starter for
as long as it lives: the system releases it when the process dies, however it dies, so a pid that was given
to somebody else can mislead nobody.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from etherapy.postgres.faults import PostgresUnavailable


class State(msgspec.Struct, frozen=True):
    """What the starter tells those who attach."""

    owner_pid: int
    major: int
    version: str
    bin_dir: str
    socket_dir: str
    way: str


class Lock:
    """An advisory lock on a file, gone with its holder. Not inherited by child programs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def try_take(self) -> bool:
        """Take it if it is free."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give it up; harmless when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextmanager
    def held(self, seconds: float) -> Iterator[None]:
        """Hold it for a while; PostgresUnavailable when it does not come free within `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.try_take():
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"another process has been holding {self._path} for too long")
            time.sleep(0.02)
        try:
            yield
        finally:
            self.release()


def write_state(path: Path, state: State) -> None:
    """Replace the file in one step."""
    half = path.with_suffix(".new")
    half.write_bytes(msgspec.json.encode(state))
    half.chmod(0o600)
    half.replace(path)


def read_state(path: Path) -> State | None:
    """What the starter left; None where nothing readable is there."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
