"""The documents speak of files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`((?:src|schema|tests|scripts|bench|docs)/[A-Za-z0-9_./-]+)`")


@pytest.mark.parametrize("page", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md")) + ["README.md"])
def test_every_file_that_a_page_names_exists(page: str) -> None:
    named = set(NAMED.findall((ROOT / page).read_text()))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_life_of_a_message_names_files_at_all() -> None:
    assert len(NAMED.findall((ROOT / "docs/life-of-a-message.md").read_text())) > 15
