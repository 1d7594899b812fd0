"""What a kind knows of a sender's other messages is told to nobody else, kinds to come included (G5)."""

import re
from pathlib import Path

from etherapy.rules.kinds import KINDS
from etherapy.rules.rule import Rule

SQL = Path(__file__).resolve().parents[2] / "schema" / "functions" / "decision_for_others.sql"


def test_every_kind_that_looks_back_is_left_out_of_what_others_see():
    hidden = {one.replace("[.]", r"\.") for one in re.findall(r"!~ '([^']+)'", SQL.read_text())}
    (pattern,) = hidden
    looking_back = {name for name, kind in KINDS.items() if kind.lookback is not Rule.lookback}
    assert looking_back
    assert {name for name in looking_back if not re.search(pattern, name)} == set()
    assert not re.search(pattern, "window.weekly")
