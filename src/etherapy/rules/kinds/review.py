"""Reviews: when the people of a thread look at what they agreed."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

Occasion = Literal["review", "trial_ends", "agreement_ends"]


class Review(Rule, frozen=True, kw_only=True, tag="review"):
    """When the agreement is looked at again, and when a trial or the agreement itself ends (R-22).

    These are reminders: nothing is closed and no message is kept back because a review is overdue.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist", "agreement"})
    words = {
        "en": {
            "every": "The agreement is reviewed every {weeks}, from {first} on.",
            "once": "The agreement is reviewed on {first}.",
            "trial": "A trial lasts until {date}.",
            "end": "The agreement lasts until {date}; nothing closes by itself then.",
        },
        "de": {
            "every": "Die Vereinbarung wird regelmäßig überprüft, ab {first}; Abstand: {weeks}.",
            "once": "Die Vereinbarung wird am {first} überprüft.",
            "trial": "Eine Probezeit dauert bis {date}.",
            "end": "Die Vereinbarung gilt bis {date}; von selbst wird dann nichts geschlossen.",
        },
    }

    every_weeks: Annotated[int, Meta(ge=1, le=104)] | None = None
    """A review comes back after so many weeks; None: there is one, on `first`."""
    first: date | None = None
    last: date | None = None
    """When the last review was held; those before it are done."""
    trial_ends: date | None = None
    agreement_ends: date | None = None

    def check(self) -> None:
        if self.every_weeks is not None and self.first is None:
            raise BadRule("first", "reviews come back, but none is the first", "name the date of the first")
        if self.trial_ends and self.agreement_ends and self.trial_ends > self.agreement_ends:
            raise BadRule("trial_ends", "the trial ends after the agreement", "name an earlier date")

    def due_on(self, today: date) -> list[tuple[Occasion, date]]:
        """What is due on a date or was before, oldest first; of reviews the oldest that was not held."""
        found: list[tuple[Occasion, date]] = []
        review = self.next_review()
        if review is not None:
            found.append(("review", review))
        if self.trial_ends is not None:
            found.append(("trial_ends", self.trial_ends))
        if self.agreement_ends is not None:
            found.append(("agreement_ends", self.agreement_ends))
        return sorted((one for one in found if one[1] <= today), key=lambda one: one[1])

    def next_review(self) -> date | None:
        """The first review that was not held yet; None: no more are planned."""
        if self.first is None or self.last is None or self.last < self.first:
            return self.first
        if self.every_weeks is None:
            return None
        rhythm = timedelta(weeks=self.every_weeks)
        return self.first + ((self.last - self.first) // rhythm + 1) * rhythm

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.first is not None:
            first = teller.date(self.first)
            if self.every_weeks is None:
                yield "first", teller("once", first=first)
            else:
                weeks = teller.count(self.every_weeks, "week")
                yield "every_weeks", teller("every", weeks=weeks, first=first)
        if self.trial_ends is not None:
            yield "trial_ends", teller("trial", date=teller.date(self.trial_ends))
        if self.agreement_ends is not None:
            yield "agreement_ends", teller("end", date=teller.date(self.agreement_ends))
