"""The automatic acknowledgement: when it is given, how often, and what is in it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller

Occasion = Literal["off_hours", "always", "absence", "over_budget", "first_of_turn"]


class Acknowledgement(Rule, frozen=True, kw_only=True, tag="ack"):
    """When the sender sees an automatic acknowledgement, and how often (R-07, D-37).

    `off_hours`: where the policy `hold_with_ack` asks for it. `absence`: on a date that an absence closes.
    `over_budget`: of a message that is more than a budget allows. `first_of_turn`: of one that begins a
    turn. Whatever asks for it, there is never more than one until the throttle allows the next.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "acknowledged_before": "This closed period was acknowledged before.",
            "acknowledged_lately": "An earlier message was acknowledged not long ago.",
            "asked_always": "Every message is acknowledged.",
            "asked_absence": "It came during an absence, so it is acknowledged.",
            "asked_over_budget": "It is more than the agreed amount, so it is acknowledged.",
            "asked_first_of_turn": "It begins a turn, so it is acknowledged.",
            "on": "An automatic acknowledgement is shown: {occasions}.",
            "off_hours": "outside the hours, where messages wait",
            "always": "for every message",
            "absence": "during an absence",
            "over_budget": "for a message beyond the agreed amount",
            "first_of_turn": "for the first message of a turn",
            "never": "No automatic acknowledgement is shown.",
            "once": "It is shown once in each closed period.",
            "hours": "It is shown at most once in {time}.",
            "no_times": "It names no times.",
            "no_card": "It does not repeat where to find help in a crisis, which is always shown beside it.",
        },
        "de": {
            "acknowledged_before": "In dieser geschlossenen Zeit wurde schon eine Nachricht bestätigt.",
            "acknowledged_lately": "Vor kurzem wurde schon eine Nachricht bestätigt.",
            "asked_always": "Jede Nachricht wird bestätigt.",
            "asked_absence": "Sie kam während einer Abwesenheit und wird deshalb bestätigt.",
            "asked_over_budget": "Sie geht über das Vereinbarte hinaus und wird deshalb bestätigt.",
            "asked_first_of_turn": "Sie eröffnet den Austausch neu und wird deshalb bestätigt.",
            "on": "Eine automatische Bestätigung erscheint: {occasions}.",
            "off_hours": "außerhalb der Zeiten, wenn Nachrichten warten",
            "always": "bei jeder Nachricht",
            "absence": "während einer Abwesenheit",
            "over_budget": "bei einer Nachricht über das Vereinbarte hinaus",
            "first_of_turn": "bei der ersten Nachricht nach einer Antwort",
            "never": "Es erscheint keine automatische Bestätigung.",
            "once": "Sie erscheint einmal in jeder geschlossenen Zeit.",
            "hours": "Sie erscheint höchstens einmal in diesem Zeitraum: {time}.",
            "no_times": "Sie nennt keine Zeiten.",
            "no_card": "Sie wiederholt nicht, wo Hilfe in einer Krise ist. Das steht immer daneben.",
        },
    }

    on: tuple[Occasion, ...] = ("off_hours",)
    """Empty: never."""
    throttle: Literal["closed_period", "hours"] = "closed_period"
    """`closed_period`: once until it opens again after it was closed."""
    hours: Annotated[int, Meta(ge=1, le=2400)] | None = None
    """With the throttle `hours`: once in so many."""
    includes_times: bool = True
    includes_card: bool = True
    """Whether the crisis card stands in it too; the card is shown with every answer anyway."""

    def check(self) -> None:
        if (self.throttle == "hours") != (self.hours is not None):
            raise BadRule("hours", "hours and throttle do not fit", "with throttle hours name how many")

    def weigh(self, case: Case) -> Decision:
        if not case.attempt.by_client:
            return NOTHING
        acked_until = case.facts.acked_until
        if acked_until is not None and case.attempt.at < acked_until:
            before = "acknowledged_before" if self.throttle == "closed_period" else "acknowledged_lately"
            return because(Reason("ack", "throttle", before), ack=False)
        for occasion in ("always", "absence", "first_of_turn"):
            if occasion in self.on and _is_there(occasion, case):
                return self.ask(case, Reason("ack", "on", f"asked_{occasion}"))
        return NOTHING

    def ask(self, case: Case, reason: Reason) -> Decision:
        """An acknowledgement for that reason."""
        return replace(because(reason, ack=True), ack_again_at=self._again_at(case))

    def _again_at(self, case: Case) -> datetime:
        at, timetable = case.attempt.at, case.timetable
        if self.hours is not None:
            return at + timedelta(hours=self.hours)
        closed_from = timetable.closes_at(at) if timetable.is_open(at) else at
        opens = None if closed_from is None else timetable.next_open(closed_from)
        return at + timedelta(days=1) if opens is None else opens

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if not self.on:
            yield "on", teller("never")
            return
        yield "on", teller("on", occasions=teller.listed(map(teller, self.on)))
        if self.hours is None:
            yield "throttle", teller("once")
        else:
            yield "throttle", teller("hours", time=teller.count(self.hours, "hour"))
        if not self.includes_times:
            yield "includes_times", teller("no_times")
        if not self.includes_card:
            yield "includes_card", teller("no_card")


def acknowledge_over(case: Case) -> Decision:
    """The acknowledgement of a message that is more than a budget allows, where that is agreed."""
    rule = case.the(Acknowledgement)
    if "over_budget" not in rule.on:
        return NOTHING
    return rule.ask(case, Reason("ack", "on", "asked_over_budget"))


def _is_there(occasion: str, case: Case) -> bool:
    if occasion == "absence":
        closing = case.timetable.closing(case.attempt.at)
        return closing is not None and closing.kind == "absence"
    return occasion == "always" or case.facts.turn_reply_by is None
