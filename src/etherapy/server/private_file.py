"""Files that hold secrets of the server: mode 0600, whole or not there at all.

A directory that has to be made for one has mode 0700. One that was there is somebody's (/tmp, a mounted
disk), and stays as it is.
"""

import os
from pathlib import Path


class KeysUnusable(Exception):
    """A file with keys of the server cannot be used. `problem` and `mend` hold no secrets."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.mend = mend


def write_once(path: Path, data: bytes) -> None:
    """Write a private file that was not there, whole or not at all; KeysUnusable if it was there."""
    try:
        half = _write_beside(path, data)
        try:
            os.link(half, path)  # unlike a rename it fails when somebody was faster
        finally:
            half.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except FileExistsError:
        raise KeysUnusable(f"{path} is there already", "keys are never replaced by a new set") from None
    except OSError as error:
        raise _unwritable(path, error) from None


def write_over(path: Path, data: bytes) -> None:
    """Put `data` in the place of a private file: after a crash one of the two is there, whole."""
    try:
        os.replace(_write_beside(path, data), path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from None


def read_private(path: Path) -> bytes:
    """The file; KeysUnusable where there is none, or where others can read it."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise KeysUnusable(f"{path} can be read by others", f"chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        raise KeysUnusable(
            f"there are no keys in {path}", "run `etherapy setup`, or put the file back"
        ) from None
    except OSError as error:
        raise KeysUnusable(
            f"{path} cannot be read ({error.strerror})", "run as the user who owns it"
        ) from None


def _write_beside(path: Path, data: bytes) -> Path:
    half = path.with_name(f".{path.name}.{os.getpid()}.new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half.unlink(missing_ok=True)
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return half


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> KeysUnusable:
    return KeysUnusable(
        f"{path} cannot be written ({error.strerror})", "choose a data directory of this user"
    )
