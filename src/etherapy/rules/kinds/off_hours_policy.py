"""The off-hours policy: what happens to a message that comes outside the windows."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.acknowledgement import Acknowledgement
from etherapy.rules.kinds.bounds import Bounds, Policy
from etherapy.rules.kinds.participants import Participants
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller


class OffHoursPolicy(Rule, frozen=True, kw_only=True, tag="off_hours.policy"):
    """What happens to a client's message outside the windows (R-06).

    `hold`: the therapist is not reached before the next opening. `hold_with_ack`: the same, and the sender
    sees an automatic acknowledgement as `ack` says. `deliver_silent`: it is delivered at once, and nobody is
    told before the next opening. `deliver_normal`: it is delivered at once. `decline_keep_draft`: it is not
    taken; but a first contact and an enhanced tier are never declined, they are held and acknowledged. What
    limits keep back waits for an opening under every policy; what was taken once is not declined later.
    """

    words = {
        "en": {
            "hold": "Messages outside the hours wait for the next opening.",
            "hold_with_ack": "Messages outside the hours wait for the next opening and are acknowledged.",
            "deliver_silent": "Messages outside the hours are delivered at once, and the therapist is told "
            "of them at the next opening.",
            "deliver_normal": "Messages outside the hours are delivered at once.",
            "decline_keep_draft": "Messages outside the hours are not sent; the draft is kept on the device.",
            "decline_keep_draft_label": "Messages outside the hours are not sent; the draft is kept on the "
            "device. Another way: {label}",
            "first_contact_kept": "The first message of all is never declined.",
            "enhanced_kept": "With closer support, messages are never declined for the hour.",
            "waits_for_opening": "What has to wait is delivered at an opening.",
            "other_route": "When messages are not taken, there is another way: {route}",
        },
        "de": {
            "hold": "Nachrichten außerhalb der Zeiten warten auf die nächste Öffnung.",
            "hold_with_ack": "Nachrichten außerhalb der Zeiten warten auf die nächste Öffnung und werden "
            "bestätigt.",
            "deliver_silent": "Nachrichten außerhalb der Zeiten werden sofort zugestellt, und erst zur "
            "nächsten Öffnung wird darauf hingewiesen.",
            "deliver_normal": "Nachrichten außerhalb der Zeiten werden sofort zugestellt.",
            "decline_keep_draft": "Nachrichten außerhalb der Zeiten werden nicht gesendet. Der Entwurf "
            "bleibt auf dem Gerät.",
            "decline_keep_draft_label": "Nachrichten außerhalb der Zeiten werden nicht gesendet. Der Entwurf "
            "bleibt auf dem Gerät. Ein anderer Weg: {label}",
            "first_contact_kept": "Die allererste Nachricht wird nie abgelehnt.",
            "enhanced_kept": "Bei engerer Begleitung wird keine Nachricht wegen der Uhrzeit abgelehnt.",
            "waits_for_opening": "Was warten muss, wird zu einer Öffnung zugestellt.",
            "other_route": "Wenn Nachrichten nicht angenommen werden, gibt es einen anderen Weg: {route}",
        },
    }

    policy: Policy = "hold_with_ack"
    other_route: Annotated[str, Meta(max_length=200)] = ""
    """Another way to reach a person, such as "call the office on 020 7946 0000". Without one nothing is
    declined."""

    def check(self) -> None:
        if self.policy == "decline_keep_draft" and not self.other_route.strip():
            mend = "name in other_route how a person is reached, or choose another policy"
            raise BadRule("other_route", "messages are declined and no other way is named", mend)

    def within(self, bounds: Bounds) -> None:
        allowed = bounds.allowed_policies
        if allowed and self.policy not in allowed:
            bound = ", ".join(allowed)
            problem = f"{self.policy} is outside the practice's bound, which allows {bound}"
            raise BadRule("policy", problem, f"use {bound}")

    def weigh(self, case: Case) -> Decision:
        attempt, timetable = case.attempt, case.timetable
        if not attempt.by_client:
            return NOTHING
        open_now, kept = timetable.is_open(attempt.at), case.ready_at > attempt.at
        if open_now and not kept:
            return _inside(attempt.at)
        said = NOTHING if open_now else self._closed(case)
        if not open_now and not kept and self.policy in ("deliver_normal", "deliver_silent"):
            delivered = self._delivered(case)
            if delivered is not NOTHING:
                return said | delivered
        if not open_now and self.declines(case):
            declines = Reason("off_hours.policy", "policy", self.policy, label=self.other_route)
            return said | because(declines, code="declined", retry_from=timetable.next_open(attempt.at))
        return said | self._held(case)

    def _closed(self, case: Case) -> Decision:
        """Until when it is closed, and the acknowledgement of what comes meanwhile."""
        closed_until = case.timetable.next_open(case.attempt.at)
        code, rule = self._code(case), case.the(Acknowledgement)
        if code in ("hold", "waits_for_opening") or "off_hours" not in rule.on:
            return Decision(closed_until=closed_until)
        asked = rule.ask(case, Reason("off_hours.policy", "policy", code))
        return replace(asked, closed_until=closed_until)

    def _delivered(self, case: Case) -> Decision:
        """Delivered while it is closed. NOTHING: nobody would ever be told, so that it cannot be silent."""
        closed, reason = _why_closed(case), Reason("off_hours.policy", "policy", self.policy)
        at, opens_at = case.attempt.at, case.timetable.next_open(case.attempt.at)
        if self.policy == "deliver_silent" and not case.attempt.urgent:
            if opens_at is None:
                return NOTHING
            return because(closed, reason, code="silent", release_at=at, notice_at=opens_at)
        return because(closed, reason, code="at_once", release_at=at)

    def declines(self, case: Case) -> bool:
        """Whether it declines such a message when it comes outside the windows.

        What was taken once (`Attempt.ready_at`), a first contact and an enhanced tier are not declined.
        """
        attempt, tier = case.attempt, case.the(Participants).support_tier
        if self.policy != "decline_keep_draft" or attempt.urgent or attempt.ready_at is not None:
            return False
        return not case.facts.first_contact and tier != "enhanced"

    def _held(self, case: Case) -> Decision:
        """Kept until the next opening, by the policy or because limits keep it back."""
        opens_at = case.timetable.next_open(case.ready_at)
        if opens_at == case.ready_at:
            return _inside(opens_at)
        closed, policy = _why_closed(case), Reason("off_hours.policy", "policy", self._code(case))
        if opens_at is None:
            return because(closed, policy, code="no_future_window")
        by = {"code": policy, "release_at": closed}
        return Decision(code="held", release_at=opens_at, because=tuple(sorted((closed, policy))), by=by)

    def _code(self, case: Case) -> str:
        """As what this policy holds a message."""
        if self.policy in ("hold", "hold_with_ack"):
            return self.policy
        if self.policy == "decline_keep_draft" and not case.timetable.is_open(case.attempt.at):
            if case.the(Participants).support_tier == "enhanced":
                return "enhanced_kept"
            if case.facts.first_contact:
                return "first_contact_kept"
        return "waits_for_opening"

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "policy", teller(self.policy)
        if self.other_route:
            yield "other_route", teller("other_route", route=self.other_route)


def _inside(release_at: datetime) -> Decision:
    inside = Reason("window.weekly", "windows", "inside_window")
    return Decision(release_at=release_at, because=(inside,), by={"code": inside, "release_at": inside})


def _why_closed(case: Case) -> Reason:
    """A closed date, by its name, or simply outside the windows."""
    closing = case.timetable.closing(case.ready_at, case.attempt.at)
    if closing is None:
        return Reason("window.weekly", "windows", "outside_windows")
    return Reason(closing.kind, "*", "closed_date", place=closing.place, label=closing.label)
