"""The automatic acknowledgement: how often it is given."""

from typing import Literal

from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.rule import Attempt, Facts, Rule
from etherapy.rules.timetable import Timetable


class Acknowledgement(Rule, frozen=True, kw_only=True, tag="ack"):
    """How often the sender sees the automatic acknowledgement that `hold_with_ack` asks for (R-07, D-37).

    `closed_period`: once until it opens again.
    """

    throttle: Literal["closed_period"] = "closed_period"

    def weigh(self, attempt: Attempt, facts: Facts, timetable: Timetable) -> Decision:
        if not attempt.by_client or facts.acked_until is None or attempt.at >= facts.acked_until:
            return NOTHING
        return Decision(ack=False, because=(Reason("ack", "throttle", "acknowledged_before"),))
