"""What a rule is, what it is asked about, and what is known when it is asked."""

from datetime import datetime, timedelta
from typing import ClassVar

import msgspec

from etherapy.rules.decision import NOTHING, Decision
from etherapy.rules.timetable import Timetable

NO_REPLY_EXPECTED = 3
"""The service class of messages that want no answer (A-1)."""


class Attempt(msgspec.Struct, frozen=True):
    """A message that somebody tries to send."""

    at: datetime
    """When the server takes it: aware, UTC, whole milliseconds."""
    by_client: bool
    service_class: int = 1
    """1 message, 2 logistics, 3 no reply expected, 4 letter, 5 structured (A-1)."""
    urgent: bool = False
    size: int = 0
    """Bytes of the padded ciphertext, all that the server sees of its length."""

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta() or self.at.microsecond % 1000:
            raise ValueError("the instant of an attempt is aware, in UTC and of whole milliseconds")


class Facts(msgspec.Struct, frozen=True):
    """What is known of the thread when a message is judged."""

    turn_reply_by: datetime | None = None
    """Earliest `reply_by` among the client's messages since the last reply; None: this message begins a
    turn."""
    acked_until: datetime | None = None
    """`closed_until` of the last decision whose automatic acknowledgement was rendered."""


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="rule"
):
    """One kind of rule: this class is its JSON, its schema, its product default and its law.

    A kind is a file in `kinds/` with one subclass whose every field has a default. `shape` is for kinds
    that say when we are open, `weigh` for those that judge one message; both are pure, and most kinds use
    one.
    """

    accumulates: ClassVar[bool] = False
    """Whether facts of all layers stand beside each other; else a stronger layer replaces field by field."""

    def place(self) -> str:
        """What tells rules of one kind in one layer apart; only kinds that accumulate have more than one."""
        return ""

    def check(self) -> None:
        """Refuse, with BadRule, what can only be judged when all layers are resolved."""

    def shape(self, timetable: Timetable) -> Timetable:
        """The timetable as this rule would have it."""
        return timetable

    def weigh(self, attempt: Attempt, facts: Facts, timetable: Timetable) -> Decision:
        """What this rule says of the message; reasons without their origin."""
        return NOTHING
