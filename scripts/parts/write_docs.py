"""The pages of docs/ that are derived from the code."""

import json
from pathlib import Path

from etherapy.protocol.openapi import summaries_of
from etherapy.protocol.pages import http_page, problems_page
from etherapy.rules.kinds_page import kinds_page
from etherapy.rules.schema import policy_schema
from etherapy.server.main import HANDLERS, TABLE
from etherapy.server.settings import settings_page

DOCS = Path(__file__).parents[2] / "docs"


def pages() -> dict[str, str]:
    """File name to text."""
    settings = (
        "# Settings\n\nDerived from the code. A TOML file named by `ETHERAPY_CONFIG` takes the keys.\n\n"
    )
    return {
        "http.md": http_page(TABLE, summaries_of(HANDLERS)),
        "problems.md": problems_page(),
        "rule-kinds.md": kinds_page(),
        "rules.schema.json": json.dumps(policy_schema(), indent=1, ensure_ascii=False) + "\n",
        "settings.md": settings + settings_page(),
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text)
