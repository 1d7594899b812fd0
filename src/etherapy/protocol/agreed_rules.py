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
    """The rules are in force: for how many threads, and how many waiting messages will be read earlier
    than promised."""

    version: int
    threads: int
    earlier: int
