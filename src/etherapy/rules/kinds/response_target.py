"""The response target: by when a reply is due. The exact algorithms are in docs/rules.md 5."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import DAY_MINUTES, first_instant, instant, milliseconds, wall_minute, zone
from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.rule import NO_REPLY_EXPECTED, Case, Rule
from etherapy.rules.timetable import HORIZON_MS, Timetable
from etherapy.rules.windows import minute_of


class WindowMinutes(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count", tag="window_minutes"
):
    """So many minutes of open time."""

    n: Annotated[int, Meta(ge=0, le=100_000)]

    def due(self, accepted: int, base: int | None, timetable: Timetable) -> int | None:
        return None if base is None else timetable.after_open_ms(base, self.n * 60_000)


class BusinessDays(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count", tag="business_days"
):
    """So many open dates after that of the release (0: the same), at the end of their last segment or at
    HH:MM."""

    n: Annotated[int, Meta(ge=0, le=60)]
    at: str = "end_of_last_segment"

    def __post_init__(self) -> None:
        if self.at != "end_of_last_segment":
            minute_of(self.at, "at")

    def due(self, accepted: int, base: int | None, timetable: Timetable) -> int | None:
        if base is None:
            return None
        left, previous = self.n, None
        for ordinal, _, _ in timetable.upcoming_ms(base):
            if ordinal == previous:
                continue
            if left == 0:
                return self._on(ordinal, base, timetable)
            left, previous = left - 1, ordinal
        return None

    def _on(self, ordinal: int, base: int, timetable: Timetable) -> int:
        """HH:MM clipped into the date's segments; their end where that would not lie after the release."""
        segments = timetable.segments_ms(ordinal)
        if self.at == "end_of_last_segment":
            return segments[-1][1]
        place, minute = zone(timetable.zone_name), minute_of(self.at, "at")
        wished = first_instant(place, wall_minute(ordinal, minute))
        if wished < segments[0][0]:  # perhaps a time after midnight, in a segment that began on this date
            late = first_instant(place, wall_minute(ordinal, minute + DAY_MINUTES))
            if late <= segments[-1][1]:
                wished = late
        clipped = segments[0][0]
        for start, end in segments:
            if wished >= start:
                clipped = min(wished, end)
        return clipped if clipped > base else segments[-1][1]


class NextWindows(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count", tag="next_windows"
):
    """The end of the n-th window after that of the release (0: its own).

    Windows that touch or overlap are one. Open time that never ends is counted by its dates.
    """

    n: Annotated[int, Meta(ge=0, le=60)]

    def due(self, accepted: int, base: int | None, timetable: Timetable) -> int | None:
        if base is None:
            return None
        for number, (_, end) in enumerate(timetable.merged_ms(base)):
            if end - base > HORIZON_MS:
                return BusinessDays(n=self.n).due(accepted, base, timetable)
            if number == self.n:
                return end
        return None


class WallHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count", tag="wall_hours"):
    """So many hours from acceptance, nights and closed dates included."""

    n: Annotated[int, Meta(ge=1, le=2400)]

    def due(self, accepted: int, base: int | None, timetable: Timetable) -> int | None:
        return accepted + self.n * 3_600_000


class NoTarget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="count", tag="none"):
    """No reply is promised."""

    def due(self, accepted: int, base: int | None, timetable: Timetable) -> int | None:
        return None


Target = WindowMinutes | BusinessDays | NextWindows | WallHours | NoTarget


class ResponseTarget(Rule, frozen=True, kw_only=True, tag="response.target"):
    """By when a client's message is to be answered (R-05).

    Counted from the next opening, which is the release of a held message and where nothing is held the
    first moment at which somebody reads; `wall_hours` alone counts from acceptance.
    """

    words = {
        "en": {
            "window_minutes": "The reply time counts open minutes.",
            "business_days": "The reply time counts open days.",
            "next_windows": "The reply time counts windows.",
            "wall_hours": "The reply time counts hours, nights included.",
            "runs_through_closed": "The reply time runs out before the next opening.",
            "none": "No reply time is agreed.",
            "no_reply_expected": "The message expects no reply.",
            "beyond_horizon": "No reply time within 400 days can be named.",
            "same_turn": "The earlier messages of this turn set the reply time.",
        },
    }

    target: Target = BusinessDays(n=1)
    firm: bool = False
    """Whether the time is a commitment or a plan: a matter of wording."""

    def check(self) -> None:
        if isinstance(self.target, NoTarget) and self.firm:
            raise BadRule("firm", "there is no target that could be firm", "set a target, or firm to false")

    def weigh(self, case: Case) -> Decision:
        attempt = case.attempt
        if not attempt.by_client:
            return NOTHING
        if attempt.service_class == NO_REPLY_EXPECTED:
            return _say("no_reply_expected")
        if isinstance(self.target, NoTarget):
            return _say("none")
        accepted, ready = milliseconds(attempt.at), milliseconds(case.ready_at)
        due = self.target.due(accepted, case.timetable.next_open_ms(ready), case.timetable)
        if due is None or due - accepted > HORIZON_MS:
            return _say("beyond_horizon")
        return _say(str(self.target.__struct_config__.tag), reply_by=instant(due))


def _say(words: str, reply_by: datetime | None = None) -> Decision:
    reason = Reason("response.target", "target", words)
    by = {} if reply_by is None else {"reply_by": reason}
    return Decision(reply_by=reply_by, because=(reason,), by=by)
