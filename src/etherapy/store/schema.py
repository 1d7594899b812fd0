"""The schema as files: where they are, in which order, and how their texts are told apart."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

NUMBERED = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_COMPAT = re.compile(r"^-- compat: (\d+)$", re.MULTILINE)


class MigrationRefused(Exception):
    """The schema cannot be brought forward as asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One file of the schema. `name` is its path below the schema directory."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def number(self) -> int:
        """Position of a numbered file; 0 for a function."""
        return int(self.name[:4]) if NUMBERED.fullmatch(self.name) else 0

    @property
    def compat(self) -> int:
        """The oldest schema number whose programs may run on this one (`-- compat: N`), else its own."""
        said = _COMPAT.search(self.text)
        return int(said[1]) if said else self.number


def schema_directory() -> Path:
    """Where the schema files are: beside src/ in a checkout, `etherapy/_schema` in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    for place in (package.parents[1] / "schema", package / "_schema"):
        if (place / "functions").is_dir():
            return place
    raise MigrationRefused("the schema files are missing from this installation; install etherapy again")


def numbered_files(directory: Path) -> list[SchemaFile]:
    """The migrations in order; refuses a gap, a repeated number or a name out of the pattern."""
    files = [_read(directory, path) for path in sorted(directory.glob("*.sql")) if path.name != "current.sql"]
    for place, file in enumerate(files, 1):
        if file.number != place:
            raise MigrationRefused(f"schema/{file.name} should be number {place:04}: NNNN_name.sql, no gaps")
    return files


def function_files(directory: Path) -> list[SchemaFile]:
    """The functions, by name."""
    return [_read(directory, path) for path in sorted((directory / "functions").glob("*.sql"))]


def latest_schema(directory: Path | None = None) -> int:
    """The number of the newest migration this program knows."""
    return len(numbered_files(directory or schema_directory()))


def _read(directory: Path, path: Path) -> SchemaFile:
    return SchemaFile(path.relative_to(directory).as_posix(), path.read_text(encoding="utf-8"))
