"""What a rule is, what it is asked about, and what is known when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

import msgspec

from etherapy.rules.decision import NOTHING, Decision
from etherapy.rules.timetable import Timetable

if TYPE_CHECKING:
    from etherapy.rules.kinds.bounds import Bounds
    from etherapy.rules.telling import Teller

NO_REPLY_EXPECTED = 3
"""The service class of messages that want no answer (A-1)."""
SERVICE_CLASSES: Final = ("message", "logistics", "no_reply", "letter", "structured")
"""What rules call the service classes 1 to 5 of A-1: all that the server knows of a message's kind."""
ServiceClassName = Literal["message", "logistics", "no_reply", "letter", "structured"]
SenderRole = Literal["client", "family", "therapist", "colleague"]
SomeRule = TypeVar("SomeRule", bound="Rule")


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that somebody tries to send."""

    at: datetime
    """When the server takes it: aware, UTC, whole milliseconds."""
    by_client: bool
    """By a client or somebody of the family: the side that waits for answers."""
    service_class: int = 1
    """1 message, 2 logistics, 3 no reply expected, 4 letter, 5 structured (A-1)."""
    urgent: bool = False
    size: int = 0
    """Bytes of the padded ciphertext, all that the server sees of its length."""
    role: SenderRole = "client"
    account: str = ""
    """Whose it is, in hex, for the few rules that hold for one person."""
    at_once_because: str = ""
    """A therapist's reason code for sending now what rules would send later; empty: no hurry."""
    ready_at: datetime | None = None
    """Limits were settled before, as for a message that is weighed again: they are not asked."""
    accepted_before: bool = False
    """It waits, and is weighed by other rules: nothing declines it any more. Not so for what takes its
    place."""

    def __post_init__(self) -> None:
        if self.at.utcoffset() != timedelta() or self.at.microsecond % 1000:
            raise ValueError("the instant of an attempt is aware, in UTC and of whole milliseconds")

    @property
    def kind(self) -> ServiceClassName:
        """The name of its service class."""
        return SERVICE_CLASSES[self.service_class - 1]


class Counted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message of the same sender that was accepted before and not taken back, as far as limits ask."""

    at: datetime
    """When it was accepted."""
    counts_at: datetime | None = None
    """As in its decision: None where it counts in no budget."""
    service_class: int = 1
    size: int = 0
    turn: int = 0
    """`Facts.turn` when it was accepted."""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of the thread when a message is judged."""

    turn_reply_by: datetime | None = None
    """Earliest `reply_by` among the client's messages since the last reply; None: this message begins a
    turn."""
    acked_until: datetime | None = None
    """`ack_again_at` of the last decision whose automatic acknowledgement was rendered."""
    turn_urgent: bool = False
    """Whether the turn that waits for an answer holds an urgent message."""
    turn: int = 0
    """Replies placed so far: client's messages with the same number belong to one turn."""
    sent: tuple[Counted, ...] = ()
    """The sender's live messages, oldest first, as far back as `Rules.lookback`."""
    first_contact: bool = False
    """No client has written in this thread before."""


class Case(msgspec.Struct, frozen=True):
    """One question to the rules in force: an attempt, what is known, and from when on it could go."""

    attempt: Attempt
    facts: Facts
    timetable: Timetable
    ready_at: datetime
    """`attempt.at`, or later where limits keep it back (`Decision.not_before`)."""
    rules: Mapping[type[Any], Any] = {}
    """The rules in force by kind, those that do not accumulate. Ask with `the`."""

    def the(self, kind: type[SomeRule]) -> SomeRule:
        """The rule of a kind that is in force; its product default if none is there."""
        found: SomeRule | None = self.rules.get(kind)
        return kind() if found is None else found


class Extra(msgspec.Struct, frozen=True):
    """What a rule brings along: another rule as its author would have written it, for a time."""

    document: Mapping[str, Any]
    begins: date | None = None
    ends: date | None = None


AUTHORED: Final = frozenset({"practice", "therapist", "agreement", "exception"})
"""The layers that decide about messages and are written down; `client` is what a client sets alone."""


class Rule(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="rule"
):
    """One kind of rule: this class is its JSON, its schema, its product default, its law and its words.

    A kind is a file in `kinds/` with one subclass whose every field has a default. It says when we are open
    (`shape`), keeps a message back or declines it (`limit`), or judges it (`weigh`); all are pure, and most
    kinds use one. `tell` says it to people.
    """

    accumulates: ClassVar[bool] = False
    """Whether facts of all layers stand beside each other; else a stronger layer replaces field by field."""
    layers: ClassVar[frozenset[str]] = AUTHORED
    """Which layers may say this kind."""
    personal: ClassVar[bool] = False
    """Whether it can be agreed with one participant alone: then it is in nobody else's rule sheet (A-7)."""
    in_sheet: ClassVar[bool] = True
    """Whether promises depend on it; false: it is its author's own, and in no rule sheet."""
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    """Language -> code -> template, the same codes in each: those of reasons (`code`, and `code_label` where
    a label is known) and those that `tell` uses."""

    # --- as it is written, in one layer -----------------------------------------------------------

    def place(self) -> str:
        """What tells rules of one kind in one layer apart; only kinds that accumulate have more than one."""
        return ""

    def claims(self) -> Iterable[str]:
        """What no other rule of its kind in the same layer may say as well, such as each of its dates."""
        return (self.place(),)

    @classmethod
    def refuse(cls, document: Mapping[str, Any]) -> None:
        """Refuse, with BadRule, what people write that has several meanings, before it is read."""

    def said_in(self, layer: str) -> None:
        """Refuse, with BadRule, what this layer, though it may say the kind, cannot say in this way."""

    def unfold(self) -> Iterable[Extra]:
        """Rules that come with this one, in the same layer and stronger than its others (phases, R-19)."""
        return ()

    # --- when all layers are resolved -------------------------------------------------------------

    def check(self) -> None:
        """Refuse, with BadRule, what can only be judged when all layers are resolved."""

    def within(self, bounds: Bounds) -> None:
        """Refuse, with BadRule naming field, value, bound and mend, what bounds forbid (R-23)."""

    # --- when a message is judged -----------------------------------------------------------------

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        """The timetable as this rule would have it, from date `begins` to before `ends` (None: open)."""
        return timetable

    def lookback(self) -> timedelta:
        """How far back `Facts.sent` must reach for it."""
        return timedelta()

    def limit(self, case: Case) -> Decision:
        """Whether it keeps the message back (`not_before`) or declines it; reasons without their origin."""
        return NOTHING

    def weigh(self, case: Case) -> Decision:
        """What this rule says of the message; reasons without their origin."""
        return NOTHING

    def lasts(self) -> timedelta | None:
        """How long a rule holds that has times of its own; None: it has none, or no end."""
        return None

    # --- as people read it ------------------------------------------------------------------------

    def is_past(self, today: date) -> bool:
        """Whether it says nothing of that date or a later one: the rule sheet in words leaves it out."""
        return False

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        """What it means, as (field, sentence), for people on either side; fields of which nothing is to be
        said are left out."""
        return iter(())
