"""The ways around root, each with its own obstacle put up for real (parts.md 1.2)."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from etherapy.postgres import Binaries, Postgres, PostgresUnavailable, find_binaries
from etherapy.postgres import account as accounts
from tests.postgres_fixture import wanted_major

ROOT = os.geteuid() == 0


def namespaces_are_allowed() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "--user", "true"], check=False).returncode == 0


def ways() -> list[str]:
    if not ROOT:
        return ["direct"]
    return ["drop", "copy", *(["namespace"] if namespaces_are_allowed() else [])]


@pytest.fixture
def closed_place(open_place: Path) -> Path:
    """A directory under a home that nobody else may pass."""
    home = open_place / "home"
    home.mkdir(mode=0o700)
    (home / "checkout").mkdir()
    return home / "checkout"


def closed_binaries(place: Path) -> Binaries:
    """The programs as they look from under a closed home."""
    found = find_binaries(wanted_major())
    if not found.trees:
        return found
    for tree in found.trees:
        top = Path(tree).parts[0]
        if not (place / top).exists():
            (place / top).symlink_to(found.root / top)
    return replace(found, root=place, bin_dir=place / found.bin_dir.relative_to(found.root))


@pytest.mark.parametrize("way", ways())
async def test_each_way_works_and_opens_no_directory(way, open_place, closed_place, monkeypatch):
    people = Path("/etc/passwd").read_bytes()
    place, binaries = open_place, find_binaries(wanted_major())
    if way == "drop" and binaries.trees:
        binaries = accounts.copy_binaries(binaries, place)  # ours may lie under a closed home
    if way in ("copy", "namespace"):
        place, binaries = closed_place, closed_binaries(closed_place)
    if way == "copy":
        forbid_namespaces(monkeypatch, open_place)
    before = modes(place)
    # The second time a moved cluster is where everybody can go: programs that need no copy need none then.
    for expected in (way, "drop" if way == "copy" and not binaries.trees else way):
        async with Postgres(place / "data", binaries=binaries) as server:
            assert server.way == expected
            connection = await asyncpg.connect(server.operate_dsn)
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS kept (n integer); INSERT INTO kept VALUES (1)"
            )
            rows = await connection.fetchval("SELECT count(*) FROM kept")
            await connection.close()
    assert rows == 2
    assert modes(place) == before
    assert Path("/etc/passwd").read_bytes() == people


if "namespace" in ways():

    async def test_a_cluster_made_in_a_namespace_moves_on_when_namespaces_are_forbidden(
        open_place, closed_place, monkeypatch
    ):
        binaries = closed_binaries(closed_place)
        async with Postgres(closed_place / "data", binaries=binaries) as server:
            assert server.way == "namespace"
            await write(server, "CREATE TABLE kept AS SELECT 1 AS n")
        forbid_namespaces(monkeypatch, open_place)
        async with Postgres(closed_place / "data", binaries=binaries) as server:
            assert server.way in ("copy", "drop")
            await write(server, "INSERT INTO kept VALUES (2)")


if ROOT:

    def test_when_no_way_is_open_the_message_says_what_was_tried(open_place, closed_place, monkeypatch):
        forbid_namespaces(monkeypatch, open_place)
        monkeypatch.setattr(accounts, "PUBLIC_PLACES", (closed_place / "nowhere" / "deep",))
        with pytest.raises(PostgresUnavailable, match="ordinary user") as refused:
            Postgres(closed_place / "data", binaries=find_binaries(wanted_major())).start()
        assert "unshare" in str(refused.value)
        assert "ETHERAPY_DATABASE" in str(refused.value)


def forbid_namespaces(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """Take `unshare` off the path, and keep copies where the test can throw them away."""
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "unshare" else real(name))
    monkeypatch.setattr(accounts, "PUBLIC_PLACES", (place / "public",))


def modes(place: Path) -> dict[Path, int]:
    return {parent: parent.stat().st_mode for parent in (place, *place.parents)}


async def write(server: Postgres, sql: str) -> None:
    connection = await asyncpg.connect(server.operate_dsn)
    await connection.execute(sql)
    await connection.close()
