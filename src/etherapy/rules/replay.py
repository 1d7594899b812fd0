"""What a decision was made of, kept beside it, and the same decision made again from that (guarantees.md G9).

The server decides by `answer` as well, so a replay is the same path: it differs only where the record was
changed, or the zone data is of another edition.
"""

import json
from typing import Final

import msgspec

from etherapy.rules.calendar import tzdata_checksum
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Decision
from etherapy.rules.judgement import decide
from etherapy.rules.replacing import take_place
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Facts

RESTORED: Final = canonical_json({})
"""The question of a message that came back after a restore: its times are those of its promise, and no rules
were asked."""

_UNREADABLE: Final = "the record of this message cannot be read"


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the rules were asked."""

    attempt: Attempt
    facts: Facts
    rules_rev: int
    """Number of the rule sheet (A-7) that answered."""
    before: Decision | None = None
    """Of the message whose place this one took, with the times of its newest promise (A-4)."""


class NotReplayable(Exception):
    """The decision cannot be made again here; the words say what is missing."""


class Replayed(msgspec.Struct, frozen=True):
    """A decision made again, and whether it is the recorded one to the byte."""

    decision: Decision
    same: bool


def answer(rules: Rules, question: Question) -> Decision:
    """The decision; `rules` as they hold for the sender, its own part of the sheet included."""
    fresh = decide(rules, question.attempt, question.facts)
    return fresh if question.before is None else take_place(question.before, fresh)


def keep_question(question: Question) -> bytes:
    """The question as it is stored beside its decision: canonical JSON."""
    return canonical_json(msgspec.to_builtins(question))


def keep_decision(decision: Decision) -> bytes:
    """The decision as it is stored and answered, byte for byte (D-31)."""
    return msgspec.json.encode(decision)


def read_question(stored: bytes) -> Question:
    """The question as `keep_question` wrote it; NotReplayable."""
    try:
        return msgspec.convert(json.loads(stored), Question)
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise NotReplayable(_UNREADABLE) from None


def replay(shared: bytes, part: bytes, question: bytes, recorded: bytes) -> Replayed:
    """Decide again by this sheet and the sender's part of it, and compare; NotReplayable, BadRule."""
    if question == RESTORED:
        raise NotReplayable("it came back after a restore under its old promise: no rules were asked")
    asked = read_question(question)
    try:
        before = msgspec.json.decode(recorded, type=Decision)
    except (ValueError, RecursionError, msgspec.ValidationError):
        raise NotReplayable(_UNREADABLE) from None
    if before.tzdata_checksum != tzdata_checksum():
        edition = f"{before.tzdata_version} ({before.tzdata_checksum[:12]})"
        raise NotReplayable(f"it was decided with zone data {edition}: install that edition to replay it")
    rules = Rules.from_canonical(shared).with_part(part)
    try:
        decision = answer(rules, asked)
    except (ArithmeticError, LookupError, TypeError):  # a record that nobody made by deciding
        raise NotReplayable(_UNREADABLE) from None
    return Replayed(decision, keep_decision(decision) == recorded)
