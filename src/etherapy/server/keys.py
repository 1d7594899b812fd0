"""What the installation keeps secret: the keys behind its receipts, and the pepper (tep_amendments.md A-8).

One file, `<data>/keys/server.json`, mode 0600 in a directory of mode 0700, made once and whole. Nothing in it
opens a message: whoever steals it can speak as this server, and read nothing.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from etherapy.binary import B64, Hash32, dec_hook, enc_hook
from etherapy.signing import SigningKey
from etherapy.tep.malformed import Malformed
from etherapy.tep.serverkeys import ServerKey, ServerKeys, Use, first_server_link, key_id, verify_server_chain

LIFETIME = timedelta(days=5 * 365)
EARLIER = timedelta(hours=1)
"""New keys count from a little before they were made: a corrected clock leaves no receipt without a key."""
SYNTHETIC_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
SYNTHETIC_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
"""Keys of synthetic installations, whose stories may lie in the past or far ahead, count in these dates."""

_FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class KeysUnusable(Exception):
    """The file with the server's keys cannot be used. `problem` and `mend` hold no secrets."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.mend = mend


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file as it is written. `root` may be taken out and kept offline: only new links need it."""

    format: int
    root: Hash32 | None
    receipt: Hash32
    checkpoint: Hash32
    restore: Hash32
    pepper: Hash32
    links: list[B64]


class ServerSecrets:
    """The server's own keys: `receipt`, `checkpoint`, `restore` sign; `root` (None: offline) makes new links.

    `links` is the public key chain from link 0 on and `known` what it says; `pepper` is 32 secret bytes for
    challenges and for pseudonyms in logs. Make one with `create` or `load`.
    """

    def __init__(self, file: _File) -> None:
        self.links: list[bytes] = [bytes(link) for link in file.links]
        self.known: ServerKeys = verify_server_chain(self.links)
        self.server_id: bytes = self.known.server_id
        self.root = None if file.root is None else SigningKey(bytes(file.root))
        self.receipt = SigningKey(bytes(file.receipt))
        self.receipt_id: bytes = key_id(self.receipt.public)
        self.checkpoint = SigningKey(bytes(file.checkpoint))
        self.restore = SigningKey(bytes(file.restore))
        self.pepper: bytes = bytes(file.pepper)

    @classmethod
    def create(
        cls,
        path: Path,
        origin: str,
        now: datetime,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """Make the keys of a new server and write them to `path`; a file that is there is never replaced.

        The keys count in [since, until), by default from an hour before `now` for five years. Raises
        KeysUnusable when there are keys already or the place cannot be written.
        """
        root, receipt, checkpoint, restore = (SigningKey(random(32)) for _ in range(4))
        begins, ends = since or now - EARLIER, until or now + LIFETIME
        dates = (begins - _EPOCH) // _MS, (ends - _EPOCH) // _MS
        keys = [
            ServerKey.of(key.public, use, *dates)
            for key, use in ((receipt, Use.RECEIPTS), (checkpoint, Use.CHECKPOINTS), (restore, Use.RESTORE))
        ]
        file = _File(
            format=_FORMAT,
            root=Hash32(root.seed),
            receipt=Hash32(receipt.seed),
            checkpoint=Hash32(checkpoint.seed),
            restore=Hash32(restore.seed),
            pepper=Hash32(random(32)),
            links=[B64(first_server_link(origin, root, keys))],
        )
        write_once(path, msgspec.json.format(msgspec.json.encode(file, enc_hook=enc_hook)) + b"\n")
        return cls(file)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The keys in `path`. KeysUnusable: no such file, open to others, damaged, not of one server."""
        file = _parse(_read_private(path), path)
        try:
            secrets = cls(file)
        except Malformed:
            raise _damaged(path) from None
        for key, use in secrets.signers():
            if secrets.known.lookup(key_id(key.public), use) is None:
                raise _damaged(path)
        if secrets.root is not None and secrets.root.public != secrets.known.root_pk:
            raise _damaged(path)
        return secrets

    @property
    def origin(self) -> str:
        """The public origin that the newest link names."""
        return self.known.origin

    def signers(self) -> tuple[tuple[SigningKey, Use], ...]:
        """The keys in use, each with what it signs."""
        return (
            (self.receipt, Use.RECEIPTS),
            (self.checkpoint, Use.CHECKPOINTS),
            (self.restore, Use.RESTORE),
        )

    def valid_until(self) -> datetime:
        """When the first of the keys in use ends, UTC."""
        ends = [self.known.keys[key_id(key.public)].until for key, _ in self.signers()]
        return _EPOCH + min(ends) * _MS

    def __repr__(self) -> str:
        return f"ServerSecrets(server_id={self.server_id.hex()[:8]}…)"


_MS = timedelta(milliseconds=1)


def write_once(path: Path, data: bytes) -> None:
    """Write a private file that was not there, whole or not at all; KeysUnusable if it was there."""
    half = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        half.unlink(missing_ok=True)
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(half, path)  # unlike a rename it fails when somebody was faster
        finally:
            half.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except FileExistsError:
        raise KeysUnusable(f"{path} is there already", "keys are never replaced by a new set") from None
    except OSError as error:
        raise KeysUnusable(
            f"{path} cannot be written ({error.strerror})", "choose a data directory of this user"
        ) from None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_private(path: Path) -> bytes:
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


def _parse(data: bytes, path: Path) -> _File:
    try:
        file = msgspec.json.decode(data, type=_File, dec_hook=dec_hook)
    except (msgspec.DecodeError, ValueError):
        raise _damaged(path) from None
    if file.format != _FORMAT:
        raise KeysUnusable(f"{path} was written by a newer etherapy", "install that version")
    return file


def _damaged(path: Path) -> KeysUnusable:
    return KeysUnusable(f"{path} is damaged", "put the copy back that was kept apart from the backups")
