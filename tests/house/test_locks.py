"""Locks pin every package by its hash and name no host (decisions.md D-20)."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = ":" + "//"
LOCK = ROOT / "requirements.lock"


def locks() -> list[Path]:
    """Every file that looks like a lock, wherever it is, but for what git ignores."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*lock*", "*.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = [ROOT / name for name in said.splitlines() if re.search(r"lock(\.\w+)?$", name)]
    return [path for path in {LOCK, *found} if path.is_file()]


def test_no_lock_names_a_host():
    assert LOCK in locks()
    for lock in locks():
        assert HOST not in lock.read_text(encoding="utf-8"), lock


def test_every_package_is_pinned_by_a_hash():
    packages = re.split(r"\n(?=\S)", LOCK.read_text(encoding="utf-8").strip())[1:]
    assert len(packages) > 40
    for package in packages:
        assert re.match(r"[a-z0-9._-]+==\S+", package), package
        assert "--hash=sha256:" in package, package


def test_everything_that_the_project_asks_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[^A-Za-z0-9._-]", name)[0].lower() for name in asked}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", LOCK.read_text(encoding="utf-8"), re.MULTILINE))
    assert names <= locked


def test_locks_that_record_hosts_are_ignored():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert {"uv.lock", "pylock.toml"} <= set(ignored)
