"""Participants: who the people of a thread are to each other, as far as rules depend on it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller


class Participants(Rule, frozen=True, kw_only=True, tag="participants"):
    """Who reads and writes in a thread, and in which role (R-20).

    What is placed is placed for everybody at the same instant; that is how threads are made, and no field
    changes it. What an enhanced tier needs of the other rules is in `support_tier.lacking`; an agreement
    that lacks it is refused, but for the dates of an exception that sets the tier to standard.
    """

    words = {
        "en": {
            "guardian_scope": "In this thread, the family writes about appointments and organisation only.",
            "guardian_none": "In this thread, only the client writes.",
            "role_prescriber": "The person who answers prescribes medication.",
            "role_listener": "The person who answers is a trained listener, not a therapist.",
            "role_trainee": "The person who answers is in training, under supervision.",
            "enhanced": "Extra support is agreed.",
            "urgent_route": "When it is urgent, besides messages: {route}",
            "safety_plan": "A safety plan is agreed.",
            "logistics": "Family members write about appointments and organisation only.",
            "none": "Family members do not write here.",
            "together": "A message reaches everybody in the thread at the same time.",
            "side_threads": "Separate threads with one person alone are possible.",
            "no_side_threads": "Separate threads with one person alone are not agreed.",
            "live_sessions": "A session in person or by video at least every {weeks}.",
        },
        "de": {
            "guardian_scope": "In diesem Verlauf schreibt die Familie nur über Termine und Organisation.",
            "guardian_none": "In diesem Verlauf schreibt nur die Klientin oder der Klient.",
            "role_prescriber": "Wer antwortet, verschreibt Medikamente.",
            "role_listener": "Es antwortet eine geschulte Person, keine Therapeutin und kein Therapeut.",
            "role_trainee": "Es antwortet eine Person in Ausbildung, unter Supervision.",
            "enhanced": "Es ist zusätzliche Unterstützung vereinbart.",
            "urgent_route": "Wenn es dringend ist, neben Nachrichten: {route}",
            "safety_plan": "Ein Sicherheitsplan ist vereinbart.",
            "logistics": "Angehörige schreiben nur über Termine und Organisation.",
            "none": "Angehörige schreiben hier nicht.",
            "together": "Eine Nachricht erreicht alle in diesem Verlauf zur selben Zeit.",
            "side_threads": "Getrennte Verläufe mit einer Person allein sind möglich.",
            "no_side_threads": "Getrennte Verläufe mit einer Person allein sind nicht vereinbart.",
            "live_sessions": "Längster Abstand zwischen Sitzungen vor Ort oder per Video: {weeks}.",
        },
    }

    owner_role: Literal["therapist", "prescriber", "listener", "trainee"] = "therapist"
    """What the person who answers is: reply times may differ by it (R-05)."""
    support_tier: Literal["standard", "enhanced"] = "standard"
    """`enhanced`: some rules are not allowed, and others are needed (clinic.md 4.5)."""
    urgent_route: Annotated[str, Meta(max_length=300)] = ""
    """What the client has agreed to do when it is urgent and nobody is on call."""
    safety_plan: bool = False
    """Whether a safety plan exists: that alone, nothing of what is in it."""
    guardian: Literal["none", "logistics", "shared"] = "shared"
    """What family members write here: nothing, organisation alone, or everything."""
    couple: bool = False
    """Two clients share the thread."""
    side_threads: bool = False
    """Whether each of a couple may have a thread of their own besides: the no-secrets clause is off."""
    min_live_session_weeks: Annotated[int, Meta(ge=1, le=52)] | None = None
    """At least one live session in so many weeks is agreed."""

    def limit(self, case: Case) -> Decision:
        attempt = case.attempt
        if attempt.role != "family" or self.guardian == "shared":
            return NOTHING
        if self.guardian == "logistics" and attempt.kind == "logistics":
            return NOTHING
        words = "guardian_scope" if self.guardian == "logistics" else "guardian_none"
        return because(Reason("participants", "guardian", words), code="declined")

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.owner_role != "therapist":
            yield "owner_role", teller(f"role_{self.owner_role}")
        if self.support_tier == "enhanced":
            yield "support_tier", teller("enhanced")
        if self.urgent_route:
            yield "urgent_route", teller("urgent_route", route=self.urgent_route)
        if self.safety_plan:
            yield "safety_plan", teller("safety_plan")
        if self.guardian != "shared":
            yield "guardian", teller(self.guardian)
        if self.couple:
            yield "couple", teller("together")
            yield "side_threads", teller("side_threads" if self.side_threads else "no_side_threads")
        if self.min_live_session_weeks is not None:
            weeks = teller.count(self.min_live_session_weeks, "week")
            yield "min_live_session_weeks", teller("live_sessions", weeks=weeks)
