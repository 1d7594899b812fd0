"""The therapist's own rest: when what they write goes out, and when they are told of anything."""

from datetime import datetime
from typing import ClassVar

from etherapy.rules.rule import Rule
from etherapy.rules.timetable import Timetable


class TherapistOutbound(Rule, frozen=True, kw_only=True, tag="therapist.outbound"):
    """Quiet hours of the therapist (R-08)."""

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist"})

    def told_from(self, at: datetime, timetable: Timetable) -> datetime:
        """The first instant from `at` on at which the therapist may be told of something."""
        return at
