"""What a body says, as text that a person can read wherever there is nothing but text. Pure.

What is not somebody's own sentence stands in brackets, so that nobody takes it for one.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import instant
from etherapy.rules.calendar import zone as zone_named
from etherapy.tep.kinds import (
    Act,
    Answer,
    Body,
    Change,
    HistoryOpened,
    Measure,
    Notice,
    Proposal,
    Reaction,
    SafetyPlan,
    Text,
    parse_body,
)
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Kind, Payload

TAKEN_BACK = "[taken back by its author after it was read]"
UNKNOWN = "[this needs a newer program]"

_NOUNS: Mapping[int, str] = {
    Kind.TEXT: "a text",
    Kind.CHECK_IN: "a check-in",
    Kind.SAFETY_PLAN: "a safety plan",
    Kind.APPOINTMENT: "an appointment",
    Kind.REACTION: "a reaction",
    Kind.EDIT: "a change to an earlier message",
    Kind.NOTICE: "a notice",
    Kind.GRANT_NOTICE: "a notice about the history",
}
_ACTS: Mapping[int, str] = {
    Act.ACCEPT: "accepts the appointment",
    Act.DECLINE: "declines the appointment",
    Act.CANCEL: "cancels the appointment",
}


def text_of(payload: Payload) -> str:
    """The text to show for a payload, whatever its kind, also for one that is malformed or unknown."""
    if payload.kind not in Kind._value2member_map_:
        return UNKNOWN
    try:
        body = parse_body(payload)
    except Malformed:
        return f"[{_NOUNS[payload.kind]} that this program cannot make sense of]"
    return "[attachments; this program cannot open them yet]" if body is None else words_of(body)


def words_of(body: Body) -> str:
    """The text to show for a body."""
    return "\n".join(_WORDS[type(body)](body))


def wall_time(at: datetime, zone: str) -> str:
    """An instant on the wall of a zone that somebody else named; in UTC where there is no such zone here."""
    try:
        place, shown = zone_named(zone), zone
    except BadRule:
        place, shown = zone_named("UTC"), "UTC"
    return f"{at.astimezone(place):%a %-d %b %Y, %H:%M} ({shown})"


def _text(body: Text) -> Iterator[str]:
    yield body.text


def _change(body: Change) -> Iterator[str]:
    if body.text is None:
        yield "[takes an earlier message back, after it was read]"
    else:
        yield "[changes an earlier message; it now says:]"
        yield body.text


def _reaction(body: Reaction) -> Iterator[str]:
    yield "[takes a reaction back]" if body.sign is None else f"[reacts with {body.sign}]"


def _proposal(body: Proposal) -> Iterator[str]:
    when = wall_time(instant(body.start), body.zone)
    where = f", {body.place}" if body.place else ""
    yield f"[proposes an appointment: {when}, {body.minutes} minutes{where}]"
    if body.note:
        yield body.note


def _answer(body: Answer) -> Iterator[str]:
    yield f"[{_ACTS[body.act]}]"
    if body.note:
        yield body.note


def _plan(body: SafetyPlan) -> Iterator[str]:
    yield f"[safety plan, version {body.version}]"
    for step, entries in body.steps().items():
        if entries:
            yield f"{step}:"
            yield from (f"  - {one}" for one in entries)


def _measure(body: Measure) -> Iterator[str]:
    yield f"[check-in {body.instrument}, taken {instant(body.taken_at):%-d %b %Y, %H:%M} UTC]"
    if body.scores:
        yield "scores: " + ", ".join(f"{name} {score}" for name, score in body.scores)
    if body.answers:
        yield "answers: " + ", ".join(f"{item}: {score}" for item, score in body.answers)


def _notice(body: Notice) -> Iterator[str]:
    yield "[notice]"
    yield body.text


def _history(body: HistoryOpened) -> Iterator[str]:
    which = f"epoch {body.first}" if body.first == body.last else f"epochs {body.first} to {body.last}"
    yield f"[the history was opened to device {body.device.hex()[:8]}: {which}]"


_WORDS: Mapping[type[Body], Callable[[Any], Iterator[str]]] = {
    Text: _text,
    Change: _change,
    Reaction: _reaction,
    Proposal: _proposal,
    Answer: _answer,
    SafetyPlan: _plan,
    Measure: _measure,
    Notice: _notice,
    HistoryOpened: _history,
}
