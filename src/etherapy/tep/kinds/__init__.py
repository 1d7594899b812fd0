"""The bodies of payloads, one declaration a kind (tep.md §5.6).

Kinds stand inside the sealed payload only; outside there is nothing but the service class.
"""

from collections.abc import Callable, Mapping

from etherapy.tep.kinds.body import Body
from etherapy.tep.kinds.care import Measure, SafetyPlan
from etherapy.tep.kinds.meeting import Act, Answer, Proposal, parse_appointment, propose
from etherapy.tep.kinds.notices import HistoryOpened, Notice
from etherapy.tep.kinds.writing import Change, Reaction, Text
from etherapy.tep.payload import Kind, Payload

__all__ = [
    "READERS",
    "Act",
    "Answer",
    "Body",
    "Change",
    "HistoryOpened",
    "Measure",
    "Notice",
    "Proposal",
    "Reaction",
    "SafetyPlan",
    "Text",
    "kind_of",
    "parse_body",
    "propose",
]

READERS: Mapping[int, Callable[[object], Body]] = {
    Kind.TEXT: Text.parse,
    Kind.CHECK_IN: Measure.parse,
    Kind.SAFETY_PLAN: SafetyPlan.parse,
    Kind.APPOINTMENT: parse_appointment,
    Kind.REACTION: Reaction.parse,
    Kind.EDIT: Change.parse,
    Kind.NOTICE: Notice.parse,
    Kind.GRANT_NOTICE: HistoryOpened.parse,
}
"""Attachments have no body of their own yet; kinds that are not in `Kind` are newer than this program."""

_KINDS: Mapping[type[Body], Kind] = {
    Text: Kind.TEXT,
    Measure: Kind.CHECK_IN,
    SafetyPlan: Kind.SAFETY_PLAN,
    Proposal: Kind.APPOINTMENT,
    Answer: Kind.APPOINTMENT,
    Reaction: Kind.REACTION,
    Change: Kind.EDIT,
    Notice: Kind.NOTICE,
    HistoryOpened: Kind.GRANT_NOTICE,
}


def parse_body(payload: Payload) -> Body | None:
    """What a payload says; None for a kind without a declared body. Malformed: not the form of its kind."""
    read = READERS.get(payload.kind)
    return None if read is None else read(payload.body)


def kind_of(body: Body) -> Kind:
    """The kind under which a body travels."""
    return _KINDS[type(body)]
