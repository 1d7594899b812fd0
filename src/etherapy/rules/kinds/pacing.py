"""Pacing: what slows an exchange down without losing anything."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.budget_periods import asked, counting, leader_of, leading
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.therapist_outbound import TherapistOutbound
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller

_MINUTE = timedelta(minutes=1)


class Pacing(Rule, frozen=True, kw_only=True, tag="pacing"):
    """How fast messages follow each other (R-13); each field is off at 0.

    A reflection hold never breaks a promised reply time: it ends a minute before, and where that has passed
    there is none. The time to take a message back never carries it past the end of the open hours.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "min_interval": "It came soon after the message before it, so it waits a little.",
            "recall_window": "It waits for the time in which it can still be taken back.",
            "reflection_hold": "It waits for the agreed time to think, and can be changed until then.",
            "reflection_shortened": "The agreed time to think would pass the promised reply time, so it goes "
            "out just before that; it can also be sent now.",
            "reflection_passed": "The promised reply time leaves no time to think, so it goes out at once.",
            "reflection_skipped": "It was sent without the agreed time to think.",
            "interval": "Between two messages of the client there are at least {time}; the later one waits.",
            "coalesce": "Messages of one turn within {time} after the first count as one.",
            "recall": "The client can take back each message for {time} before it is delivered.",
            "reflection": "Replies wait {time} before they are sent, but never beyond a promised reply time.",
        },
        "de": {
            "min_interval": "Sie kam kurz nach der vorigen Nachricht und wartet deshalb ein wenig.",
            "recall_window": "Sie wartet die Zeit ab, in der sie noch zurückgenommen werden kann.",
            "reflection_hold": "Sie wartet die vereinbarte Bedenkzeit ab und kann bis dahin geändert werden.",
            "reflection_shortened": "Die vereinbarte Bedenkzeit würde die zugesagte Antwortzeit "
            "überschreiten. Sie geht deshalb kurz davor hinaus und kann auch jetzt gesendet werden.",
            "reflection_passed": "Die zugesagte Antwortzeit lässt keine Bedenkzeit, sie geht sofort hinaus.",
            "reflection_skipped": "Sie wurde ohne die vereinbarte Bedenkzeit gesendet.",
            "interval": "Mindestabstand zwischen zwei Nachrichten der Klientin oder des Klienten: {time}. "
            "Die spätere wartet.",
            "coalesce": "Weitere Nachrichten zählen mit der ersten zusammen, wenn noch keine Antwort kam und "
            "nicht mehr Zeit vergangen ist als {time}.",
            "recall": "Zeit, in der eine Nachricht noch zurückgenommen werden kann, bevor sie zugestellt "
            "wird: {time}.",
            "reflection": "Bedenkzeit vor dem Senden einer Antwort: {time}, aber nie über eine zugesagte "
            "Antwortzeit hinaus.",
        },
    }

    min_interval_minutes: Annotated[int, Meta(ge=0, le=10_080)] = 0
    """A client's message waits until so long after their one before."""
    coalesce_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0
    """What follows within so long in the same turn counts in budgets together with the first."""
    recall_minutes: Annotated[int, Meta(ge=0, le=1440)] = 0
    """A client's message that would go at once waits so long, and can be taken back meanwhile."""
    reflection_hours: Annotated[int, Meta(ge=0, le=168)] = 0
    """A therapist's message waits so long."""

    @property
    def together(self) -> timedelta:
        """Within what time messages count as one."""
        return timedelta(minutes=self.coalesce_minutes)

    def lookback(self) -> timedelta:
        return timedelta(minutes=self.min_interval_minutes + self.coalesce_minutes)

    def limit(self, case: Case) -> Decision:
        if not case.attempt.by_client:
            return self._reflection(case) if self.reflection_hours else NOTHING
        said = self._interval(case) if self.min_interval_minutes else NOTHING
        return said | self._recall(case) if self.recall_minutes else said

    def _interval(self, case: Case) -> Decision:
        """So long after the message before, or after that before the first with which this one counts."""
        attempt, sent = case.attempt, case.facts.sent
        first = leader_of(leading(counting(case, ()), self.together), asked(case), self.together)
        earlier = [row.at for row in sent if first is None or row.at < first.at]
        if not earlier or (ready := max(earlier) + self.min_interval_minutes * _MINUTE) <= attempt.at:
            return NOTHING
        return because(Reason("pacing", "min_interval_minutes", "min_interval"), not_before=ready)

    def _recall(self, case: Case) -> Decision:
        at = case.attempt.at
        if not case.timetable.is_open(at):
            return NOTHING
        closes = case.timetable.closes_at(at)
        ready = at + self.recall_minutes * _MINUTE
        if closes is not None:
            ready = min(ready, closes - _MINUTE)
        if ready <= at:
            return NOTHING
        return because(Reason("pacing", "recall_minutes", "recall_window"), not_before=ready)

    def _reflection(self, case: Case) -> Decision:
        attempt, due = case.attempt, case.facts.turn_reply_by
        if attempt.role == "colleague" or case.facts.turn_urgent:
            return NOTHING
        if attempt.at_once_because:
            return because(_reflecting("reflection_skipped"))
        ready, code = _goes_out(case, attempt.at + timedelta(hours=self.reflection_hours)), "reflection_hold"
        if due is not None and ready > due:
            ready, code = due - _MINUTE, "reflection_shortened"
        if ready <= attempt.at:
            return because(_reflecting("reflection_passed"))
        return because(_reflecting(code), not_before=ready)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        for code, field, n in (
            ("interval", "min_interval_minutes", self.min_interval_minutes),
            ("coalesce", "coalesce_minutes", self.coalesce_minutes),
            ("recall", "recall_minutes", self.recall_minutes),
        ):
            if n:
                yield field, teller(code, time=teller.count(n, "minute"))
        if self.reflection_hours:
            time = teller.count(self.reflection_hours, "hour")
            yield "reflection_hours", teller("reflection", time=time)


def _reflecting(code: str) -> Reason:
    return Reason("pacing", "reflection_hours", code)


def _goes_out(case: Case, at: datetime) -> datetime:
    """When a therapist's message goes out that is ready then: their rest comes first."""
    return case.the(TherapistOutbound).goes_out_from(at, case)
