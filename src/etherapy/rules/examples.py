"""What rules give for two example messages, so that "24 hours" is agreed with dates and not with words."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from etherapy.rules.calendar import first_instant, instant, local_ordinal, milliseconds, wall_minute, zone
from etherapy.rules.decision import Decision
from etherapy.rules.judgement import decide
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.languages import ENGLISH
from etherapy.rules.moments import show_moment
from etherapy.rules.readings import readings
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Facts
from etherapy.rules.targets import BusinessDays, WallHours, WindowMinutes
from etherapy.rules.words import Words

_FRIDAY, _TUESDAY = 4, 1
_WHEN = ((_FRIDAY, 16 * 60), (_TUESDAY, 23 * 60))
"""Weekday and minute on the schedule's wall: before a weekend, and at night."""


_READINGS = {
    ("wall_hours", False): "reading_wall_hours",
    ("business_days", False): "reading_same_time",
    ("business_days", True): "reading_end",
    ("window_minutes", False): "reading_window_minutes",
}
END_OF_DAY = "end_of_last_segment"
Show = Callable[[datetime], str]


class Example(NamedTuple):
    """A client's message at some time, and what would be decided of it."""

    at: datetime
    decision: Decision


def examples(rules: Rules, at: datetime) -> tuple[Example, ...]:
    """A message on the next Friday at 16:00, and one on the Tuesday after that at 23:00."""
    sent, found = at, []
    for weekday, minute in _WHEN:
        sent = _next(rules.timetable.zone_name, sent, weekday, minute)
        found.append(Example(sent, decide(rules, Attempt(sent, by_client=True), Facts())))
    return tuple(found)


def example_lines(rules: Rules, at: datetime, words: Words = ENGLISH, zone_there: str = "") -> Iterator[str]:
    """A line for each of the examples, with the times of the practice and, where given, of another zone.

    The first tells also what else its hours or days could be taken to mean.
    """
    here = rules.timetable.zone_name
    for number, example in enumerate(examples(rules, at)):
        show = _shower(example.at, words, here, zone_there or here)
        others = "" if number else _other_readings(rules, example, words, show)
        yield f"{_line(example, words, show)} {others}".rstrip()


def _shower(at: datetime, words: Words, here: str, there: str) -> Show:
    return lambda moment: show_moment(moment, here, there, words.say("whose_therapist"), words, at)


def _line(example: Example, words: Words, show: Show) -> str:
    at, decision = example
    said = {"sent": show(at)}
    if decision.code == "declined":
        if decision.retry_from is None:
            return words.say("example_declined", **said)
        return words.say("example_declined_until", **said, retry=show(decision.retry_from))
    if decision.release_at is None:
        return words.say("example_never", **said)
    reply = "" if decision.reply_by is None else show(decision.reply_by)
    ending = words.say("example_reply", reply=reply) if reply else words.say("example_no_reply")
    if decision.release_at == at:
        return words.say("example_at_once", **said, ending=ending)
    return words.say("example_held", **said, release=show(decision.release_at), ending=ending)


def _other_readings(rules: Rules, example: Example, words: Words, show: Show) -> str:
    """What the hours or days of the target could also be taken to mean; empty where they count neither."""
    at, decision = example
    hours = _hours(rules.the(ResponseTarget, at).target)
    if not hours or decision.reply_by is None:
        return ""
    found = [
        words.say(_READINGS[document["count"], document.get("at") == END_OF_DAY], reply=show(due))
        for document, due in readings(hours, rules.timetable, at)
        if due is not None and due != decision.reply_by
    ]
    said = words.count(hours, "hour")
    return words.say("example_others", hours=said, others="; ".join(found)) if found else ""


def _hours(target: object) -> int:
    """The hours of which a target speaks, a day as 24; 0 where it speaks of none."""
    match target:
        case WallHours(n=n):
            return n
        case BusinessDays(n=n):
            return 24 * n
        case WindowMinutes(n=n) if n % 60 == 0:
            return n // 60
    return 0


def _next(zone_name: str, after: datetime, weekday: int, minute: int) -> datetime:
    """The first instant after another at which the wall shows that weekday and minute."""
    place = zone(zone_name)
    today = local_ordinal(place, milliseconds(after))
    for ordinal in range(today, today + 9):
        found = instant(first_instant(place, wall_minute(ordinal, minute)))
        if (ordinal + 6) % 7 == weekday and found > after:
            return found
    return after + timedelta(days=7)  # a zone that skipped that date
