"""Bounds: how long a wait may be before people are warned of it."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.decision import NOTHING, Decision
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller


class Bounds(Rule, frozen=True, kw_only=True, tag="bounds"):
    """What the practice holds to be too long (R-23): a longer wait to a reply is marked `long_wait`."""

    layers: ClassVar[frozenset[str]] = frozenset({"practice"})
    words = {
        "en": {
            "longer_than_bound": "The wait is longer than the practice's bound.",
            "long_wait": "A wait of more than {days} is warned of.",
        },
    }

    longest_wait_days: Annotated[int, Meta(ge=1, le=400)] = 7

    def weigh(self, case: Case) -> Decision:
        return Decision(longest_wait_days=self.longest_wait_days) if case.attempt.by_client else NOTHING

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "longest_wait_days", teller("long_wait", days=teller.count(self.longest_wait_days, "day"))
