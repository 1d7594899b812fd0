"""Rule sets as their authors read and write them."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from etherapy.rules.sheet import SheetInWords


class SetRules(Struct, frozen=True, forbid_unknown_fields=True):
    """A new version of a rule set. `follows` is the version it was written on (0: there was none)."""

    follows: int
    rules: list[dict[str, Any]]


class RuleSet(Struct, frozen=True):
    """The rule set in force and its version (0: none yet, product defaults hold)."""

    version: int
    rules: list[dict[str, Any]]


class RulesSet(Struct, frozen=True):
    """The rules are in force, and for how many threads. Whether they bring a waiting message
    forward is not told: nobody but its sender knows that it waits (G5)."""

    version: int
    threads: int


class ExampleReply(Struct, frozen=True):
    """What would be decided of a client's message at some time."""

    at: datetime
    code: str
    release_at: datetime | None
    reply_by: datetime | None
    words: str


class RulesChecked(Struct, frozen=True):
    """What would follow from these rules. Nothing was put in force."""

    version: int
    """That they would have."""
    threads: int
    """That they would reach."""
    rules: list[dict[str, Any]]
    """As they would be kept: with the dates on which coming phases count as announced."""
    examples: list[ExampleReply]
    """A message before a weekend and one at night, so that "24 hours" is agreed with dates."""
    words: SheetInWords
    """All that would hold, in words."""
