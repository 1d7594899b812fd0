"""Bounds: how long a wait may be before people are warned of it."""

from typing import Annotated

from msgspec import Meta

from etherapy.rules.decision import NOTHING, Decision
from etherapy.rules.rule import Attempt, Facts, Rule
from etherapy.rules.timetable import Timetable


class Bounds(Rule, frozen=True, kw_only=True, tag="bounds"):
    """What the practice holds to be too long (R-23): a longer wait to a reply is marked `long_wait`."""

    longest_wait_days: Annotated[int, Meta(ge=1, le=400)] = 7

    def weigh(self, attempt: Attempt, facts: Facts, timetable: Timetable) -> Decision:
        return Decision(longest_wait_days=self.longest_wait_days) if attempt.by_client else NOTHING
