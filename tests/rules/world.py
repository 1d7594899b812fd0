"""The fixed world of the scenarios (T1, T2, N), as layers, and short ways to ask it something."""

from datetime import UTC, datetime
from typing import Any

from etherapy.rules import Attempt, Decision, Facts, Layer, Rules, decide, resolve

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]

US_HOLIDAYS = {
    "kind": "holiday.calendar",
    "snapshot": "us-federal-2026",
    "dates": [
        {"date": "2026-07-03", "label": "Independence Day (observed)"},
        {"date": "2026-10-12", "label": "Columbus Day"},
    ],
}
ENGLAND_HOLIDAYS = {
    "kind": "holiday.calendar",
    "snapshot": "england-2026",
    "dates": [
        {"date": date, "label": "Bank holiday"}
        for date in (
            *("2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25"),
            *("2026-08-31", "2026-12-25", "2026-12-28", "2027-01-01"),
        )
    ],
}


def weekly(zone: str, *windows: tuple[list[str], str, str]) -> dict[str, Any]:
    """A rule of weekly windows as JSON."""
    listed = [{"days": days, "start": start, "end": end} for days, start, end in windows]
    return {"kind": "window.weekly", "zone": zone, "windows": listed}


def rules_of(*therapist: dict[str, Any], practice: tuple[dict[str, Any], ...] = ()) -> Rules:
    """Rules of a therapist over those of a practice."""
    return resolve([Layer("practice", practice), Layer("therapist", therapist)])


def target(count: str, **numbers: Any) -> dict[str, Any]:
    """A response target as JSON."""
    return {"kind": "response.target", "target": {"count": count, **numbers}}


def policy(name: str) -> dict[str, Any]:
    """An off-hours policy as JSON."""
    return {"kind": "off_hours.policy", "policy": name}


VALE_HOURS = weekly("America/New_York", (WORKDAYS, "09:00", "17:00"))
VALE = rules_of(
    VALE_HOURS,
    US_HOLIDAYS,
    target("business_days", n=1, at="end_of_last_segment"),
    policy("hold_with_ack"),
)
HART = rules_of(
    weekly("Europe/London", (["mon", "wed", "fri"], "10:00", "12:00")),
    ENGLAND_HOLIDAYS,
    target("next_windows", n=1),
    policy("hold_with_ack"),
)
NIGHT_LINE = rules_of(
    weekly("America/New_York", (["sat"], "22:00", "03:00")),
    target("window_minutes", n=120),
    policy("hold"),
)


def utc(text: str) -> datetime:
    """An instant written as `2026-06-02T03:40` in UTC, with seconds or without."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def client_sends(rules: Rules, at: str, facts: Facts | None = None, **attempt: Any) -> Decision:
    """The decision on a client's message."""
    return decide(rules, Attempt(utc(at), by_client=True, **attempt), facts or Facts())


def words_of(decision: Decision) -> set[str]:
    """The codes of all reasons."""
    return {reason.words for reason in decision.because}
