"""Measure offers: when a client is asked to answer a questionnaire."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

Week = Annotated[int, Meta(ge=1, le=260)]


class MeasureOffer(Rule, frozen=True, kw_only=True, tag="measure.offer"):
    """On which dates questionnaires are offered, and how near an opening risk-bearing ones must be (R-26).

    An answer to a question about suicide should not lie for days unseen, so such a measure is offered only
    where it opens within `risk_hours`. `measure_offers.offer_at` says what follows at an instant.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist", "agreement"})
    personal: ClassVar[bool] = True
    words = {
        "en": {
            "first": "Questionnaires are offered from {date} on.",
            "every": "Questionnaires are offered every {weeks}, from {date} on.",
            "after": "Questionnaires are offered {weeks} after the first as well.",
            "risk": "Questionnaires with questions about danger are offered only where it opens within "
            "{hours}.",
        },
        "de": {
            "first": "Fragebögen werden ab {date} angeboten.",
            "every": "Fragebögen werden regelmäßig angeboten, ab {date}; Abstand: {weeks}.",
            "after": "Fragebögen werden zusätzlich nach dem ersten angeboten: {weeks} danach.",
            "risk": "Fragebögen mit Fragen zu Gefährdung werden nur kurz vor einer Öffnung angeboten: "
            "höchstens {hours} davor.",
        },
    }

    first: date | None = None
    """The first date; None: there is no schedule, and measures are offered whenever somebody asks."""
    every_weeks: Annotated[int, Meta(ge=1, le=104)] | None = None
    after_weeks: Annotated[tuple[Week, ...], Meta(max_length=100)] = ()
    """Dates besides: so many weeks after the first, such as 1 and 3."""
    risk_hours: Annotated[int, Meta(ge=1, le=168)] = 24

    def check(self) -> None:
        if self.first is None and (self.every_weeks is not None or self.after_weeks):
            raise BadRule("first", "there is a schedule without a beginning", "name the first date")
        if list(self.after_weeks) != sorted(set(self.after_weeks)):
            raise BadRule("after_weeks", "not in ascending order, or one twice", "write such as 1, 3")

    def due_by(self, today: date) -> date | None:
        """The latest date of the schedule up to `today`; None: none was yet, or there is no schedule."""
        return max((day for day in self._dates_around(today) if day <= today), default=None)

    def next_after(self, today: date) -> date | None:
        """The first date of the schedule after `today`; None: none follows."""
        return min((day for day in self._dates_around(today) if day > today), default=None)

    def _dates_around(self, today: date) -> Iterator[date]:
        """Every single date, and the neighbours of `today` in the rhythm."""
        if self.first is None:
            return
        yield self.first
        yield from (self.first + timedelta(weeks=week) for week in self.after_weeks)
        if self.every_weeks is not None and today >= self.first:
            rhythm = timedelta(weeks=self.every_weeks)
            latest = self.first + (today - self.first) // rhythm * rhythm
            yield latest
            yield latest + rhythm
        elif self.every_weeks is not None:
            yield self.first + timedelta(weeks=self.every_weeks)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.first is not None:
            first = teller.date(self.first)
            if self.every_weeks is None:
                yield "first", teller("first", date=first)
            else:
                weeks = teller.count(self.every_weeks, "week")
                yield "every_weeks", teller("every", weeks=weeks, date=first)
            if self.after_weeks:
                listed = teller.listed(teller.count(week, "week") for week in self.after_weeks)
                yield "after_weeks", teller("after", weeks=listed)
        yield "risk_hours", teller("risk", hours=teller.count(self.risk_hours, "hour"))
