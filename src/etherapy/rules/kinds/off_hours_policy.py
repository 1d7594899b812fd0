"""The off-hours policy: what happens to a message that comes outside the windows."""

from collections.abc import Iterator
from typing import Literal

from msgspec.structs import replace

from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller


class OffHoursPolicy(Rule, frozen=True, kw_only=True, tag="off_hours.policy"):
    """What happens to a client's message outside the windows (R-06).

    `hold`: the therapist is not reached before the next opening. `hold_with_ack`: the same, and the
    sender sees one automatic acknowledgement per closed period. `deliver_normal`: it is delivered at once.
    """

    words = {
        "en": {
            "hold": "Messages outside the hours wait for the next opening.",
            "hold_with_ack": "Messages outside the hours wait for the next opening and are acknowledged.",
            "deliver_normal": "Messages outside the hours are delivered at once.",
        },
    }

    policy: Literal["hold", "hold_with_ack", "deliver_normal"] = "hold_with_ack"

    def weigh(self, case: Case) -> Decision:
        attempt = case.attempt
        if not attempt.by_client:
            return NOTHING
        opens_at = case.timetable.next_open(case.ready_at)
        if opens_at == case.ready_at:
            inside = Reason("window.weekly", "windows", "inside_window")
            return Decision(release_at=opens_at, because=(inside,), by={"code": inside, "release_at": inside})
        closed, policy = _why_closed(case), Reason("off_hours.policy", "policy", self.policy)
        said = Decision(because=tuple(sorted((closed, policy))), by={"code": policy, "release_at": closed})
        if self.policy == "deliver_normal" and case.ready_at == attempt.at:
            return replace(said, release_at=attempt.at, closed_until=opens_at)
        if opens_at is None:
            return replace(said, code="no_future_window")
        ack = True if self.policy == "hold_with_ack" else None
        if ack:
            said = replace(said, by=said.by | {"ack": policy})
        return replace(
            said, code="held", release_at=opens_at, closed_until=opens_at, ack=ack, ack_again_at=opens_at
        )

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "policy", teller(self.policy)


def _why_closed(case: Case) -> Reason:
    """A closed date, by its name, or simply outside the windows."""
    closing = case.timetable.closing(case.ready_at)
    if closing is None:
        return Reason("window.weekly", "windows", "outside_windows")
    return Reason(closing.kind, "*", "closed_date", place=closing.place, label=closing.label)
