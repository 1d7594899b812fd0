"""Absences: dates on which the therapist is away, and who reads meanwhile."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import ClassVar, Literal

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import AWAY, Closing, Timetable

MOST_DATES = 400
MOST_CHARACTERS = 500


class Absence(Rule, frozen=True, kw_only=True, tag="absence"):
    """The therapist is away from one date to before another (R-04): all of its dates are closed.

    Who covers reads by rules of their own as soon as the client has agreed to it (docs/rules.md 11); the
    absence only names them, so that clients who have not can be asked. What the practice or an agreement
    adds opens none of its dates (rules.md 3.6). One that was not planned may begin in the past.
    """

    accumulates: ClassVar[bool] = True
    words = {
        "en": {
            "closed_date": "The therapist is away.",
            "closed_date_label": "The therapist is away: {label}",
            "cover_offered": "While the therapist is away, a colleague can read, if the client agrees to it.",
            "cover_offered_label": "While the therapist is away, {label} can read, if the client agrees "
            "to it.",
            "away": "Away from {first}, back on {back}.",
            "message": "What clients are told: {message}",
            "cover_all": "{name} covers, for clients who agree to it.",
            "cover_urgent_only": "{name} covers for urgent messages alone, for clients who agree to it.",
            "cover_none": "Nobody covers.",
        },
        "de": {
            "closed_date": "Die Therapeutin oder der Therapeut ist abwesend.",
            "closed_date_label": "Die Therapeutin oder der Therapeut ist abwesend: {label}",
            "cover_offered": "Während der Abwesenheit kann eine Vertretung lesen, wenn die Klientin oder der "
            "Klient zustimmt.",
            "cover_offered_label": "Während der Abwesenheit kann {label} lesen, wenn die Klientin oder der "
            "Klient zustimmt.",
            "away": "Abwesend ab {first}, zurück am {back}.",
            "message": "Was Klientinnen und Klienten dazu erfahren: {message}",
            "cover_all": "Die Vertretung übernimmt {name}, für alle, die zustimmen.",
            "cover_urgent_only": "Die Vertretung übernimmt {name}, nur für dringende Nachrichten und für "
            "alle, die zustimmen.",
            "cover_none": "Es gibt keine Vertretung.",
        },
    }

    away_from: date
    """The first date on which nobody reads."""
    back_on: date
    """The first date on which it is as usual again."""
    planned: bool = True
    cover: str = ""
    """Account (hex) of the colleague who covers; empty: no one is named."""
    cover_name: str = ""
    """What clients call them, such as "Dr Lind"."""
    cover_scope: Literal["all", "urgent_only", "none"] = "all"
    """For which messages the hours of whoever covers count meanwhile."""
    message: str = ""
    """For clients, who read it from `visible_from` on."""
    visible_from: date | None = None
    """None: as soon as it is in force. Promises keep to it from the beginning."""

    def __post_init__(self) -> None:
        if self.away_from >= self.back_on:
            raise BadRule("back_on", "not after away_from", "name the first date on which work goes on")
        if self.count > MOST_DATES:
            raise BadRule("back_on", f"more than {MOST_DATES} dates", "end the agreement, or hand over")
        if not re.fullmatch(r"([0-9a-f]{32})?", self.cover):
            raise BadRule("cover", "not an account", "name the account by its 32 hex digits")
        if bool(self.cover) != bool(self.cover_name):
            raise BadRule("cover_name", "an account or its name alone", "name both, or neither")
        if self.cover and self.cover_scope == "none":
            raise BadRule("cover_scope", "somebody covers for nothing", "use all, or leave cover out")
        if len(self.message) > MOST_CHARACTERS or len(self.cover_name) > 200:
            raise BadRule("message", f"longer than {MOST_CHARACTERS} characters", "shorten it")
        if self.visible_from is not None and self.visible_from > self.away_from:
            raise BadRule("visible_from", "after the absence has begun", "name a date up to away_from")

    @property
    def count(self) -> int:
        """How many dates it has."""
        return (self.back_on - self.away_from).days

    @property
    def dates(self) -> tuple[date, ...]:
        """All of its dates."""
        return tuple(self.away_from + timedelta(days=number) for number in range(self.count))

    def place(self) -> str:
        return self.away_from.isoformat()

    def claims(self) -> Iterable[str]:
        return map(str, self.dates)

    def within(self, bounds: Bounds) -> None:
        if self.planned and not self.cover and self.count > bounds.longest_closed_days:
            problem = (
                f"{self.count} dates without cover, and the practice allows {bounds.longest_closed_days}"
            )
            raise BadRule("cover", problem, "name who covers, or shorten the absence")

    def shape(self, timetable: Timetable, begins: date | None, ends: date | None) -> Timetable:
        told_from = 0 if self.visible_from is None else self.visible_from.toordinal()
        closing = Closing(AWAY, self.place(), self.message, told_from)
        return timetable.with_closed(dict.fromkeys(self.dates, closing))

    def visible_on(self, day: date) -> bool:
        """Whether clients may be told of it on a date."""
        return self.visible_from is None or day >= self.visible_from

    def covers(self, urgent: bool) -> bool:
        """Whether the hours of whoever covers count for such a message."""
        return self.cover_scope == "all" or (urgent and self.cover_scope == "urgent_only")

    def lasts_at(self, at: datetime, timetable: Timetable) -> bool:
        """Whether the therapist is away at an instant."""
        return timetable.midnight(self.away_from) <= at < timetable.midnight(self.back_on)

    def meets(self, begins: datetime, ends: datetime, timetable: Timetable) -> bool:
        """Whether somebody who waits from one instant to before another waits through a part of it."""
        return begins < timetable.midnight(self.back_on) and timetable.midnight(self.away_from) < ends

    def lasts(self) -> timedelta | None:
        return self.back_on - self.away_from

    def is_past(self, today: date) -> bool:
        return self.back_on <= today

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "away_from", teller("away", first=teller.date(self.away_from), back=teller.date(self.back_on))
        if self.message:
            yield "message", teller("message", message=self.message)
        if self.cover:
            yield "cover", teller(f"cover_{self.cover_scope}", name=self.cover_name)
        elif self.cover_scope == "none":
            yield "cover_scope", teller("cover_none")
