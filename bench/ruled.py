"""Rules to decide by: few, many, and some of every kind."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from etherapy.rules import Facts
from etherapy.rules.rule import Counted

Documents = list[dict[str, Any]]
_WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
_ZONE = "America/New_York"
_FIRST = date(2026, 6, 2)
FIRST_RUN = b"run 00000000"
"""A label inside all of them, so that a run can have rules that were never seen before."""

ORDINARY: Documents = [
    {
        "kind": "window.weekly",
        "zone": _ZONE,
        "windows": [{"days": _WORKDAYS, "start": "09:00", "end": "17:00"}],
    },
    {
        "kind": "holiday.calendar",
        "snapshot": "us-2026",
        "dates": [
            {"date": day, "label": "run 00000000"} for day in ("2026-06-19", "2026-07-03", "2026-09-07")
        ],
    },
    {"kind": "response.target", "target": {"count": "business_days", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
]


def _fifty() -> Documents:
    """Ten short windows on each workday."""
    return [
        {"days": [day], "start": f"{8 + hour:02}:00", "end": f"{8 + hour:02}:45"}
        for day in _WORKDAYS
        for hour in range(10)
    ]


def _exceptions(count: int) -> Documents:
    """One on each of so many dates, of each effect in turn."""
    found: Documents = []
    for number in range(count):
        effect = ("closed", "replace", "add")[number % 3]
        windows = [] if effect == "closed" else [{"start": "18:00", "end": "19:00"}]
        day = (_FIRST + timedelta(days=2 * number)).isoformat()
        rule = {"kind": "window.exception", "date": day, "effect": effect, "windows": windows}
        found.append(rule | {"label": "run 00000000"})
    return found


def _band(begins: str, until: str, offset: int, due: str) -> dict[str, Any]:
    """A band of a cut-off table on workdays."""
    return {"days": _WORKDAYS, "from": begins, "until": until, "due_day_offset": offset, "due_time": due}


MANY: Documents = [
    {"kind": "window.weekly", "zone": _ZONE, "windows": _fifty()},
    *_exceptions(200),
    *ORDINARY[2:],
]

_BUSY_SENT = 20


def facts_of(documents: Documents) -> Facts:
    """What is known of the thread: earlier messages, where the rules count them."""
    if documents is not BUSY:
        return Facts()
    begun = datetime(2026, 5, 20, 12, tzinfo=UTC)
    moments = [begun + timedelta(hours=7 * number) for number in range(_BUSY_SENT)]
    return Facts(sent=tuple(Counted(at, at, size=1024, turn=nr // 3) for nr, at in enumerate(moments)))


def at_once(documents: Documents) -> Documents:
    """Rules of the scene, with the zone that its practice has."""
    return [{**document, "zone": _ZONE} for document in documents]


BUSY: Documents = [
    *ORDINARY[:2],
    {"kind": "window.exception", "date": "2026-06-05", "effect": "closed", "label": "staff day"},
    {
        "kind": "absence",
        "away_from": "2026-08-10",
        "back_on": "2026-08-15",
    },
    {
        "kind": "response.target",
        "target": {
            "count": "cutoff_table",
            "bands": [
                _band("07:00", "11:00", 0, "15:00"),
                _band("11:00", "16:00", 0, "19:00"),
                _band("16:00", "07:00", 1, "10:00"),
            ],
        },
        "by_kind": {"letter": {"count": "next_windows", "n": 3}},
        "longer": [{"above_bytes": 4096, "target": {"count": "business_days", "n": 2}}],
    },
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
    {"kind": "ack", "on": ["off_hours", "over_budget", "first_of_turn"]},
    {"kind": "budget.count", "limits": [{"n": 40, "per": "month"}, {"n": 9, "per": "week"}]},
    {"kind": "budget.length", "message_bytes": 8192, "over": "count_double"},
    {"kind": "budget.exchange", "exchanges": 30, "package_from": "2026-05-01"},
    {"kind": "pacing", "min_interval_minutes": 1, "coalesce_minutes": 30, "recall_minutes": 5},
    {"kind": "pacing.escalation", "most": 12, "hours": 24, "times": 3},
    {"kind": "kinds", "client": ["message", "logistics", "letter"]},
    {"kind": "media", "enabled": True, "per_week": 5},
    {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"},
    {"kind": "visibility"},
    {"kind": "review", "every_weeks": 6, "first": "2026-06-15"},
    {"kind": "participants", "guardian": "logistics"},
    {"kind": "urgent.channel", "confirm_card": True},
    {"kind": "measure.offer", "every_weeks": 2, "first": "2026-06-01"},
    {"kind": "phase", "phases": [{"name": "standard"}]},
    {"kind": "bounds", "longest_wait_days": 5},
    {"kind": "emergency", "region": "US"},
]
"""Something of every kind that a sheet can hold, with limits that look at what was sent before."""
