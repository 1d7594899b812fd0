"""The budget of messages: how many in a day, a week, a month or some hours."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.budget_periods import (
    Limit,
    Meter,
    asked,
    check_hours,
    class_of,
    counted_from,
    counting,
    first_room,
    leader_of,
    leading,
    periods_of,
    reach,
    room_in_all,
)
from etherapy.rules.calendar import instant, milliseconds, zone
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.acknowledgement import acknowledge_over
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.budget_length import BudgetLength
from etherapy.rules.kinds.message_kinds import CLASS_WORDS, listed_classes
from etherapy.rules.kinds.pacing import Pacing
from etherapy.rules.rule import Case, Counted, Rule, ServiceClassName
from etherapy.rules.telling import Teller
from etherapy.rules.windows import Weekday

_HOURS_OF = {"day": 24, "week": 168, "month": 730}


class BudgetCount(Rule, frozen=True, kw_only=True, tag="budget.count"):
    """How many messages of the client count in a period (R-10); without limits there is none.

    Accepted messages count that are not exempt, urgent or taken back, one that was deferred in the period to
    which it was deferred. Where there are several limits, all must have room.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "counted": "It counts in the agreed number of messages.",
            "coalesced": "It counts together with the message just before it.",
            "deferred": "The agreed number of messages is used, so it waits for the next period with room.",
            "budget_exhausted": "The agreed number of messages is used.",
            "over_flagged": "It is more than the agreed number of messages, and is delivered all the same.",
            "per_day": "At most {count} a day{kinds}.",
            "per_week": "At most {count} a week{kinds}.",
            "per_month": "At most {count} a month{kinds}.",
            "per_hours": "At most {count} in any {hours}{kinds}.",
            "of_kinds": " ({kinds} only)",
            "exempt": "Not counted: {kinds}, and urgent messages.",
            "urgent_exempt": "Urgent messages are not counted.",
            "week_starts": "The week begins at midnight: {day}.",
            "zone": "Days, weeks and months of this number begin at midnight in {zone}.",
            "over_decline_keep_draft": "What is more is not sent; the draft is kept on the device.",
            "over_defer_to_next_period": "What is more waits for the next period and counts in that one.",
            "over_accept_and_flag": "What is more is delivered all the same, and the client is told so.",
            **CLASS_WORDS["en"],
        },
        "de": {
            "counted": "Sie zählt zur vereinbarten Zahl von Nachrichten.",
            "coalesced": "Sie zählt zusammen mit der Nachricht kurz davor.",
            "deferred": "Die vereinbarte Zahl von Nachrichten ist erreicht. Sie wartet auf den nächsten "
            "Zeitraum, in dem Platz ist.",
            "budget_exhausted": "Die vereinbarte Zahl von Nachrichten ist erreicht.",
            "over_flagged": "Es sind mehr Nachrichten als vereinbart. Sie wird trotzdem zugestellt.",
            "per_day": "Höchstens {count} am Tag{kinds}.",
            "per_week": "Höchstens {count} in der Woche{kinds}.",
            "per_month": "Höchstens {count} im Monat{kinds}.",
            "per_hours": "Höchstens {count}{kinds} in einem Zeitraum dieser Länge: {hours}.",
            "of_kinds": " (nur {kinds})",
            "exempt": "Nicht gezählt: {kinds} und dringende Nachrichten.",
            "urgent_exempt": "Dringende Nachrichten werden nicht gezählt.",
            "week_starts": "Die Woche beginnt um Mitternacht: {day}.",
            "zone": "Tage, Wochen und Monate dieser Zahl beginnen um Mitternacht in {zone}.",
            "over_decline_keep_draft": "Was darüber ist, wird nicht gesendet. Der Entwurf bleibt auf dem "
            "Gerät.",
            "over_defer_to_next_period": "Was darüber ist, wartet auf den nächsten Zeitraum und zählt in "
            "diesem.",
            "over_accept_and_flag": "Was darüber ist, wird trotzdem zugestellt. Das wird der Klientin oder "
            "dem Klienten gesagt.",
            **CLASS_WORDS["de"],
        },
    }

    limits: Annotated[tuple[Limit, ...], Meta(max_length=20)] = ()
    week_starts: Weekday = "mon"
    zone: str = ""
    """Of the periods; empty: the schedule's."""
    exempt: tuple[ServiceClassName, ...] = ()
    over: Literal["decline_keep_draft", "defer_to_next_period", "accept_and_flag"] = "defer_to_next_period"

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)

    def check(self) -> None:
        for number, limit in enumerate(self.limits):
            check_hours(limit.per, limit.hours, f"limits[{number}].hours")

    def within(self, bounds: Bounds) -> None:
        least = bounds.min_budget_per_week
        for number, limit in enumerate(self.limits):
            counts = "message" not in self.exempt and (not limit.kinds or "message" in limit.kinds)
            hours = limit.hours or _HOURS_OF[limit.per]
            if counts and limit.n * 168 < least * hours:
                a_week = limit.n * 168 // hours
                raise BadRule(
                    f"limits[{number}].n",
                    f"{limit.n} allows {a_week} messages a week, the practice's bound is {least}",
                    f"allow at least {-(-least * hours // 168)}",
                )

    def lookback(self) -> timedelta:
        return max((reach(limit.per, limit.hours) for limit in self.limits), default=timedelta())

    def limit(self, case: Case) -> Decision:
        meters = self._meters(case)
        if not meters:
            return NOTHING
        first = self._joins(case)
        if first is not None:
            return self._with(first, meters, case)
        at, ready, weight = milliseconds(case.attempt.at), room_in_all(case), self._weight(case, asked(case))
        has_room = first_room(meters, weight, at) == at
        if not has_room and self.over == "decline_keep_draft":
            exhausted = Reason("budget.count", "limits", "budget_exhausted")
            return because(exhausted, code="declined", left=0, retry_from=instant(ready))
        counts_at, left = instant(ready), min(meter.left(weight, ready) for meter in meters)
        if has_room:
            counted = Reason("budget.count", "limits", "counted")
            return because(counted, left=left, counts_at=counts_at)
        if self.over == "accept_and_flag":
            flagged = Reason("budget.count", "over", "over_flagged")
            return because(flagged, left=left, counts_at=counts_at) | acknowledge_over(case)
        deferred = Reason("budget.count", "over", "deferred")
        said = because(deferred, left=left, counts_at=counts_at, not_before=counts_at)
        return said | acknowledge_over(case)

    def room(self, case: Case, at: int) -> int:
        """The first instant from `at` on at which all limits have room; `budget_periods.Budget`."""
        meters = [] if self.over == "accept_and_flag" else self._meters(case)
        if not meters or self._joins(case) is not None:
            return at
        return first_room(meters, self._weight(case, asked(case)), at)

    def _with(self, first: Counted, meters: Sequence[Meter], case: Case) -> Decision:
        """What counts together with an earlier message goes no sooner than that, and uses nothing."""
        at = milliseconds(case.attempt.at)
        ready = max(at, counted_from(first))
        reason, counts_at = Reason("budget.count", "limits", "coalesced"), instant(ready)
        said = because(reason, left=min(meter.left(0, ready) for meter in meters), counts_at=counts_at)
        return said | because(reason, not_before=counts_at) if ready > at else said

    def _joins(self, case: Case) -> Counted | None:
        """The message with which this one counts together."""
        together = case.the(Pacing).together
        return leader_of(leading(counting(case, self.exempt), together), asked(case), together)

    def _meters(self, case: Case) -> list[Meter]:
        """The limits that count the message, each with what is used of it."""
        kind = case.attempt.kind
        if not case.attempt.by_client or kind in self.exempt:
            return []
        limits = [limit for limit in self.limits if not limit.kinds or kind in limit.kinds]
        if not limits:
            return []
        rows = leading(counting(case, self.exempt), case.the(Pacing).together)
        place = self.zone or case.timetable.zone_name
        return [
            Meter(
                limit.n,
                periods_of(limit.per, limit.hours, place, self.week_starts),
                [
                    (counted_from(row), self._weight(case, row))
                    for row in rows
                    if not limit.kinds or class_of(row) in limit.kinds
                ],
            )
            for limit in limits
        ]

    def _weight(self, case: Case, row: Counted) -> int:
        """A message that is longer than agreed can count as two (R-11)."""
        return 2 if case.the(BudgetLength).doubles(row) else 1

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if not self.limits:
            return
        for limit in self.limits:
            yield "limits", self._tell_limit(limit, teller)
        if any(limit.per == "week" for limit in self.limits):
            yield "week_starts", teller("week_starts", day=teller.days((self.week_starts,)))
        if self.zone:
            yield "zone", teller("zone", zone=self.zone)
        if self.exempt:
            yield "exempt", teller("exempt", kinds=listed_classes(self.exempt, teller))
        else:
            yield "exempt", teller("urgent_exempt")
        yield "over", teller(f"over_{self.over}")

    def _tell_limit(self, limit: Limit, teller: Teller) -> str:
        kinds = teller("of_kinds", kinds=listed_classes(limit.kinds, teller)) if limit.kinds else ""
        hours = teller.count(limit.hours or 0, "hour")
        return teller(f"per_{limit.per}", count=teller.count(limit.n, "message"), kinds=kinds, hours=hours)
