"""What the installation keeps secret: the keys behind its receipts, and the pepper (tep_amendments.md A-8).

One file, `<data>/keys/server.json`, mode 0600 in a directory of mode 0700, made once and rotated as a whole.
Nothing in it opens a message: whoever steals it can speak as this server, and read nothing.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import msgspec

from etherapy.binary import B64, Hash32, dec_hook, enc_hook
from etherapy.server.private_file import KeysUnusable, read_private, write_once, write_over
from etherapy.signing import SigningKey
from etherapy.tep.malformed import Malformed
from etherapy.tep.serverkeys import (
    ServerKey,
    ServerKeys,
    Use,
    first_server_link,
    key_id,
    next_server_link,
    verify_server_chain,
)

__all__ = [
    "LIFETIME",
    "LONGEST_OVERLAP",
    "SYNTHETIC_SINCE",
    "SYNTHETIC_UNTIL",
    "KeysUnusable",
    "ServerSecrets",
    "keep_root_apart",
    "read_root",
    "rotate_keys",
    "write_once",
]

LIFETIME = timedelta(days=5 * 365)
LONGEST_OVERLAP = timedelta(days=7)
"""For how long the keys before a rotation still count at most (A-8)."""
EARLIER = timedelta(hours=1)
"""New keys count from a little before they were made: a corrected clock leaves no receipt without a key."""
SYNTHETIC_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
SYNTHETIC_UNTIL = datetime(2100, 1, 1, tzinfo=UTC)
"""Keys of synthetic installations, whose stories may lie in the past or far ahead, count in these dates."""

_FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

Random = Callable[[int], bytes]


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The file as it is written. `root` may be taken out and kept offline: only new links need it."""

    format: int
    root: Hash32 | None
    receipt: Hash32
    checkpoint: Hash32
    restore: Hash32
    pepper: Hash32
    links: list[B64]


class _RootFile(msgspec.Struct):
    """A file with the root key: one of its own, or a copy of the whole keys file from before it was taken
    out."""

    root: Hash32


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
        random: Random = os.urandom,
    ) -> Self:
        """Make the keys of a new server and write them to `path`; a file that is there is never replaced.

        The keys count in [since, until), by default from an hour before `now` for five years. Raises
        KeysUnusable when there are keys already or the place cannot be written.
        """
        root = SigningKey(random(32))
        signers = _new_signers(random)
        listed = _listed(signers, since or now - EARLIER, until or now + LIFETIME)
        links = [first_server_link(origin, root, listed)]
        file = _file_of(root, signers, Hash32(random(32)), links)
        write_once(path, _written(file))
        return cls(file)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The keys in `path`. KeysUnusable: no such file, open to others, damaged, not of one server."""
        file = _parse(read_private(path), path)
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

    def take_up(self, path: Path) -> bool:
        """Go on with the keys in the file where they were rotated meanwhile; whether they were.

        KeysUnusable, with nothing changed, when the file does not continue these keys. Whoever holds this
        object signs with the new keys from then on.
        """
        fresh = type(self).load(path)
        if fresh.links == self.links:
            return False
        try:
            fresh.known.check_descends_from(self.known)
        except Malformed as bad:
            raise KeysUnusable(
                f"{path} does not continue the keys in use: {bad}", "put the right file back"
            ) from None
        self.__dict__.update(fresh.__dict__)
        return True

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


def rotate_keys(
    path: Path,
    now: datetime,
    *,
    root: SigningKey | None = None,
    overlap: timedelta = LONGEST_OVERLAP,
    until: datetime | None = None,
    random: Random = os.urandom,
) -> ServerSecrets:
    """Put new keys in the place of those in the file; the old ones end after `overlap`, and are not kept.

    `root` is needed where it lies offline, and does not get into the file by this. KeysUnusable: no root, or
    another one.
    """
    old = ServerSecrets.load(path)
    signing_root = root or old.root
    if signing_root is None:
        raise KeysUnusable(
            "the root key is not in the keys file", "name the file in which it was kept apart: --root FILE"
        )
    if signing_root.public != old.known.root_pk:
        raise KeysUnusable("that is not the root key of this server", "name the right file")
    end = (now + overlap - _EPOCH) // _MS
    ending = [old.known.keys[key_id(key.public)] for key, _ in old.signers()]
    signers = _new_signers(random)
    listed = [
        *(ServerKey(one.key_id, one.use, one.public, one.since, min(one.until, end)) for one in ending),
        *_listed(signers, now - EARLIER, until or now + LIFETIME),
    ]
    links = [*old.links, next_server_link(old.known, signing_root, listed)]
    file = _file_of(old.root, signers, Hash32(old.pepper), links)
    write_over(path, _written(file))
    return ServerSecrets.load(path)


def keep_root_apart(path: Path, target: Path) -> None:
    """Move the root key from the keys file to a private file of its own, `target`, which must be new."""
    secrets = ServerSecrets.load(path)
    if secrets.root is None:
        raise KeysUnusable("the root key is kept apart already", "nothing is to be done")
    held = Hash32(secrets.root.seed)
    write_once(target, msgspec.json.encode(_RootFile(held), enc_hook=enc_hook) + b"\n")
    file = _parse(read_private(path), path)
    file.root = None
    write_over(path, _written(file))


def read_root(path: Path) -> SigningKey:
    """The root key in a file that was kept apart, or in an old copy of the keys file."""
    try:
        file = msgspec.json.decode(read_private(path), type=_RootFile, dec_hook=dec_hook)
    except (msgspec.DecodeError, ValueError):
        raise KeysUnusable(f"{path} holds no root key", "name the file in which it was kept apart") from None
    return SigningKey(bytes(file.root))


def _new_signers(random: Random) -> list[tuple[SigningKey, Use]]:
    return [(SigningKey(random(32)), use) for use in (Use.RECEIPTS, Use.CHECKPOINTS, Use.RESTORE)]


def _listed(signers: list[tuple[SigningKey, Use]], since: datetime, until: datetime) -> list[ServerKey]:
    dates = (since - _EPOCH) // _MS, (until - _EPOCH) // _MS
    return [ServerKey.of(key.public, use, *dates) for key, use in signers]


def _file_of(
    root: SigningKey | None, signers: list[tuple[SigningKey, Use]], pepper: Hash32, links: list[bytes]
) -> _File:
    seeds = {use: Hash32(key.seed) for key, use in signers}
    return _File(
        format=_FORMAT,
        root=None if root is None else Hash32(root.seed),
        receipt=seeds[Use.RECEIPTS],
        checkpoint=seeds[Use.CHECKPOINTS],
        restore=seeds[Use.RESTORE],
        pepper=pepper,
        links=[B64(link) for link in links],
    )


def _written(file: _File) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file, enc_hook=enc_hook)) + b"\n"


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
