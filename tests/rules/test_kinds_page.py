"""The page of kinds says everything that the code has."""

import msgspec
import pytest

from etherapy.rules.kinds import KINDS
from etherapy.rules.kinds_page import kinds_page

PAGE = kinds_page()


def section(kind: str) -> str:
    """What the page says of one kind."""
    return PAGE.partition(f"\n## `{kind}`\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_stands_on_the_page(kind):
    said = section(kind)
    assert (KINDS[kind].__doc__ or "nothing").split("\n")[0] in said
    for field in msgspec.structs.fields(KINDS[kind]):
        assert f"| `{field.encode_name}` |" in said
    assert said.count("Layers: ") == 1


def test_what_is_inside_a_field_is_told_below_it():
    said = section("response.target")
    for count in ("window_minutes", "business_days", "cutoff_table", "from_slot", "none"):
        assert f"`count` `{count}`" in said
    assert "**CutoffBand**" in said and "| `from` |" in said


def test_every_layer_that_may_say_a_kind_is_named():
    assert "Layers: practice. " in section("bounds")
    assert "Layers: client. " in section("client.quiet_hours") and "in no rule sheet" in section(
        "client.quiet_hours"
    )
    assert "beside each other" in section("holiday.calendar")
    assert "one participant alone" in section("budget.count")
