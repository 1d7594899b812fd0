"""Whom an urgent message calls, and what became of that, in words for its sender: what is recorded, no more.

No line says that help comes, and none that somebody was told before they acknowledged (clinic.md 4.4).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from etherapy.rules.calendar import zone
from etherapy.rules.decision import Decision
from etherapy.rules.kinds.urgent_channel import UrgentChannel
from etherapy.rules.moments import show_date
from etherapy.rules.resolved import Rules
from etherapy.rules.telling import Teller
from etherapy.rules.words import Words

_SENT = ("alert_sent", "second_alerted")


def who_is_called(decision: Decision, rules: Rules, words: Words) -> list[str]:
    """Before an urgent message is sent: who is alerted and when, or what is to be known where nobody is."""
    if decision.code != "urgent" or decision.accepted_at is None:
        return []
    told = dict(rules.the(UrgentChannel, decision.accepted_at).tell(Teller(words, "urgent.channel")))
    on_call = any(
        reason.kind == "urgent.channel" and reason.words == "on_call" for reason in decision.because
    )
    wanted = ("steps", "confirm_text") if on_call else ("no_on_call_text", "confirm_text")
    return [told[field] for field in wanted if field in told]


class Alerted(NamedTuple):
    """Somebody to whom an alert was sent."""

    name: str
    sent_at: datetime
    seen_at: datetime | None
    """When they acknowledged it."""


def alert_lines(
    alerted: Sequence[Alerted], unanswered: bool, accepted_at: datetime, zone_name: str, words: Words
) -> list[str]:
    """One line for each thing that happened, in its order, and what is still missing at the end.

    Times are on the wall of `zone_name`, with the date where it is not that of the message.
    """
    if not alerted:
        return [words.say("urgent.channel.nobody_called")]
    wall = _Wall(accepted_at, zone_name, words)
    lines = list(_events(alerted, wall, words))
    if unanswered:
        lines.append(words.say("urgent.channel.nobody_yet"))
    elif all(one.seen_at is None for one in alerted):
        lines.append(words.say("urgent.channel.not_yet"))
    return lines


def _events(alerted: Sequence[Alerted], wall: "_Wall", words: Words) -> Iterator[str]:
    events: list[tuple[datetime, str, str]] = []
    for place, one in enumerate(alerted):
        code = _SENT[place] if place < len(_SENT) else "another_alerted"
        events.append((one.sent_at, code, one.name))
        if one.seen_at is not None:
            events.append((one.seen_at, "alert_seen", one.name))
    for at, code, name in sorted(events, key=lambda event: (event[0], event[1] == "alert_seen")):
        yield words.say(f"urgent.channel.{code}", time=wall.show(at), name=name)


class _Wall:
    """Times of day as a clock shows them, such as `03:15`."""

    def __init__(self, begins: datetime, zone_name: str, words: Words) -> None:
        self._place = zone(zone_name)
        self._first = begins.astimezone(self._place).date()
        self._words = words

    def show(self, at: datetime) -> str:
        local = at.astimezone(self._place)
        time = f"{local.hour:02d}:{local.minute:02d}"
        if local.date() == self._first:
            return time
        day = show_date(local.date(), self._words, with_year=False)
        return self._words.say("moment_there", date=day, time=time)
