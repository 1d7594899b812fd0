"""The documents speak of files that are there."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODES = re.compile(r"\b(?:D-\d+|G\d+|A-\d+|R-\d\d)\b")
PAGES = ["README.md", *sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))]
NAMED = re.compile(r"`((?:src|schema|tests|scripts|bench|docs)/[A-Za-z0-9_./-]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = set(NAMED.findall((ROOT / page).read_text()))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_life_of_a_message_names_files_at_all() -> None:
    assert len(NAMED.findall((ROOT / "docs/life-of-a-message.md").read_text())) > 15


def test_derived_pages_are_in_step_with_the_code() -> None:
    spec = spec_from_file_location("write_docs", ROOT / "scripts/parts/write_docs.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    stale = [name for name, text in module.pages().items() if (ROOT / "docs" / name).read_text() != text]
    assert stale == [], "run scripts/docs"


def test_every_code_that_a_comment_cites_is_explained() -> None:
    cited: set[str] = set()
    for folder, pattern in (("src", "*.py"), ("schema", "*.sql"), ("tests", "*.py"), ("docs", "*.md")):
        for file in (ROOT / folder).rglob(pattern):
            if file.name != "references.md":
                cited |= set(CODES.findall(file.read_text(encoding="utf-8")))
    explained = set(CODES.findall((ROOT / "docs/references.md").read_text()))
    assert cited - explained == set()
