"""What a rule sheet holds for one member alone (A-7): the kinds that hold for them in another way."""

import json
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.entries import Entry
from etherapy.rules.kinds import KINDS
from etherapy.rules.rule import Rule

PART_FORMAT = "etherapy-part/1"
NO_PART = canonical_json({})
"""A member's own part while nothing is agreed with one member alone."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    rules: tuple[Entry, ...]


def part_of(shared: Sequence[Entry], own: Sequence[Entry]) -> bytes:
    """A member's own part of a sheet: the kinds that hold for this member in another way than in `shared`."""
    entries = [
        entry
        for kind in KINDS.values()
        if (mine := _of_kind(own, kind)) != _of_kind(shared, kind)
        for entry in mine
    ]
    return canonical_json(msgspec.to_builtins(_Part(PART_FORMAT, tuple(entries)))) if entries else NO_PART


def _of_kind(entries: Sequence[Entry], kind: type[Rule]) -> list[Entry]:
    return [entry for entry in entries if type(entry.rule) is kind]


@lru_cache(maxsize=4096)
def read_part(part: bytes) -> tuple[Entry, ...]:
    """The entries of a member's own part; BadRule if these bytes are none."""
    if part == NO_PART:
        return ()
    try:
        document = json.loads(part.decode("utf-8"))
        found = msgspec.convert(document, _Part)
        if canonical_json(document) != part or found.format != PART_FORMAT:
            raise ValueError
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise BadRule(
            "part", "these bytes are no part of a sheet", "use the bytes as they were kept"
        ) from None
    return found.rules
