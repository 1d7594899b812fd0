"""What people write, and how they change what they wrote (tep.md §5.6)."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from etherapy.tep.envelope import MAX_PAYLOAD
from etherapy.tep.kinds.body import Body, line, part, prose
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import octets, text

MAX_SUBJECT = 200
MAX_TEXT = MAX_PAYLOAD - 1024
"""Leaves room for what a payload holds besides its text."""


def mid(value: object, what: str) -> bytes:
    """The id of a message."""
    return octets(value, 16, what)


@dataclass(frozen=True, slots=True, repr=False)
class Text(Body):
    """A text; in service class 4 it is a letter. Without a subject its body is the bare text."""

    NOUN: ClassVar[str] = "a text"

    text: str = part(0, lambda value, what: text(value, what, MAX_PAYLOAD), "text")
    subject: str | None = part(1, line(MAX_SUBJECT), "subject", default=None)

    def pack(self) -> Any:
        """The bare text where there is no subject: what the shortest message looks like."""
        return self.text if self.subject is None else Body.pack(self)

    @classmethod
    def parse(cls, value: object) -> Self:
        """The text behind either form."""
        if isinstance(value, str):
            return cls(text(value, "text", MAX_PAYLOAD))
        found = super(Text, cls).parse(value)
        if found.subject is None:
            raise Malformed("encoding", "a text without a subject is no map")
        return found


@dataclass(frozen=True, slots=True, repr=False)
class Change(Body):
    """A later wording of one's own message, or none: then the message is taken back after it was read."""

    NOUN: ClassVar[str] = "a change to an earlier message"

    mid: bytes = part(0, mid, "message")
    text: str | None = part(1, prose(MAX_TEXT), "new text", default=None)
    subject: str | None = part(2, line(MAX_SUBJECT), "new subject", default=None)

    def check(self) -> None:
        """A subject alone says nothing."""
        if self.text is None and self.subject is not None:
            raise Malformed("keys", "a change: a subject without a text")


@dataclass(frozen=True, slots=True, repr=False)
class Reaction(Body):
    """One short sign beside somebody's message; without a sign an earlier one is removed."""

    NOUN: ClassVar[str] = "a reaction"

    mid: bytes = part(0, mid, "message")
    sign: str | None = part(1, line(32), "sign", default=None)
