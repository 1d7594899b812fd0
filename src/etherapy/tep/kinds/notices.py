"""What a person's program tells, rather than the person (tep.md §5.6; A-8)."""

from dataclasses import dataclass
from typing import ClassVar

from etherapy.tep.kinds.body import Body, part, prose
from etherapy.tep.kinds.writing import MAX_TEXT
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import octets, uint


@dataclass(frozen=True, slots=True, repr=False)
class Notice(Body):
    """Something that everybody in the thread should know, such as that the practice has a new server."""

    NOUN: ClassVar[str] = "a notice"

    text: str = part(0, prose(MAX_TEXT), "text")


@dataclass(frozen=True, slots=True, repr=False)
class HistoryOpened(Body):
    """That the epochs from `first` to `last` were opened to a device, and to whose."""

    NOUN: ClassVar[str] = "a notice that the history was opened to a device"

    chain: bytes = part(0, lambda value, what: octets(value, 32, what), "chain")
    device: bytes = part(1, lambda value, what: octets(value, 16, what), "device")
    first: int = part(2, lambda value, what: uint(value, what, 0, 2**32 - 1), "first epoch")
    last: int = part(3, lambda value, what: uint(value, what, 0, 2**32 - 1), "last epoch")

    def check(self) -> None:
        """At least one epoch."""
        if self.first > self.last:
            raise Malformed("range", "opened history: the last epoch is before the first")
