"""Messages as they are shown: never more certain than what was verified."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from etherapy.rules.decision import Decision
from etherapy.rules.explain import Preview
from etherapy.sdk.findings import Finding
from etherapy.sdk.verifying.kind_words import text_of
from etherapy.sdk.verifying.promises import PromiseView
from etherapy.sdk.verifying.roles import RoleName
from etherapy.tep.kinds import Act, Body
from etherapy.tep.payload import Payload
from etherapy.tep.placing import Reason

__all__ = [
    "Meeting",
    "Message",
    "Reacted",
    "RefusedDraft",
    "Reply",
    "SentMessage",
    "Standing",
    "Synced",
    "ThreadView",
    "WaitingMessage",
    "Wording",
    "text_of",
]

Standing = Literal["good", "noticed", "refused"]
"""good: everything holds. noticed: it can be read, with something to say about it. refused: do not take it
for a message of that person; there is no text."""

MeetingState = Literal["proposed", "accepted", "declined", "cancelled"]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a message said for a time: from when it was placed until the next wording was."""

    text: str = field(repr=False)
    subject: str | None = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True)
class Reacted:
    """A sign that somebody put beside a message. `author` is a chain id."""

    author: bytes
    role: int
    mine: bool
    sign: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What one person says to a proposed appointment, newest word."""

    author: bytes
    role: int
    mine: bool
    act: Act
    note: str | None = field(repr=False)
    at: datetime


@dataclass(frozen=True, slots=True)
class Meeting:
    """A proposed appointment and what became of it: cancelled, or declined by anybody, or accepted by
    anybody, or still open."""

    state: MeetingState
    start: datetime
    zone: str
    minutes: int
    place: str | None = field(repr=False)
    note: str | None = field(repr=False)
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One placed message. `author` is a chain id (empty: unknown), times are UTC.

    `text` is None where it is refused or gone; what is no text is said in words, in brackets.
    `written_at` is what the sender's own device claims. `body` is what is inside, read strictly; None where
    it is unknown or malformed. The last five are there in a conversation (`Session.messages`): the wordings
    before the present one, oldest first, and what others added.
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
    body: Body | None = field(default=None, repr=False)
    subject: str | None = field(default=None, repr=False)
    edited_at: datetime | None = None
    taken_back_at: datetime | None = None
    history: tuple[Wording, ...] = field(default=(), repr=False)
    reactions: tuple[Reacted, ...] = ()
    meeting: Meeting | None = None

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
    state: Literal["held", "returned"] = "held"
    """returned: it cannot be shown any more as it was sealed, because its device or person was taken out."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """What the server promised for a message, verified against what was sealed.

    `acknowledgement` is the automatic one, made here from the promise (decisions.md D-37), or None. `words`
    are the sentences to show, with emergency text and crisis card.
    """

    thread: bytes
    mid: bytes
    state: Literal["held", "placed", "recalled", "replaced", "returned"]
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
    role: RoleName
    with_name: str
    last_n: int
    messages: int
    last_placed_at: datetime | None
    seen_by_practice: bool
    halted: Finding | None = None
    standing: Literal["open", "awaited", "ended"] = "open"
    """awaited: others have still to agree that this person comes in. ended: the server shows nothing more."""
    heard_at: datetime | None = None
    """When the newest message by somebody else was placed. Silence, and a server that withholds everything,
    look alike: nothing is said to be well, but since when nothing has come."""


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
