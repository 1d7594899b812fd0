"""What was decided of one message, as a value that joins.

Each rule that judges a message says what it knows in a mostly blank Decision; `|` joins them, and the
order in which rules are asked cannot matter. `judgement.decide` settles the join into the final one.
"""

from datetime import datetime
from typing import Literal, Self

import msgspec

Code = Literal["at_once", "held", "no_future_window", "declined", "urgent"]
COVER = "cover"
"""The kind of the reason that names a cover; no rule of a layer has it."""
REPLACE = "replace"
"""The kind of the reason of a message that takes the place of another (A-4)."""
_RANK: dict[Code, int] = {"at_once": 0, "held": 1, "no_future_window": 2, "declined": 3, "urgent": 4}


class Reason(msgspec.Struct, frozen=True, order=True):
    """Why: the kind of rule, its field, what it says (a code of words.py), and the layer that set the
    field."""

    kind: str
    field: str
    words: str
    origin: str = ""
    place: str = ""
    """Which rule of its kind, where there are several (`Rule.place`), such as a date."""
    label: str = ""
    """What people call it, such as the name of a holiday; may be empty."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """When a message is released, by when a reply is due, and why; instants are aware and in UTC.

    Blank fields say nothing. Joining takes the gravest code, the latest release, the earliest reply, all
    reasons.
    """

    code: Code = "at_once"
    accepted_at: datetime | None = None
    release_at: datetime | None = None
    """None only for `no_future_window` and `declined`, once settled."""
    reply_by: datetime | None = None
    """None: no reply is expected, or none can be promised (then `because` says so)."""
    recall_until: datetime | None = None
    """The sender can take the message back before this instant; None: not at all."""
    ack: bool | None = None
    """Whether an automatic acknowledgement is rendered. True asks for one, False forbids it and is
    stronger."""
    closed_until: datetime | None = None
    """When the closed period that lasts at `accepted_at` ends; None: it is open, or nothing opens any
    more."""
    longest_wait_days: int | None = None
    """The bound on the longest wait to a reply; the smallest wins."""
    long_wait: bool = False
    because: tuple[Reason, ...] = ()
    """Sorted, each once."""
    zone: str = ""
    tzdata_version: str = ""
    tzdata_checksum: str = ""

    @property
    def cover(self) -> Reason | None:
        """The reason that names the cover whose hours decided (`place` its account, `label` its name); None:
        the owner's did."""
        return next((reason for reason in self.because if reason.kind == COVER), None)

    def __or__(self, other: Self) -> Self:
        if other is NOTHING:
            return self
        if self is NOTHING:
            return other
        return type(self)(
            code=max(self.code, other.code, key=_RANK.__getitem__),
            accepted_at=_latest(self.accepted_at, other.accepted_at),
            release_at=_latest(self.release_at, other.release_at),
            reply_by=_earliest(self.reply_by, other.reply_by),
            recall_until=_earliest(self.recall_until, other.recall_until),
            ack=_sterner(self.ack, other.ack),
            closed_until=_latest(self.closed_until, other.closed_until),
            longest_wait_days=_smallest(self.longest_wait_days, other.longest_wait_days),
            long_wait=self.long_wait or other.long_wait,
            because=_together(self.because, other.because),
            zone=max(self.zone, other.zone),
            tzdata_version=max(self.tzdata_version, other.tzdata_version),
            tzdata_checksum=max(self.tzdata_checksum, other.tzdata_checksum),
        )


NOTHING = Decision()
"""What a rule says that has nothing to say."""


def _latest(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return max(a, b)


def _earliest(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return min(a, b)


def _smallest(a: int | None, b: int | None) -> int | None:
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def _sterner(a: bool | None, b: bool | None) -> bool | None:
    if a is None or b is None:
        return b if a is None else a
    return a and b


def _together(a: tuple[Reason, ...], b: tuple[Reason, ...]) -> tuple[Reason, ...]:
    if not a or not b:
        return a or b
    return tuple(sorted({*a, *b}))
