"""The off-hours policy: what happens to a message that comes outside the windows."""

from typing import Literal

from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.rule import Attempt, Facts, Rule
from etherapy.rules.timetable import Timetable


class OffHoursPolicy(Rule, frozen=True, kw_only=True, tag="off_hours.policy"):
    """What happens to a client's message outside the windows (R-06).

    `hold`: the therapist is not reached before the next opening. `hold_with_ack`: the same, and the
    sender sees one automatic acknowledgement per closed period. `deliver_normal`: it is delivered at once.
    """

    policy: Literal["hold", "hold_with_ack", "deliver_normal"] = "hold_with_ack"

    def weigh(self, attempt: Attempt, facts: Facts, timetable: Timetable) -> Decision:
        if not attempt.by_client:
            return NOTHING
        opens_at = timetable.next_open(attempt.at)
        if opens_at == attempt.at:
            return Decision(
                release_at=attempt.at, because=(Reason("window.weekly", "windows", "inside_window"),)
            )
        because = (_why_closed(attempt, timetable), Reason("off_hours.policy", "policy", self.policy))
        if self.policy == "deliver_normal":
            return Decision(release_at=attempt.at, closed_until=opens_at, because=because)
        if opens_at is None:
            return Decision(code="no_future_window", because=because)
        ack = True if self.policy == "hold_with_ack" else None
        return Decision(code="held", release_at=opens_at, closed_until=opens_at, ack=ack, because=because)


def _why_closed(attempt: Attempt, timetable: Timetable) -> Reason:
    """A closed date, by its name, or simply outside the windows."""
    closing = timetable.closing(attempt.at)
    if closing is None:
        return Reason("window.weekly", "windows", "outside_windows")
    return Reason(closing.kind, "*", "closed_date", place=closing.place, label=closing.label)
