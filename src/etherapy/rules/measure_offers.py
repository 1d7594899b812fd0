"""Whether a measure is offered now, by the rules of a thread (R-26). Pure: the instant is handed in."""

from datetime import date, datetime, timedelta
from typing import Final, Literal

import msgspec

from etherapy.rules.kinds.measure_offer import MeasureOffer
from etherapy.rules.resolved import Rules

RISK_BEARING: Final = frozenset({"phq-9", "core-10"})
"""Instruments of which one item asks about danger (clinic.md 6.3); a practice's own are named by who asks."""
Why = Literal["offered", "not_due", "schedule_over", "opening_too_far", "no_opening"]


class Offer(msgspec.Struct, frozen=True):
    """Whether to ask now. `next_at`: from when on to look again; None: nobody knows."""

    now: bool
    next_at: datetime | None
    why: Why


def offer_at(rules: Rules, at: datetime, risk_bearing: bool, last: date | None = None) -> Offer:
    """Whether a measure is offered at an instant; `last`: the date on which it was answered before.

    A risk-bearing one needs an opening within `risk_hours`. The same goes for reminders of it.
    """
    rule = rules.the(MeasureOffer, at)
    today = rules.timetable.date_of(at)
    due = today if rule.first is None else rule.due_by(today)
    if due is None or (rule.first is not None and last is not None and last >= due):
        following = rule.next_after(today)
        if following is None:
            return Offer(False, None, "schedule_over")
        begins = rules.timetable.midnight(following)
        return Offer(False, _near_opening(rules, begins, rule) if risk_bearing else begins, "not_due")
    if not risk_bearing:
        return Offer(True, None, "offered")
    near = _near_opening(rules, at, rule)
    if near is None:
        return Offer(False, None, "no_opening")
    return Offer(True, None, "offered") if near <= at else Offer(False, near, "opening_too_far")


def _near_opening(rules: Rules, at: datetime, rule: MeasureOffer) -> datetime | None:
    """The first instant from `at` on from which it opens within `risk_hours`; None: nothing opens."""
    opens = rules.timetable.next_open(at)
    return None if opens is None else max(at, opens - timedelta(hours=rule.risk_hours))
