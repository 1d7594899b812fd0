"""A backup: a directory with the whole store in one file, and a manifest that says what it must be (G20).

The server's keys are never in it. They are copied on request to a place of their own: who holds a backup and
the keys can put up a server that speaks as this one.
"""

import asyncio
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from etherapy import __version__
from etherapy.binary import B64, Hash32, dec_hook, enc_hook
from etherapy.postgres.backup import dump
from etherapy.server.keys import write_once
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.inspection import count_rows
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.site import Site
from etherapy.store.migrate import schema_version

MANIFEST = "manifest.json"
DUMP = "etherapy.dump"
_FORMAT = 1


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a backup holds. `rows` were counted just before it was taken: it has at least as many."""

    format: int
    made_at: datetime
    """By the machine's own clock."""
    domain_time: datetime
    """By the installation's clock, which differs where it is synthetic."""
    etherapy: str
    schema: int
    postgres: str
    synthetic: bool
    server_id: Hash32
    links: list[B64]
    rows: dict[str, int]
    files: list[File]


async def make_backup(site: Site, target: Path, keys_target: Path | None = None) -> Manifest:
    """Write a backup to the directory `target`, new or empty, while others go on working.

    `keys_target` is where a copy of the server's keys goes, not inside `target`. Nothing is overwritten.
    The manifest is written last: a directory without one is no backup.
    """
    there = await read_installation(site)
    programs = site.programs()
    _check_targets(target, keys_target)
    async with site.connection() as connection:
        rows, schema = await count_rows(connection), await schema_version(connection)
        postgres = str(await connection.fetchval("SHOW server_version")).split()[0]
    _make_place(target)
    await asyncio.to_thread(dump, site.operate_dsn, programs, target / DUMP)
    manifest = Manifest(
        format=_FORMAT,
        made_at=datetime.now(UTC),
        domain_time=there.now(),
        etherapy=__version__,
        schema=schema,
        postgres=postgres,
        synthetic=there.synthetic,
        server_id=Hash32(there.secrets.server_id),
        links=[B64(link) for link in there.secrets.links],
        rows=rows,
        files=[await asyncio.to_thread(measure, target / DUMP)],
    )
    if keys_target is not None:
        write_once(keys_target, site.keys_file.read_bytes())
    _write(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest, enc_hook=enc_hook)) + b"\n")
    return manifest


def read_manifest(source: Path) -> Manifest:
    """The manifest of a backup, its files checked against it; CannotOperate if anything differs."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest, dec_hook=dec_hook)
    except OSError:
        raise CannotOperate(
            f"there is no backup in {source}", "name the directory with manifest.json"
        ) from None
    except (msgspec.DecodeError, ValueError):
        raise CannotOperate(f"{source / MANIFEST} is damaged", "use another copy of this backup") from None
    if manifest.format != _FORMAT:
        raise CannotOperate("this backup was made by a newer etherapy", f"install {manifest.etherapy}")
    if [file.name for file in manifest.files] != [DUMP]:
        raise CannotOperate(f"{source / MANIFEST} is damaged", "use another copy of this backup")
    for file in manifest.files:
        if not (source / file.name).is_file() or measure(source / file.name) != file:
            raise CannotOperate(
                f"{source / file.name} is not as its manifest says", "use another copy of this backup"
            )
    return manifest


def measure(path: Path) -> File:
    """A file's name, size and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return File(path.name, os.fstat(file.fileno()).st_size, digest)


def _check_targets(target: Path, keys_target: Path | None) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CannotOperate(
            f"{target} is there already and not empty", "name a new directory for each backup"
        )
    if keys_target is None:
        return
    if keys_target.exists():
        raise CannotOperate(f"{keys_target} is there already", "name a new file for the keys")
    if keys_target.absolute().is_relative_to(target.absolute()):
        raise CannotOperate("the keys would lie in the backup", "keep them in another place")


def _make_place(target: Path) -> None:
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.chmod(0o700)
    except OSError as error:
        raise CannotOperate(
            f"{target} cannot be made ({error.strerror})", "choose another directory"
        ) from None


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
