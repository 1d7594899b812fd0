"""Where a profile's files lie: a private directory, or memory (decisions.md D-33)."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from etherapy.sdk.faults import ProfileDamaged, ProfileInUse


class Shelf(Protocol):
    """Named files. `write` replaces a file whole or not at all and is durable when it returns."""

    def read(self, name: str) -> bytes | None:
        """The file, None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Put `data` in the place of the file."""
        ...

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of the file. A crash may leave a part of `data`."""
        ...

    def names(self) -> list[str]:
        """All files, sorted."""
        ...

    def remove(self, name: str) -> None:
        """Let a file be gone; what a disk may keep of a removed file is out of reach here."""
        ...

    def close(self) -> None:
        """Let another process have it."""
        ...


class MemoryShelf:
    """Files that are gone with the process: for tests and for keys that must leave no trace."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def write(self, name: str, data: bytes) -> None:
        self._files[name] = data

    def append(self, name: str, data: bytes) -> None:
        self._files[name] = self._files.get(name, b"") + data

    def names(self) -> list[str]:
        return sorted(self._files)

    def remove(self, name: str) -> None:
        self._files.pop(name, None)

    def close(self) -> None:
        """There is nothing to let go."""


class DirectoryShelf:
    """A directory of mode 0700 with files of mode 0600, one process at a time."""

    def __init__(self, place: Path) -> None:
        self._place = place
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
            self._lock = os.open(place / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProfileDamaged(f"the profile directory cannot be used ({error.strerror})") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ProfileInUse("this profile is open in another process") from None

    def read(self, name: str) -> bytes | None:
        try:
            return (self._place / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ProfileDamaged(f"{name} cannot be read ({error.strerror})") from None

    def write(self, name: str, data: bytes) -> None:
        beside = self._place / f"{name}.new"
        self._put(beside, data, os.O_TRUNC)
        os.replace(beside, self._place / name)
        self._settle()

    def append(self, name: str, data: bytes) -> None:
        self._put(self._place / name, data, os.O_APPEND)

    def names(self) -> list[str]:
        left_out = ("lock",)
        return sorted(one.name for one in self._place.iterdir() if one.name not in left_out)

    def remove(self, name: str) -> None:
        (self._place / name).unlink(missing_ok=True)
        self._settle()

    def close(self) -> None:
        os.close(self._lock)

    def _put(self, file: Path, data: bytes, how: int) -> None:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    def _settle(self) -> None:
        """Make the replacement itself durable."""
        handle = os.open(self._place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
