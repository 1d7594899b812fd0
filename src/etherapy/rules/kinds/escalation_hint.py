"""A hint when somebody writes much more than usual: for the sender, and nothing is blocked."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller

_WEEK = timedelta(days=7)
_WEEKS = 4
"""The weeks before the present seven days whose median is somebody's usual."""


class EscalationHint(Rule, frozen=True, kw_only=True, tag="pacing.escalation"):
    """When a hint is given that there are many messages (R-14).

    It knows counts and times alone: a contact pattern, not an assessment of risk. It holds nothing back, and
    no urgent message is answered with it. The median needs four weeks of messages before.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "gentle": "There have been more messages than usual lately. Nothing is held back because of it. "
            "If it is hard just now, the crisis card shows where there is help at once.",
            "suggest_session": "There have been more messages than usual lately; a session may help.",
            "most": "A hint is shown after more than {count} in {hours}.",
            "times": "A hint is shown where a week has more than {times} times the usual number of messages.",
            "pattern": "The hint is about a contact pattern. It is not an assessment of risk, and nothing is "
            "held back because of it.",
        },
        "de": {
            "gentle": "In letzter Zeit kamen mehr Nachrichten als sonst. Deshalb wird nichts zurückgehalten. "
            "Wenn es gerade schwer ist: Die Krisenkarte zeigt, wo es sofort Hilfe gibt.",
            "suggest_session": "In letzter Zeit kamen mehr Nachrichten als sonst. Eine Sitzung kann helfen.",
            "most": "Ein Hinweis erscheint, wenn es in diesem Zeitraum mehr sind als {count}: {hours}.",
            "times": "Ein Hinweis erscheint, wenn in einer Woche mehr Nachrichten kommen als das "
            "{times}-Fache der üblichen Zahl.",
            "pattern": "Der Hinweis beschreibt ein Kontaktmuster. Er ist keine Einschätzung eines Risikos, "
            "und nichts wird deshalb zurückgehalten.",
        },
    }

    most: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """More than so many messages in `hours` hours, this one included."""
    hours: Annotated[int, Meta(ge=1, le=720)] = 24
    times: Annotated[int, Meta(ge=2, le=100)] | None = None
    """More than so many times the median of the sender's own four weeks before, in seven days."""
    actions: tuple[Literal["gentle", "suggest_session"], ...] = ("gentle",)

    def check(self) -> None:
        if not self.actions:
            raise BadRule("actions", "no hint is named", "name gentle, suggest_session, or both")

    def lookback(self) -> timedelta:
        rolling = timedelta(hours=self.hours) if self.most is not None else timedelta()
        return max(rolling, (_WEEKS + 2) * _WEEK if self.times is not None else timedelta())

    def limit(self, case: Case) -> Decision:
        if not case.attempt.by_client:
            return NOTHING
        at, sent = case.attempt.at, [row.at for row in case.facts.sent]
        if self.most is not None and 1 + _between(sent, at - timedelta(hours=self.hours), at) > self.most:
            return self._hint("most")
        if self.times is not None and self._unusual(sent, at):
            return self._hint("times")
        return NOTHING

    def _unusual(self, sent: list[datetime], at: datetime) -> bool:
        if not any(one <= at - (_WEEKS + 1) * _WEEK for one in sent):
            return False
        weeks = sorted(_between(sent, at - (n + 1) * _WEEK, at - n * _WEEK) for n in range(1, _WEEKS + 1))
        twice_the_median = weeks[1] + weeks[2]
        now = 1 + _between(sent, at - _WEEK, at)
        return twice_the_median > 0 and 2 * now > (self.times or 0) * twice_the_median

    def _hint(self, field: str) -> Decision:
        return because(*(Reason("pacing.escalation", field, action) for action in self.actions))

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.most is not None:
            hours = teller.count(self.hours, "hour")
            yield "most", teller("most", count=teller.count(self.most, "message"), hours=hours)
        if self.times is not None:
            yield "times", teller("times", times=str(self.times))
        if self.most is not None or self.times is not None:
            yield "actions", teller("pattern")


def _between(sent: list[datetime], begins: datetime, ends: datetime) -> int:
    """How many were sent after one instant and up to another."""
    return sum(begins < one <= ends for one in sent)
