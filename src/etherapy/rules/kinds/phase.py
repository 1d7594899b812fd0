"""Phases: a treatment that begins, steps down and ends, each part with rules of its own."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import local_date, milliseconds, zone
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.rule import Case, Extra, Rule
from etherapy.rules.telling import Teller

_BEFORE = ("onboarding", "standard")
_STEPS = tuple(f"step_down_{number}" for number in range(1, 10))
ORDER = (*_BEFORE, *_STEPS, "maintenance", "closing", "closed")
"""Names of phases, in the order in which they may follow each other; each at most once."""

_NEVER = (date.min, date.min)
"""Of a phase that has not begun: its rules are judged when they are written, and hold on no date."""


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One part of a treatment. It starts on `begins`, and never before its notice has run out."""

    name: Annotated[str, Meta(pattern=r"^(onboarding|standard|step_down_[1-9]|maintenance|closing|closed)$")]
    begins: date | None = None
    """The planned first date; None: as soon as the notice has run out. The first phase may have none."""
    notice_days: Annotated[int, Meta(ge=0, le=365)] = 14
    announced: date | None = None
    """When the client was told. The server writes it when the rules are put in force; nobody else can."""
    last_message: date | None = None
    """Of the phase `closing`: the last date on which a client can write."""
    rules: Annotated[tuple[dict[str, Any], ...], Meta(max_length=50)] = ()
    """What is different in it: rules as in the layer that holds the phase, and stronger than those."""

    def starts(self) -> date | None:
        """The first date on which it holds; None: it was not announced, so it does not begin yet."""
        if self.announced is None:
            return None
        noticed = self.announced + timedelta(days=self.notice_days)
        return noticed if self.begins is None else max(self.begins, noticed)


