"""Rules in words, as far as a document sets them: what it leaves open is another layer's to say."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from etherapy.cli.saying import count
from etherapy.rules.windows import WEEKDAYS

Document = Mapping[str, Any]


def show_rules(rules: Iterable[Document]) -> list[str]:
    """One line for each rule; one of a kind that is not known here is shown as it is written."""
    return [show_rule(rule) for rule in rules]


def show_rule(rule: Document) -> str:
    """One rule as a line."""
    said = _KINDS[rule["kind"]](rule) if rule.get("kind") in _KINDS else ""
    return said or msgspec.json.encode(rule).decode()


def _weekly(rule: Document) -> str:
    where = f" in {rule['zone']}" if rule.get("zone") else ""
    if "windows" not in rule:
        return f"hours are{where}" if where else ""
    hours = ", ".join(f"{_days(one['days'])} {_hours(one)}" for one in rule["windows"])
    return f"hours: {hours or 'none by the week'}{where}"


def _exception(rule: Document) -> str:
    hours = ", ".join(map(_hours, rule.get("windows", ())))
    effect = {"closed": "closed", "replace": f"{hours or 'no hours'} instead", "add": f"also {hours}"}
    label = f" ({rule['label']})" if rule.get("label") else ""
    return f"on {rule['date']}: {effect[rule['effect']]}{label}"


def _holidays(rule: Document) -> str:
    days = sorted(day["date"] for day in rule.get("dates", ()))
    span = f", {days[0]} to {days[-1]}" if days else ""
    return f"holidays: {count(len(days), 'closed date')}{span} ({rule['snapshot']})"


def _off_hours(rule: Document) -> str:
    policies = {
        "hold": "held until the next opening",
        "hold_with_ack": "held until the next opening, with an automatic acknowledgement",
        "deliver_normal": "delivered at once",
    }
    return f"outside the hours: {policies[rule['policy']]}" if rule.get("policy") in policies else ""


def _target(rule: Document) -> str:
    firm = {True: " (firm)", False: " (a plan)"}.get(rule.get("firm", ""), "")
    target = rule.get("target", {})
    n, at = target.get("n", 0), target.get("at", "end_of_last_segment")
    when = "the end of its hours" if at == "end_of_last_segment" else at
    targets = {
        "window_minutes": f"within {count(n, 'open minute')}",
        "business_days": f"{count(n, 'working day')} later, by {when}"
        if n
        else f"on the same day, by {when}",
        "next_windows": f"by the end of the {count(n, 'window')} after that"
        if n
        else "by the end of the window",
        "wall_hours": f"within {count(n, 'hour')}, nights included",
        "none": "by no certain time",
    }
    said = targets.get(target.get("count", ""))
    return f"an answer: {said}{firm}" if said else ""


def _emergency(rule: Document) -> str:
    text = f'"{rule["text"]}"' if rule.get("text") else ""
    card = f"crisis card of {rule['region']}" if rule.get("region") else ""
    said = ", ".join(filter(None, (text, card)))
    return f"in an emergency: {said}" if said else ""


def _ack(rule: Document) -> str:
    return "acknowledged once in each closed period" if rule.get("throttle") == "closed_period" else ""


def _bounds(rule: Document) -> str:
    days = rule.get("longest_wait_days")
    return "" if days is None else f"warned of as a long wait: more than {count(days, 'day')}"


_KINDS: dict[str, Callable[[Document], str]] = {
    "window.weekly": _weekly,
    "window.exception": _exception,
    "holiday.calendar": _holidays,
    "off_hours.policy": _off_hours,
    "response.target": _target,
    "emergency": _emergency,
    "ack": _ack,
    "bounds": _bounds,
}


def _hours(window: Document) -> str:
    return f"{window['start']} to {window['end']}"


def _days(days: Iterable[str]) -> str:
    """`Mon to Fri, Sun`: neighbours of three and more as a span."""
    places = sorted(WEEKDAYS.index(day) for day in days)
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    names = [[WEEKDAYS[place].title() for place in run] for run in runs]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in names)
