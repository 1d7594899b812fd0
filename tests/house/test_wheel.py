"""What is installed from a wheel is whole: it carries the schema that it migrates to, and the templates."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_an_installed_wheel_finds_its_own_schema(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    installed = tmp_path / "lib" / "site"
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    names = "from etherapy.rules.templates import templates; print(*templates())"
    script = f"from etherapy.store.schema import schema_directory; print(schema_directory()); {names}"
    said, templates = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(installed)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert Path(said) == installed / "etherapy" / "_schema"
    files = {path.relative_to(ROOT / "schema") for path in (ROOT / "schema").rglob("*.sql")}
    assert {path.relative_to(said) for path in Path(said).rglob("*.sql")} == files
    kept = ROOT / "src/etherapy/rules/templates"
    assert sorted(templates.split()) == sorted(path.stem for path in kept.glob("*.json"))