class Phases(Rule, frozen=True, kw_only=True, tag="phase"):
    """The phases of a treatment, in order (R-19).

    The first holds from the beginning. Each later one starts when its date has come and its notice has run
    out since it was announced: late notice moves the start, and without any it does not start. A phase
    ends where the next that has started begins. In `closed` nothing is sent any more but what is urgent;
    reading and export stay, and what waits keeps its promise (D-4).
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist", "agreement"})
    words = {
        "en": {
            "closed": "The treatment is closed: nothing is sent any more. Reading and export stay.",
            "after_last_message": "The last date for messages is past.",
            "first": "The first phase: “{phase}”.",
            "dated": "Phase “{phase}” from {date} on.",
            "unannounced": "Phase “{phase}” is planned; it begins {days} after it is announced.",
            "unannounced_dated": "Phase “{phase}” is planned from {date} on, {days} after it is announced at "
            "the earliest.",
            "last_message": "The last date for messages is {date}.",
            "onboarding": "getting started",
            "standard": "standard",
            "step_down": "fewer messages, step {step}",
            "maintenance": "maintenance",
            "closing": "closing",
            "closed_name": "closed",
        },
        "de": {
            "closed": "Die Behandlung ist abgeschlossen: Es wird nichts mehr gesendet. Lesen und Export "
            "bleiben.",
            "after_last_message": "Der letzte Tag für Nachrichten ist vorbei.",
            "first": "Die erste Phase: „{phase}“.",
            "dated": "Phase „{phase}“ ab {date}.",
            "unannounced": "Die Phase „{phase}“ ist geplant; Frist nach der Ankündigung: {days}.",
            "unannounced_dated": "Die Phase „{phase}“ ist ab {date} geplant; Frist nach der Ankündigung: "
            "mindestens {days}.",
            "last_message": "Der letzte Tag für Nachrichten ist {date}.",
            "onboarding": "Anfang",
            "standard": "Standard",
            "step_down": "weniger Nachrichten, Stufe {step}",
            "maintenance": "Nachsorge",
            "closing": "Abschluss",
            "closed_name": "abgeschlossen",
        },
    }

    phases: Annotated[tuple[Phase, ...], Meta(max_length=len(ORDER))] = ()

    def __post_init__(self) -> None:
        for number, phase in enumerate(self.phases):
            where = f"phases[{number}]"
            if number and ORDER.index(phase.name) <= ORDER.index(self.phases[number - 1].name):
                raise BadRule(f"{where}.name", "out of order, or twice", f"the order is {', '.join(ORDER)}")
            if (
                number
                and phase.begins
                and any(p.begins and p.begins >= phase.begins for p in self.phases[:number])
            ):
                raise BadRule(f"{where}.begins", "not after the phase before it", "name a later date")
            if phase.last_message is not None and phase.name != "closing":
                raise BadRule(f"{where}.last_message", "only closing has a last message", "leave it out")

    def within(self, bounds: Bounds) -> None:
        for number, phase in enumerate(self.phases[1:], 1):
            if phase.notice_days < bounds.min_notice_days:
                raise BadRule(
                    f"phases[{number}].notice_days",
                    f"{phase.notice_days} days of notice, the practice's bound is {bounds.min_notice_days}",
                    f"give at least {bounds.min_notice_days} days",
                )

    def spans(self) -> list[tuple[Phase, date | None, date | None]]:
        """The phases that start, each with its first date and that on which it is no longer (None: open)."""
        begun = [
            (phase, phase.begins if number == 0 else phase.starts())
            for number, phase in enumerate(self.phases)
        ]
        starting = [(phase, start) for number, (phase, start) in enumerate(begun) if number == 0 or start]
        found = []
        for number, (phase, start) in enumerate(starting):
            later = [other for _, other in starting[number + 1 :] if other is not None]
            ends = min(later, default=None)
            if ends is None or (start or date.min) < ends:
                found.append((phase, start, ends))
        return found

    def current(self, today: date) -> Phase | None:
        """The phase that holds on a date; None: none has begun."""
        for phase, begins, ends in self.spans():
            if (begins or date.min) <= today and (ends is None or today < ends):
                return phase
        return None

    def unfold(self) -> Iterator[Extra]:
        holding = {phase.name: (begins, ends) for phase, begins, ends in self.spans()}
        for number, phase in enumerate(self.phases):
            seen: set[object] = set()
            for place, document in enumerate(phase.rules):
                _refuse_nested(document, seen, f"phases[{number}].rules[{place}]")
                yield Extra(document, *holding.get(phase.name, _NEVER))

    def limit(self, case: Case) -> Decision:
        if not self.phases:
            return NOTHING
        place = zone(case.timetable.zone_name)
        today = local_date(place, milliseconds(case.attempt.at))
        phase = self.current(today)
        if phase is None:
            return NOTHING
        if phase.name == "closed":
            return because(Reason("phase", "phases", "closed"), code="declined")
        if case.attempt.by_client and phase.last_message is not None and today > phase.last_message:
            return because(Reason("phase", "phases", "after_last_message"), code="declined")
        return NOTHING

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        for number, phase in enumerate(self.phases):
            name, begins = _called(phase, teller), phase.begins if number == 0 else phase.starts()
            days = teller.count(phase.notice_days, "day")
            if begins is not None:
                yield "phases", teller("dated", phase=name, date=teller.date(begins))
            elif number == 0:
                yield "phases", teller("first", phase=name)
            elif phase.begins is None:
                yield "phases", teller("unannounced", phase=name, days=days)
            else:
                date_ = teller.date(phase.begins)
                yield "phases", teller("unannounced_dated", phase=name, date=date_, days=days)
            if phase.last_message is not None:
                yield "phases", teller("last_message", date=teller.date(phase.last_message))


def _called(phase: Phase, teller: Teller) -> str:
    """The phase as people call it."""
    if phase.name in _STEPS:
        return teller("step_down", step=phase.name[-1])
    return teller("closed_name" if phase.name == "closed" else phase.name)


def _refuse_nested(document: Mapping[str, Any], seen: set[object], where: str) -> None:
    """What cannot stand inside a phase; everything else is judged as rules of the layer are."""
    kind = document.get("kind")
    if kind == "phase":
        raise BadRule(where, "a phase inside a phase", "write the phases beside each other, in order")
    if kind in seen:
        raise BadRule(where, "two rules of one kind in a phase", "keep one of them")
    if isinstance(kind, str):
        seen.add(kind)
    for name in ("begins", "ends", "only_for", "reason"):
        if name in document:
            raise BadRule(f"{where}.{name}", "a rule of a phase holds as long as the phase", "leave it out")
