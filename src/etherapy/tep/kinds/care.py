"""What belongs to the treatment itself: a safety plan, and measures (tep.md §5.6).

Both travel in service class 5, so that rules may treat them alike; what they are stays inside.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from etherapy.tep.kinds.body import Body, line, listed, named, pair, part
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import instant, uint

MAX_VERSION = 10_000
_step = listed(20, line(400))
_score = pair(named(r"[a-z0-9][a-z0-9.-]{0,31}"), lambda value, what: uint(value, what, 0, 10_000))
_answer = pair(
    lambda value, what: uint(value, what, 1, 255), lambda value, what: uint(value, what, 0, 10_000)
)


@dataclass(frozen=True, slots=True, repr=False)
class SafetyPlan(Body):
    """The six steps of Stanley and Brown as free lists, and what is worth living for.

    The newest is the one with the highest version; of equal ones the one that was placed last.
    """

    NOUN: ClassVar[str] = "a safety plan"

    version: int = part(0, lambda value, what: uint(value, what, 1, MAX_VERSION), "version")
    signs: tuple[str, ...] = part(1, _step, "Warning signs that a crisis may be coming", default=())
    coping: tuple[str, ...] = part(2, _step, "What I can do by myself", default=())
    distractions: tuple[str, ...] = part(3, _step, "People and places that take my mind off it", default=())
    supporters: tuple[str, ...] = part(4, _step, "People whom I can ask for help", default=())
    professionals: tuple[str, ...] = part(5, _step, "Professionals and services I can turn to", default=())
    surroundings: tuple[str, ...] = part(6, _step, "Making my surroundings safe", default=())
    reasons: tuple[str, ...] = part(7, _step, "What is worth living for", default=())

    def check(self) -> None:
        """An empty plan would hide the one before it."""
        if not any(self.steps().values()):
            raise Malformed("keys", "a safety plan: it has no step")

    def steps(self) -> dict[str, tuple[str, ...]]:
        """The lists under the names that people read, in the order in which they are gone through."""
        return {one.words: getattr(self, name) for name, one in self.parts().items() if one.key}

    @classmethod
    def step_names(cls) -> dict[str, str]:
        """Field names and what people call them."""
        return {name: one.words for name, one in cls.parts().items() if one.key}


@dataclass(frozen=True, slots=True, repr=False)
class Measure(Body):
    """A questionnaire that was answered: which, answers by item number, scores by scale, when (ms).

    Items have numbers and scales short names, so that no sentence of a licensed instrument can be in here
    (decisions.md D-22).
    """

    NOUN: ClassVar[str] = "a check-in"

    instrument: str = part(0, named(r"[a-z0-9][a-z0-9.-]{0,31}"), "instrument")
    taken_at: int = part(1, instant, "time")
    answers: tuple[tuple[int, int], ...] = part(2, listed(255, _answer), "answers", default=())
    scores: tuple[tuple[str, int], ...] = part(3, listed(32, _score), "scores", default=())

    def check(self) -> None:
        """Something was measured, and each item and scale once, in ascending order."""
        if not self.answers and not self.scores:
            raise Malformed("keys", "a check-in: it has neither answers nor scores")
        if any(a >= b for rows in (self.answers, self.scores) for (a, _), (b, _) in pairwise(rows)):  # type: ignore[operator]  # names with names, numbers with numbers
            raise Malformed("order", "a check-in: not in ascending order, or one occurs twice")
