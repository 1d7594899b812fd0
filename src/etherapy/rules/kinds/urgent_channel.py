"""The urgent channel: who is called when a client marks a message urgent, in which order, and what is said
where nobody is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import Attempt, Case, Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import Timetable
from etherapy.rules.windows import WEEKDAYS, DayWindow, WeekWindow

MOST_STEPS = 10
_ALL: Final = ("client", "family")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who is called, and how long is waited for their acknowledgement before the next one is."""

    callee: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    """Account of a member of staff."""
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    """What the client is told, such as "Dr B" or "the on-call clinician"."""
    wait_minutes: Annotated[int, Meta(ge=1, le=1440)] = 15
    channel: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = "app"
    """How, as a code of the practice's own. This program reaches the app; any other way is the practice's."""


class Call(NamedTuple):
    """One step of the escalation clock of one message."""

    step: int
    callee: str
    name: str
    due_at: datetime
    """When it is sent, unless somebody acknowledged before."""
    until: datetime
    """When the next one is called, or the practice is told that nobody acknowledged."""


class UrgentChannel(Rule, frozen=True, kw_only=True, tag="urgent.channel"):
    """What follows from the urgent flag besides that nothing urgent is held (R-16, clinic.md 4.1).

    With `steps`, and inside `hours`, people are called one after the other until one acknowledges. Where
    nobody is called, `confirm_card` says so: the sender confirms that the crisis card was shown, and the
    therapist is told of the message at the next opening. The default says nothing.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist", "agreement"})
    words = {
        "en": {
            "on_call": "Somebody is on call for urgent messages.",
            "nobody_on_call": "Nobody is on call now.",
            "may_not_flag": "Marking it urgent calls nobody here.",
            "first": "A message marked urgent alerts {name} at once",
            "then": "{name} after {minutes}",
            "steps": "{calls}, each only if nobody has acknowledged before.",
            "step": "{calls}.",
            "hours": "Somebody is on call: {hours}.",
            "window": "{days} {hours}",
            "may_flag": "Messages can be marked urgent by: {who}.",
            "may_flag_client": "the client",
            "may_flag_family": "the family",
            "confirm_card": "Where nobody is on call, the crisis card is shown before an urgent message is "
            "sent.",
            "confirm_text": "Before an urgent message: {text}",
            "no_on_call_text": "Where nobody is on call: {text}",
            "alert_sent": "alert sent {time}",
            "second_alerted": "second person alerted {time}",
            "another_alerted": "another person alerted {time}",
            "alert_seen": "{name} has seen the alert {time}",
            "not_yet": "not yet acknowledged",
            "nobody_yet": "nobody has acknowledged yet",
            "nobody_called": "no alert was sent",
        },
        "de": {
            "on_call": "Für dringende Nachrichten ist jemand in Bereitschaft.",
            "nobody_on_call": "Zurzeit ist niemand in Bereitschaft.",
            "may_not_flag": "Die Markierung als dringend ruft hier niemanden.",
            "first": "Eine als dringend markierte Nachricht alarmiert sofort {name}",
            "then": "{name} nach {minutes}",
            "steps": "{calls}, jeweils nur, wenn bis dahin niemand bestätigt hat.",
            "step": "{calls}.",
            "hours": "Jemand ist in Bereitschaft: {hours}.",
            "window": "{days} {hours}",
            "may_flag": "Als dringend markieren kann: {who}.",
            "may_flag_client": "die Klientin oder der Klient",
            "may_flag_family": "die Familie",
            "confirm_card": "Ist niemand in Bereitschaft, wird vor dem Senden einer dringenden Nachricht die "
            "Krisenkarte gezeigt.",
            "confirm_text": "Vor einer dringenden Nachricht: {text}",
            "no_on_call_text": "Ist niemand in Bereitschaft: {text}",
            "alert_sent": "Alarm gesendet: {time}",
            "second_alerted": "zweite Person alarmiert: {time}",
            "another_alerted": "weitere Person alarmiert: {time}",
            "alert_seen": "{name} hat den Alarm gesehen: {time}",
            "not_yet": "noch nicht bestätigt",
            "nobody_yet": "bisher hat niemand bestätigt",
            "nobody_called": "kein Alarm wurde gesendet",
        },
    }

    may_flag: tuple[Literal["client", "family"], ...] = _ALL
    """Whose flag calls people. Anybody's urgent message is placed at once all the same (R-24)."""
    confirm_text: Annotated[str, Meta(max_length=500)] = ""
    """What the sender reads before the flag is set, after the crisis card."""
    steps: tuple[Step, ...] = ()
    hours: tuple[WeekWindow, ...] = ()
    """When somebody is on call, on the schedule's wall; empty: always."""
    confirm_card: bool = False
    no_on_call_text: Annotated[str, Meta(max_length=500)] = ""
    false_alarms: Annotated[int, Meta(ge=1, le=50)] = 2
    """So many alerts of one client in one thread, closed as false alarms within four weeks, ask for a
    conversation: the therapist gets a task, and nothing else follows (clinic.md 4.1)."""

    def __post_init__(self) -> None:
        if len(self.steps) > MOST_STEPS:
            raise BadRule("steps", f"more than {MOST_STEPS} steps", "name fewer people")
        if len({step.callee for step in self.steps}) != len(self.steps):
            raise BadRule("steps", "somebody is called twice", "name each person once")
        if len(set(self.may_flag)) != len(self.may_flag) or not self.may_flag:
            raise BadRule("may_flag", "nobody is named, or somebody twice", "name client, family or both")

    def check(self) -> None:
        if self.hours and not self.steps:
            raise BadRule("hours", "nobody is called in these hours", "name steps, or leave hours out")
        if self.hours and not self.confirm_card:
            problem = "outside the hours nobody is called, and the sender would not be told"
            raise BadRule("confirm_card", problem, "set confirm_card to true, or name no hours")

    def weigh(self, case: Case) -> Decision:
        attempt = case.attempt
        if not attempt.urgent or not attempt.by_client:
            return NOTHING
        if self.call_plan(attempt, case.timetable.zone_name):
            return because(Reason("urgent.channel", "steps", "on_call"))
        flags = attempt.role in self.may_flag
        if not self.confirm_card:
            said = self.steps and not flags
            return because(Reason("urgent.channel", "may_flag", "may_not_flag")) if said else NOTHING
        reason = Reason("urgent.channel", "confirm_card", "nobody_on_call" if flags else "may_not_flag")
        opens_at = case.timetable.next_open(attempt.at)
        if opens_at is None or opens_at == attempt.at:
            return because(reason, card_first=True)
        return because(reason, card_first=True, notice_at=opens_at)

    def call_plan(self, attempt: Attempt, zone_name: str) -> tuple[Call, ...]:
        """Who is called for this message, and when; empty: nobody is."""
        if not (attempt.urgent and attempt.by_client and attempt.role in self.may_flag):
            return ()
        if not self._on_call(attempt.at, zone_name):
            return ()
        calls, due_at = [], attempt.at
        for number, step in enumerate(self.steps, 1):
            until = due_at + timedelta(minutes=step.wait_minutes)
            calls.append(Call(number, step.callee, step.name, due_at, until))
            due_at = until
        return tuple(calls)

    def _on_call(self, at: datetime, zone_name: str) -> bool:
        if not self.hours:
            return True
        weekly = [[window.span for window in self.hours if day in window.days] for day in WEEKDAYS]
        return Timetable().with_weekly(zone_name, weekly).is_open(at)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.steps:
            yield "steps", self._calls(teller)
            who = teller.listed(teller(f"may_flag_{one}") for one in _ALL if one in self.may_flag)
            yield "may_flag", teller("may_flag", who=who)
        if self.hours:
            hours = "; ".join(
                teller(
                    "window", days=teller.days(one.days), hours=teller.hours(DayWindow(one.start, one.end))
                )
                for one in self.hours
            )
            yield "hours", teller("hours", hours=hours)
        if self.confirm_card:
            yield "confirm_card", teller("confirm_card")
        for field in ("confirm_text", "no_on_call_text"):
            if text := getattr(self, field):
                yield field, teller(field, text=text)

    def _calls(self, teller: Teller) -> str:
        first, *later = self.steps
        parts, minutes = [teller("first", name=first.name)], first.wait_minutes
        for step in later:
            parts.append(teller("then", name=step.name, minutes=teller.count(minutes, "minute")))
            minutes += step.wait_minutes
        return teller("steps" if later else "step", calls=teller.listed(parts))
