"""Alerts of urgent messages: what those who are called see, and what the sender is told (R-16)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from etherapy.binary import Id16
from etherapy.rules.crisis import Card

Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A code of the practice's own. `false_alarm` is the one that has a meaning here."""


class AlertQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """With `wait`, an answer without open alerts is held back until there is one, so many seconds at most."""

    wait: Annotated[int, Meta(ge=0, le=55)] = 0


class Alert(Struct, frozen=True):
    """An alert that was sent to the caller. Of the thread: whose it is, and a pseudonym; never content."""

    alert: Id16
    step: int
    thread: str
    """The pseudonym by which audit records name the thread, its beginning."""
    owner: str
    """The therapist's display name."""
    sent_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    """By whom, as the client is told; empty: nobody yet."""
    closed_at: datetime | None
    closing: str


class AlertList(Struct, frozen=True):
    """Newest first: the last four weeks, and whatever is not closed."""

    alerts: list[Alert]


class CloseAlert(Struct, frozen=True, forbid_unknown_fields=True):
    """How it ended."""

    code: Code


class AlertStatusQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the reader of the words is (empty: on the practice's wall), and their language."""

    zone: str = ""
    language: str = "en"


class AlertStep(Struct, frozen=True):
    """Somebody who was alerted."""

    step: int
    name: str
    sent_at: datetime
    acknowledged_at: datetime | None = None
    """When this one acknowledged."""


class AlertStatus(Struct, frozen=True):
    """What became of an urgent message's alerts. `lines` claim nothing but what is recorded."""

    steps: list[AlertStep]
    unanswered: bool
    """All were alerted, nobody acknowledged in time, and the practice was told."""
    lines: list[str]
    card: Card | None
    """The crisis card again, while nobody has acknowledged."""
    card_lines: list[str]
