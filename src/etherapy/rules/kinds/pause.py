"""A pause: for a time, nothing is written but what is urgent."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.off_hours_policy import OffHoursPolicy
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller

Instant = Annotated[datetime, Meta(tz=True)]
_NEVER = datetime.max.replace(tzinfo=UTC)


class Pause(Rule, frozen=True, kw_only=True, tag="pause"):
    """From one instant to another, a client's messages are not taken and their drafts are kept (R-15).

    Urgent messages go at any time, the crisis card, the safety plan and the export stay, and what was taken
    before keeps its promise. The therapist can write. Why there is a pause stands beside the rule, as for
    every rule (`Standing.reason`).
    """

    accumulates: ClassVar[bool] = True
    personal: ClassVar[bool] = True
    layers: ClassVar[frozenset[str]] = frozenset({"agreement", "exception", "client"})
    words = {
        "en": {
            "paused": "Writing is paused. Urgent messages are still taken.",
            "paused_label": "Writing is paused. Urgent messages are still taken. Another way: {label}",
            "by_client": "The client has paused writing from {since} on.",
            "by_therapist": "The therapist has paused writing from {since} on.",
            "by_both": "Writing is paused from {since} on; both have agreed to it.",
            "until": "It ends {until}.",
            "open": "It has no end yet.",
            "post_event": "It is a pause after an event, as agreed.",
            "urgent": "Urgent messages are still taken, and the crisis card and the safety plan stay open.",
            "reading": "Reading goes on.",
            "no_reading": "Reading rests as well; nothing that was placed is lost.",
        },
        "de": {
            "paused": "Das Schreiben pausiert. Dringende Nachrichten werden weiter angenommen.",
            "paused_label": "Das Schreiben pausiert. Dringende Nachrichten werden weiter angenommen. Ein "
            "anderer Weg: {label}",
            "by_client": "Die Klientin oder der Klient pausiert das Schreiben ab {since}.",
            "by_therapist": "Die Therapeutin oder der Therapeut pausiert das Schreiben ab {since}.",
            "by_both": "Das Schreiben pausiert ab {since}; das ist gemeinsam vereinbart.",
            "until": "Die Pause endet {until}.",
            "open": "Die Pause hat noch kein Ende.",
            "post_event": "Es ist eine vereinbarte Pause nach einem Ereignis.",
            "urgent": "Dringende Nachrichten werden weiter angenommen. Krisenkarte und Sicherheitsplan "
            "bleiben offen.",
            "reading": "Das Lesen geht weiter.",
            "no_reading": "Auch das Lesen ruht. Was zugestellt ist, geht nicht verloren.",
        },
    }

    by: Literal["client", "therapist", "both"]
    of: str = ""
    """Whose writing rests (an account in hex); empty: that of all clients of the thread. In what a client
    sets alone the server writes it, so that one partner's pause does not stop the other."""
    since: Instant
    """In UTC, such as 2026-06-01T00:00:00Z."""
    until: Instant | None = None
    """None: until it is taken away."""
    reading: bool = True
    """Whether apps show the thread meanwhile; the server goes on serving what was placed."""
    post_event: bool = False
    """The agreed pause after an event, as some programmes have it."""

    def __post_init__(self) -> None:
        for field, at in (("since", self.since), ("until", self.until)):
            if at is not None and (at.utcoffset() != timedelta() or at.microsecond % 1000):
                raise BadRule(field, "not in UTC and whole milliseconds", "write it as 2026-06-01T00:00:00Z")
        if self.until is not None and self.until <= self.since:
            raise BadRule("until", "the pause ends before it begins", "name an end after since, or none")

    def said_in(self, layer: str) -> None:
        if layer == "exception" and self.until is None:
            mend = "name until; for a pause without an end, change the agreement"
            raise BadRule("until", "an exception has an end", mend)
        if layer == "client" and self.by != "client":
            raise BadRule("by", "not a pause of your own", "write client, or agree it together")

    def place(self) -> str:
        return "/".join(filter(None, (self.by, str(milliseconds(self.since)), self.of)))

    def holds_at(self, at: datetime) -> bool:
        """Whether it lasts at that instant; its end lies outside."""
        return self.since <= at < (self.until or _NEVER)

    def limit(self, case: Case) -> Decision:
        attempt = case.attempt
        somebody_elses = self.of and attempt.account and self.of != attempt.account
        if not attempt.by_client or somebody_elses or not self.holds_at(attempt.at):
            return NOTHING
        route = case.the(OffHoursPolicy).other_route
        paused = Reason("pause", "*", "paused", place=self.place(), label=route)
        return because(paused, code="declined", retry_from=self.until)

    def lasts(self) -> timedelta | None:
        return None if self.until is None else self.until - self.since

    def is_past(self, today: date) -> bool:
        return self.until is not None and self.until.date() < today

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "since", teller(f"by_{self.by}", since=teller.moment(self.since))
        if self.until is None:
            yield "until", teller("open")
        else:
            yield "until", teller("until", until=teller.moment(self.until))
        if self.post_event:
            yield "post_event", teller("post_event")
        yield "*", teller("urgent")
        yield "reading", teller("reading" if self.reading else "no_reading")
