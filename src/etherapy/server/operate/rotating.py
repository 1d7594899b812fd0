"""New keys for the server itself, while it serves (tep_amendments.md A-8).

The link that brings them in is signed by the root key, goes to every node with the keys file, and stands in
the `keys` log of every practice. Whoever pinned the first link verifies the way from it.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from etherapy.postgres.state import Lock
from etherapy.rules.canonical import canonical_json
from etherapy.server.keys import (
    LONGEST_OVERLAP,
    SYNTHETIC_UNTIL,
    ServerSecrets,
    keep_root_apart,
    read_root,
    rotate_keys,
)
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import Installation
from etherapy.server.operate.site import Site
from etherapy.tep.leaves import server_link_leaf
from etherapy.tep.serverkeys import Use, key_id

_PATIENCE = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_USES = {Use.RECEIPTS: "receipts", Use.CHECKPOINTS: "checkpoints", Use.RESTORE: "restore"}
_ADD_LINK = "INSERT INTO server_link (seq, link) VALUES ($1, $2) ON CONFLICT (seq) DO NOTHING"
_PRACTICES = "SELECT practice_id FROM practice ORDER BY practice_id"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key of the server. `signs_now`: it is the one in use for its purpose."""

    key_id: bytes
    use: str
    since: datetime
    until: datetime
    signs_now: bool


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: how many links there are now, when the old keys end, how many practices know."""

    links: int
    old_end: datetime
    practices: int


async def rotate_server_keys(
    site: Site, there: Installation, *, root: Path | None = None, overlap: timedelta = LONGEST_OVERLAP
) -> Rotated:
    """New receipt, checkpoint and restore keys. A running server takes them up within a second.

    `root` names the file with the root key where it lies offline. Safe to repeat after an interruption: what
    was signed is published before anything new is. CannotOperate, KeysUnusable.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise CannotOperate("old keys may count for at most seven days", "name a shorter overlap")
    now = there.now()
    signing_root = None if root is None else read_root(root)
    with Lock(site.data / "setup.lock").held(_PATIENCE):
        secrets = rotate_keys(
            site.keys_file,
            now,
            root=signing_root,
            overlap=overlap,
            until=SYNTHETIC_UNTIL if there.synthetic else None,
        )
        practices = await publish_links(site, secrets, now)
    return Rotated(len(secrets.links), now + overlap, practices)


async def publish_links(site: Site, secrets: ServerSecrets, now: datetime) -> int:
    """Have every link of the server in the database and in each practice's `keys` log; how many practices."""
    hashes = secrets.known.hashes
    async with site.books() as database:
        async with database.connection() as connection:
            for seq, link in enumerate(secrets.links):
                await connection.execute(_ADD_LINK, seq, link)
            practices = [row["practice_id"] for row in await connection.fetch(_PRACTICES)]
        for practice in practices:
            for seq, link_hash in enumerate(hashes):
                leaf = server_link_leaf(secrets.server_id, seq, link_hash)
                record = {"act": "server.keys_rotated", "at": now.isoformat(), "by": "operator", "seq": seq}
                audit = (os.urandom(16), os.urandom(32), canonical_json(record))
                await database.call("log_server_link", practice, now, os.urandom(16), leaf, *audit)
    return len(practices)


def list_keys(secrets: ServerSecrets) -> list[KeyRow]:
    """Every key that the links name, the newest last."""
    signing = {key_id(key.public) for key, _ in secrets.signers()}
    rows = [
        KeyRow(
            one.key_id, _USES[Use(one.use)], _instant(one.since), _instant(one.until), one.key_id in signing
        )
        for one in secrets.known.keys.values()
    ]
    return sorted(rows, key=lambda one: (one.since, one.use))


def take_root_out(site: Site, target: Path) -> None:
    """Move the root key to a file of its own. CannotOperate for a place beside the other keys."""
    if target.absolute().is_relative_to(site.data.absolute()):
        raise CannotOperate("that is in the data directory", "keep the root key in another place")
    with Lock(site.data / "setup.lock").held(_PATIENCE):
        keep_root_apart(site.keys_file, target)


def _instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
