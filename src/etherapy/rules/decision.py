"""What was decided of one message, as a value that joins.

Each rule that judges a message says what it knows in a mostly blank Decision; `|` joins them, and the
order in which rules are asked cannot matter. `judgement.decide` settles the join into the final one.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import and_, or_
from typing import Any, Final, Literal, Self

import msgspec

Code = Literal["at_once", "silent", "held", "no_future_window", "declined", "urgent"]
COVER = "cover"
"""The kind of the reason that names a cover; no rule of a layer has it."""
REPLACE = "replace"
"""The kind of the reason of a message that takes the place of another (A-4)."""
_RANK: Final[dict[str, int]] = {
    "at_once": 0, "silent": 1, "held": 2, "no_future_window": 3, "declined": 4, "urgent": 5
}  # fmt: skip
UNKNOWN = datetime.max.replace(tzinfo=UTC)
"""The `retry_from` of a partial decision that declines and cannot say until when: later than all others."""


class Reason(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
    """Why: the kind of rule, its field, what it says (a code of the kind's words), and the layer that set
    the field."""

    kind: str
    field: str
    words: str
    origin: str = ""
    """Layer and version, such as `therapist/3`; `product` has none."""
    place: str = ""
    """Which rule of its kind, where there are several (`Rule.place`), such as a date."""
    label: str = ""
    """What people call it, such as the name of a holiday; may be empty."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """When a message is released, by when a reply is due, and why; instants are aware and in UTC.

    Blank fields say nothing. How two values of a field join stands in `_JOINS`; reasons are collected, and
    `by` keeps the one reason to which each value is due.
    """

    code: Code = "at_once"
    accepted_at: datetime | None = None
    not_before: datetime | None = None
    """Limits (budgets, pacing, quiet hours) keep it back until then; None: nothing does."""
    counts_at: datetime | None = None
    """The instant at which it counts in budgets; None: it counts in none."""
    left: int | None = None
    """How many more the tightest budget allows after this one. For the sender alone."""
    retry_from: datetime | None = None
    """A declined message: from when on it would be taken; None: nobody knows."""
    release_at: datetime | None = None
    """None only for `no_future_window` and `declined`, once settled."""
    reply_by: datetime | None = None
    """None: no reply is expected, or none can be promised (then `because` says so)."""
    recall_until: datetime | None = None
    """The sender can take the message back before this instant; None: not at all."""
    notice_at: datetime | None = None
    """When its reader is first told of it; None: when it is placed."""
    ack: bool | None = None
    """Whether an automatic acknowledgement is rendered. True asks for one, False forbids it and is
    stronger."""
    ack_again_at: datetime | None = None
    """From then on another acknowledgement may be given; None: this one gives none."""
    closed_until: datetime | None = None
    """When the closed period that lasts at `accepted_at` ends; None: it is open, or nothing opens any
    more."""
    longest_wait_days: int | None = None
    """The bound on the longest wait to a reply; the smallest wins."""
    long_wait: bool = False
    card_first: bool = False
    """Urgent, and nobody is on call: the sender confirms that the crisis card was shown (R-16)."""
    because: tuple[Reason, ...] = ()
    """Sorted, each once."""
    by: dict[str, Reason] = {}
    """Field -> the reason that decided it: exactly one for each field that rules decided. `recall_until`,
    `closed_until` and `ack_again_at` follow from the release, the hours and `ack`."""
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
        joined: dict[str, Any] = {}
        for field, blank, join in _JOINS:
            a, b = getattr(self, field), getattr(other, field)
            joined[field] = b if a is blank else a if b is blank else join(a, b)
        joined["by"] = _winners(self, other, joined)
        joined["because"] = _together(self.because, other.because)
        return type(self)(**joined)


def _gravest(a: Code, b: Code) -> Code:
    return max(a, b, key=_RANK.__getitem__)


_JOINS: Final[tuple[tuple[str, Any, Callable[[Any, Any], Any]], ...]] = (
    ("code", "at_once", _gravest),
    ("accepted_at", None, max),
    ("not_before", None, max),
    ("counts_at", None, max),
    ("left", None, min),
    ("retry_from", None, max),
    ("release_at", None, max),
    ("reply_by", None, min),
    ("recall_until", None, min),
    ("notice_at", None, max),
    ("ack", None, and_),
    ("ack_again_at", None, max),
    ("closed_until", None, max),
    ("longest_wait_days", None, min),
    ("long_wait", False, or_),
    ("card_first", False, or_),
    ("zone", "", max),
    ("tzdata_version", "", max),
    ("tzdata_checksum", "", max),
)
"""Field, the value that says nothing, and how two that say something become one: commutative, associative and
idempotent, each of them."""


def _winners(a: Decision, b: Decision, joined: Mapping[str, Any]) -> dict[str, Reason]:
    """Who decided the joined value of each field; of two that say the same, the first by name."""
    found: dict[str, Reason] = {}
    for one in (a, b):
        for field, reason in one.by.items():
            if getattr(one, field) == joined[field]:
                found[field] = min(reason, found.get(field, reason))
    return found


def _together(a: tuple[Reason, ...], b: tuple[Reason, ...]) -> tuple[Reason, ...]:
    if not a or not b:
        return a or b
    return tuple(sorted({*a, *b}))


NOTHING = Decision()
"""What a rule says that has nothing to say."""


def because(*reasons: Reason, **values: Any) -> Decision:
    """A partial decision: these values, each of them due to the last of the reasons."""
    if values.get("code") == "declined":
        values["retry_from"] = values.get("retry_from") or UNKNOWN
    by = dict.fromkeys(values, reasons[-1])
    return Decision(**values, because=tuple(sorted(set(reasons))), by=by)
