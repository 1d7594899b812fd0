"""Who may import whom (pyproject.toml, [tool.importlinter]), and that each contract can be broken."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = ROOT / "pyproject.toml"
RUN = "from importlinter.cli import lint_imports_command as run; run()"

# A line in a room that must not have it, one for each contract. None is ever run.
BREACHES = {
    "Floors: an import arrow points down": ("store/planted.py", "import etherapy.server"),
    "Secrecy: nothing on the server's side can open a message": (
        "server/planted.py",
        "import etherapy.crypto",
    ),
    "The SDK can be installed alone": ("sdk/planted.py", "import asyncpg"),
    "The SDK's rooms: an import arrow points down": (
        "sdk/keeping/planted.py",
        "import etherapy.sdk.transport",
    ),
    "Verifying a thread needs no file and no socket": ("sdk/verifying/planted.py", "import asyncio"),
    "Crypto is bytes in, bytes out": ("crypto/planted.py", "import etherapy.protocol"),
    "TEP is formats and their verification": ("tep/planted.py", "import etherapy.rules"),
    "A supervisor's checker is merkle and signing, with no server in it": (
        "merkle/planted.py",
        "import etherapy.tep",
    ),
    "The protocol is types only": ("protocol/planted.py", "import aiohttp"),
    "The rules can be replayed from a recording": ("rules/planted.py", "import time"),
    "A handler is called with plain values: it sees no socket and no connection": (
        "server/handlers/planted.py",
        "import asyncpg",
    ),
    "Handlers do not call each other": (
        "server/handlers/planted_twice.py",
        "import etherapy.server.handlers.planted",
    ),
    "The command line goes through the SDK or the server, never past them": (
        "cli/planted.py",
        "import etherapy.store",
    ),
}


def verdicts(source: Path) -> dict[str, str]:
    """Each contract's name with KEPT or BROKEN, for the package under `source`."""
    run = subprocess.run(
        [sys.executable, "-c", RUN, "--config", str(PYPROJECT), "--no-cache", "--no-logo"],
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "400", "NO_COLOR": "1"},
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", run.stdout, re.MULTILINE))
    assert found, run.stdout + run.stderr
    return found


@pytest.fixture(scope="module")
def contracts() -> list[str]:
    linter = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]
    return [contract["name"] for contract in linter["contracts"]]


def test_every_room_keeps_to_its_imports(contracts: list[str]):
    assert verdicts(ROOT / "src") == dict.fromkeys(contracts, "KEPT")


def test_every_contract_notices_its_breach(contracts: list[str], tmp_path: Path):
    assert sorted(BREACHES) == sorted(contracts)
    ignore = shutil.ignore_patterns("__pycache__", "static")
    package = Path(shutil.copytree(ROOT / "src" / "etherapy", tmp_path / "etherapy", ignore=ignore))
    for where, line in BREACHES.values():
        (package / where).write_text(line + "\n")
    assert verdicts(tmp_path) == dict.fromkeys(contracts, "BROKEN")


def test_the_package_itself_imports_no_room():
    """Every room imports `etherapy` on its way: what stood there would stand in the server too."""
    source = (ROOT / "src" / "etherapy" / "__init__.py").read_text()
    assert not re.search(r"^\s*(from|import)\s", source, re.MULTILINE)
