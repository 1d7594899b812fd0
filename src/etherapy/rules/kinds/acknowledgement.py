"""The automatic acknowledgement: how often it is given."""

from collections.abc import Iterator
from typing import Literal

from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller


class Acknowledgement(Rule, frozen=True, kw_only=True, tag="ack"):
    """How often the sender sees the automatic acknowledgement that `hold_with_ack` asks for (R-07, D-37).

    `closed_period`: once until it opens again.
    """

    words = {
        "en": {
            "acknowledged_before": "This closed period was acknowledged before.",
            "once": "Acknowledged once in each closed period.",
        },
    }

    throttle: Literal["closed_period"] = "closed_period"

    def weigh(self, case: Case) -> Decision:
        acked_until = case.facts.acked_until
        if not case.attempt.by_client or acked_until is None or case.attempt.at >= acked_until:
            return NOTHING
        return because(Reason("ack", "throttle", "acknowledged_before"), ack=False)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "throttle", teller("once")
