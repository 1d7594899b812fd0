"""Sending: what a sender is told before, at once, and ever after."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from etherapy.binary import B64, Id16
from etherapy.rules.decision import Decision
from etherapy.rules.explain import Preview

ServiceClass = Literal[1, 2, 3, 4, 5]
"""1 message, 2 logistics, 3 no reply expected, 4 letter, 5 structured (tep_amendments.md A-1)."""

Language = Annotated[str, Meta(max_length=35)]
"""A language tag; what is not known is answered in English."""

ReasonCode = Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")]
"""A code of the practice's own; empty: none."""

CardName = Annotated[str, Meta(max_length=80)]

StateName = Literal["held", "placed", "recalled", "replaced", "returned"]


class SendMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """A sealed envelope. `zone` is where the writer is and `language` what they read, for the words of the
    answer only; neither is kept."""

    envelope: B64
    zone: str = ""
    language: Language = "en"
    at_once_because: ReasonCode = ""
    """A therapist's reason for sending now what their rules would send later; it is kept (R-08)."""
    card: CardName = ""
    """`card_id` of the crisis card that was shown before: urgent messages need it where nobody is on call
    (R-16)."""


class Recall(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed Recall, 192 bytes (A-4)."""

    recall: B64
    zone: str = ""
    language: Language = "en"


class Replace(Struct, frozen=True, forbid_unknown_fields=True):
    """A Recall in mode 2 and the envelope that takes the place of the held (or returned) one (A-4)."""

    recall: B64
    envelope: B64
    zone: str = ""
    language: Language = "en"
    at_once_because: ReasonCode = ""
    card: CardName = ""


class AskPreview(Struct, frozen=True, forbid_unknown_fields=True):
    """What would happen to a message that is sent now? Nothing is stored. `zone` as in SendMessage."""

    service_class: ServiceClass = 1
    urgent: bool = False
    size: int = 256
    """Bytes of padded ciphertext."""
    zone: str = ""
    language: Language = "en"
    at_once_because: ReasonCode = ""


class Previewed(Struct, frozen=True):
    """The decision that a send would get at this minute, with the sentences, emergency text and crisis
    card to show.

    The send's own answer is the one that binds.
    """

    decision: Decision
    words: Preview


class State(Struct, frozen=True):
    """Where a message stands now. What is None does not apply to its state."""

    state: StateName
    entry: B64 | None = None
    """88 bytes (A-3), once placed."""
    head: B64 | None = None
    """Signed head of the thread at that entry."""
    promise: B64 | None = None
    """The newest promise receipt, where the first was revised."""
    status: B64 | None = None
    """Signed Status receipt (A-4): recalled or returned; held, when it was asked for."""
    recall: B64 | None = None
    """The signed Recall behind it, for the person's other devices to check."""


class Sent(Struct, frozen=True):
    """The answer to a send (D-31): receipt and decision are the same bytes on every repetition, the rest
    is current."""

    receipt: B64
    decision: Decision
    state: State
    words: Preview


class WaitingMessage(Struct, frozen=True):
    """One of the caller's own messages that is still held, or was returned within 30 days (then with its
    Status)."""

    mid: Id16
    envelope: B64
    promise: B64
    decision: Decision
    state: Literal["held", "returned"] = "held"
    status: B64 | None = None


class Waiting(Struct, frozen=True):
    """Own held and returned messages of a thread, oldest first."""

    messages: list[WaitingMessage]


class WaitingPlace(Struct, frozen=True):
    """A thread in which something of the caller's waits, with the devices that sent it."""

    thread: Id16
    device: Id16
    held: int
    returned: int


class AllWaiting(Struct, frozen=True):
    """Everything of the caller's that waits, by thread and device."""

    places: list[WaitingPlace]


class ExplanationQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the reader of the words is (empty: on the practice's wall), and what they read."""

    zone: str = ""
    language: Language = "en"


class OpenEarly(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a therapist opens a thread before its hours: a code of the practice's, such as `crisis_call`."""

    reason: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class MessageRecord(Struct, frozen=True):
    """What one of one's own messages was decided on, for deciding it again: with the rule sheet that the
    receipt names it gives the very bytes of the decision."""

    question: B64
    """Canonical JSON: the attempt, what was known, and the number of the sheet."""
    decision: B64
    receipt: B64


class Explanation(Struct, frozen=True):
    """Why a message was decided as it was: the record, and the words for who asks."""

    decision: Decision
    accepted_at: datetime
    release_at: datetime | None
    reply_by: datetime | None
    placed_at: datetime | None
    summary: list[str]
