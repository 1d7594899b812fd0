"""The page for therapists shows what people really read."""

import re
from pathlib import Path

import pytest

from tests.rules.page_examples import EXAMPLES

PAGE = (Path(__file__).parents[2] / "docs/boundaries.md").read_text()
SHOWN = dict(re.findall(r"<!-- example: (.+?) -->\n```text\n(.*?)```\n", PAGE, re.DOTALL))


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_is_word_for_word_what_the_program_says(name: str) -> None:
    assert SHOWN[name].splitlines() == EXAMPLES[name]()


def test_every_example_is_shown_once_and_none_is_left_empty() -> None:
    assert len(SHOWN) == PAGE.count("<!-- example:")
    assert all(text.strip() for text in SHOWN.values())
    assert sorted(set(EXAMPLES) - set(SHOWN)) == []


def test_the_page_is_words_and_no_file_format() -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    assert '{"kind"' not in prose
    assert len(re.findall(r"^## .+\?$", prose, re.MULTILINE)) >= 7, "it begins with questions"
