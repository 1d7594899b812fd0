"""What docs/boundaries.md shows: rules as a therapist might set them, and what people then read."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from etherapy.rules import Attempt, Decision, Facts, Layer, Rules, decide, resolve
from etherapy.rules.calendar import milliseconds
from etherapy.rules.explain import Parties, acknowledge, explain_to_therapist, preview
from etherapy.rules.languages import ENGLISH, GERMAN
from etherapy.rules.moments import show_moment
from etherapy.rules.next_opening import next_opening
from etherapy.rules.readings import readings
from etherapy.rules.resolved import Cover
from etherapy.rules.rule import Counted
from etherapy.rules.sheet import rule_sheet, sheet_lines
from etherapy.rules.words import Words
from tests.rules.world import WORKDAYS, policy, target, utc, weekly

HOURS = weekly("America/New_York", (WORKDAYS, "09:00", "17:00"))
DAY_LATER = target("business_days", n=1, at="end_of_last_segment")
EMERGENCY = {"kind": "emergency", "region": "US"}
LEAVE = {
    "kind": "absence",
    "away_from": "2026-08-10",
    "back_on": "2026-08-24",
    "cover": "1d" * 16,
    "cover_name": "Dr Lind",
}
THREE_A_WEEK = {"kind": "budget.count", "limits": [{"n": 3, "per": "week"}], "over": "defer_to_next_period"}
NIGHTS_OFF = {
    "kind": "therapist.outbound",
    "quiet_start": "20:00",
    "quiet_end": "07:00",
    "override": "reason_required",
}
AT_NIGHT, BY_DAY, FRIDAY = "2026-06-02T03:40", "2026-06-02T15:00", "2026-06-05T20:00"
CLIENT = Parties("Dr Vale", "America/Chicago")
AUTHOR = Parties("", "America/Chicago", by_client=False)


def rules(*own: dict[str, Any], agreed: tuple[dict[str, Any], ...] = ()) -> Rules:
    layers = [Layer("practice", [EMERGENCY]), Layer("therapist", [HOURS, DAY_LATER, *own], 3)]
    return resolve([*layers, Layer("agreement", agreed, 1)])


def sent(found: Rules, at: str, facts: Facts | None = None, **how: Any) -> Decision:
    return decide(found, Attempt(utc(at), by_client=True, **how), facts or Facts())


def client(
    found: Rules, at: str, facts: Facts | None = None, words: Words = ENGLISH, **how: Any
) -> list[str]:
    return list(preview(sent(found, at, facts, **how), found, CLIENT, words=words).lines)


def therapist(found: Rules, at: str, facts: Facts | None = None, **how: Any) -> list[str]:
    return list(explain_to_therapist(sent(found, at, facts, **how), found, CLIENT))


def author(found: Rules, at: str, facts: Facts | None = None, **how: Any) -> list[str]:
    """What a therapist reads before they send."""
    attempt = Attempt(utc(at), by_client=False, role="therapist", **how)
    return list(preview(decide(found, attempt, facts or Facts()), found, AUTHOR).lines)


def _four_readings() -> list[str]:
    found, at = rules().timetable, utc(FRIDAY)
    names = ("24 hours on the clock", "the same time on the next open day", "the end of the next open day")
    dues = [due for _, due in readings(24, found, at)]
    zone = found.zone_name
    return [
        f"{name}: {show_moment(due, zone, zone, '', ENGLISH, at)}"
        for name, due in zip((*names, "24 hours of open time"), dues, strict=True)
        if due is not None
    ]


def _acknowledgement() -> list[str]:
    found = rules(policy("hold_with_ack"))
    return acknowledge(sent(found, AT_NIGHT), found, CLIENT).splitlines()


def _before(n: int, at: str) -> Facts:
    """So many messages since Monday."""
    begun = utc(at) - timedelta(hours=3)
    return Facts(sent=tuple(Counted(one, one, 1, 256) for one in [begun] * n))


def _covered() -> Rules:
    lind = resolve(
        [Layer("therapist", [weekly("America/Chicago", (WORKDAYS[:4], "10:00", "15:00")), DAY_LATER])]
    )
    since, until = milliseconds(utc("2026-08-07T16:00")), milliseconds(utc("2026-08-24T04:00"))
    return rules(LEAVE).covered_by([Cover("1d" * 16, "Dr Lind", since, until, lind.entries)])


def _sheet(words: Words) -> list[str]:
    found = rule_sheet(rules(THREE_A_WEEK, agreed=(policy("hold"),)), utc(AT_NIGHT), "America/Chicago", words)
    kinds = ("window.weekly", "off_hours.policy", "response.target", "budget.count")
    kept = tuple(section for section in found.sections if section.kind in kinds)
    shown = list(sheet_lines(found, words))
    start = shown.index("")
    lines = [f"{one.text}  [{one.set_by}]" for section in kept for one in section.sentences]
    return [*lines, *shown[start : start + 4], "  ...", found.wait]


def _opening() -> list[str]:
    return list(next_opening(rules(), utc(AT_NIGHT), "Dr Vale", "America/Chicago", ENGLISH).lines)


ON_CALL = {
    "kind": "urgent.channel",
    "steps": [{"callee": "1d" * 16, "name": "Dr Lind", "channel": "phone", "wait_minutes": 15}],
}
CARD = {"kind": "urgent.channel", "confirm_card": True}
PAUSED = {"kind": "pause", "by": "client", "since": "2026-06-01T12:00:00Z", "until": "2026-06-15T12:00:00Z"}
DECLINE = {**policy("decline_keep_draft"), "other_route": "Call the practice: 212-555-0100."}
THINK = {"kind": "pacing", "reflection_hours": 24}
WAITING = Facts(turn_reply_by=utc("2026-06-02T21:00"))
CLOSED_FOR_YEARS = resolve([Layer("therapist", [weekly("America/New_York")])])

EXAMPLES: dict[str, Callable[[], list[str]]] = {
    "night, client": lambda: client(rules(), AT_NIGHT),
    "night, therapist": lambda: therapist(rules(), AT_NIGHT),
    "acknowledgement": _acknowledgement,
    "silent": lambda: client(rules(policy("deliver_silent")), AT_NIGHT),
    "normal": lambda: client(rules(policy("deliver_normal")), AT_NIGHT),
    "declined": lambda: client(rules(DECLINE), AT_NIGHT),
    "four readings": _four_readings,
    "budget, inside": lambda: client(rules(THREE_A_WEEK), BY_DAY, _before(1, BY_DAY)),
    "budget, beyond": lambda: client(rules(THREE_A_WEEK), BY_DAY, _before(3, BY_DAY)),
    "quiet hours": lambda: author(rules(NIGHTS_OFF), AT_NIGHT),
    "quiet hours, at once": lambda: author(rules(NIGHTS_OFF), AT_NIGHT, at_once_because="safety"),
    "reflection": lambda: author(rules(THINK), BY_DAY, WAITING),
    "leave": lambda: client(rules(LEAVE), "2026-08-07T20:00"),
    "cover": lambda: client(_covered(), "2026-08-11T03:40"),
    "urgent, on call": lambda: client(rules(ON_CALL), AT_NIGHT, urgent=True),
    "urgent, nobody": lambda: client(rules(CARD), AT_NIGHT, urgent=True),
    "paused": lambda: client(rules(agreed=(PAUSED,)), BY_DAY),
    "sheet": lambda: _sheet(ENGLISH),
    "sheet, German": lambda: _sheet(GERMAN),
    "next opening": _opening,
    "no opening": lambda: client(CLOSED_FOR_YEARS, AT_NIGHT),
}
