"""Rule sets as their authors read and write them."""

from typing import Any

from msgspec import Struct


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
