"""A server that serves takes up rotated keys by itself: it looks at the keys file as at its clock."""

from pathlib import Path

import structlog

from etherapy.server.keys import KeysUnusable, ServerSecrets

_Stamp = tuple[int, int, int]


class KeyWatch:
    """The keys in use and the file they came from. One that cannot be used is told once and passed over."""

    def __init__(self, secrets: ServerSecrets, path: Path) -> None:
        self._secrets = secrets
        self._path = path
        self._seen: _Stamp | None = None

    def look(self) -> bool:
        """Take up the file's keys if it changed since the last look; whether they are new."""
        stamp = _stamp(self._path)
        if stamp is None or stamp == self._seen:
            return False
        self._seen = stamp
        try:
            taken = self._secrets.take_up(self._path)
        except KeysUnusable:
            structlog.get_logger().error("keys file cannot be used", reason="keys")
            return False
        if taken:
            structlog.get_logger().info("keys rotated", reason="keys")
        return taken


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
