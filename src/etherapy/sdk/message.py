"""Messages as they are shown: never more certain than what was verified."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from etherapy.rules.decision import Decision
from etherapy.rules.explain import Preview
from etherapy.sdk.findings import Finding
from etherapy.sdk.promises import PromiseView
from etherapy.tep.payload import Kind, Payload
from etherapy.tep.placing import Reason

Standing = Literal["good", "noticed", "refused"]
"""good: everything holds. noticed: it can be read, with something to say about it. refused: do not take it
for a message of that person; there is no text."""

_PLACEHOLDERS: Mapping[int, str] = {
    Kind.CHECK_IN: "[a check-in; this program cannot show it yet]",
    Kind.SAFETY_PLAN: "[a safety plan; this program cannot show it yet]",
    Kind.APPOINTMENT: "[an appointment; this program cannot show it yet]",
    Kind.REACTION: "[a reaction]",
    Kind.ATTACHMENTS: "[attachments; this program cannot open them yet]",
    Kind.EDIT: "[a change to an earlier message; this program cannot show it yet]",
    Kind.NOTICE: "[a notice]",
    Kind.GRANT_NOTICE: "[access to the history was given]",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One placed message. `author` is a chain id (empty: unknown), times are UTC.

    `text` is None where it is refused or gone; for what is no text it is a placeholder in brackets.
    `written_at` is what the sender's own device claims.
    """

    thread: bytes
    n: int
    placed_at: datetime
    standing: Standing
    mid: bytes = b""
    item_hash: bytes = b""
    author: bytes = b""
    device: bytes = b""
    role: int = 0
    mine: bool = False
    text: str | None = field(default=None, repr=False)
    kind: int = 0
    service_class: int = 0
    urgent: bool = False
    reason: Reason = Reason.NONE
    written_at: datetime | None = None
    reply_to: bytes | None = None
    promise: PromiseView | None = None
    findings: tuple[Finding, ...] = ()
    payload: Payload | None = field(default=None, repr=False)

    @property
    def accepted_at(self) -> datetime | None:
        """When the server took it."""
        return self.promise.accepted_at if self.promise else None


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """One of one's own messages that nobody else can see yet. `text` None: made elsewhere, or unreadable."""

    thread: bytes
    mid: bytes
    text: str | None = field(repr=False)
    promise: PromiseView
    decision: Decision
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What the server promised for a message, verified against what was sealed.

    `acknowledgement` is the automatic one, made here from the promise (decisions.md D-37), or None. `words`
    are the sentences to show, with emergency text and crisis card.
    """

    thread: bytes
    mid: bytes
    state: Literal["held", "placed", "recalled", "returned"]
    promise: PromiseView
    decision: Decision
    words: Preview
    acknowledgement: str | None = None
    placed_at: datetime | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True)
class RefusedDraft:
    """A message from the outbox that the server did not take; it is not kept any longer. `text` None: this
    device cannot open it any more."""

    thread: bytes
    mid: bytes
    text: str | None = field(repr=False)
    cause: Exception


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread of mine at a glance. `seen_by_practice`: a therapist's device has placed something.

    `halted`: the finding for which nothing is sent any more.
    """

    thread: bytes
    role: Literal["client", "therapist", "co_therapist", "family"]
    with_name: str
    last_n: int
    messages: int
    last_placed_at: datetime | None
    seen_by_practice: bool
    halted: Finding | None = None


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync brought: newly placed messages in order, and what was found."""

    messages: tuple[Message, ...] = ()
    findings: tuple[Finding, ...] = ()
    threads: tuple[bytes, ...] = ()
    """Threads with something new, in the order in which it came."""
    sent: tuple[SentMessage, ...] = ()
    """Messages from the outbox that arrived now."""
    refused: tuple[RefusedDraft, ...] = ()


def text_of(payload: Payload) -> str:
    """The text to show for a payload."""
    if payload.kind == Kind.TEXT and isinstance(payload.body, str):
        return payload.body
    return _PLACEHOLDERS.get(payload.kind, "[this needs a newer program]")
