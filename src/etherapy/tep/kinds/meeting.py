"""Appointments: one person proposes, the others answer (tep.md §5.6).

The instant decides; the zone only says on whose wall the proposal was meant, so that a change of daylight
saving time between proposing and meeting moves nobody.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from etherapy.tep.kinds.body import Body, line, named, part, prose
from etherapy.tep.kinds.writing import mid
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import instant, uint


class Act(IntEnum):
    """What is done with an appointment."""

    PROPOSE = 1
    ACCEPT = 2
    DECLINE = 3
    CANCEL = 4


@dataclass(frozen=True, slots=True, repr=False)
class Proposal(Body):
    """An appointment that is proposed: start (ms since 1970), the proposer's IANA zone, minutes."""

    NOUN: ClassVar[str] = "a proposal for an appointment"

    act: int = part(0, lambda value, what: uint(value, what, Act.PROPOSE, Act.PROPOSE), "act")
    start: int = part(1, instant, "start")
    zone: str = part(2, named(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"), "zone")
    minutes: int = part(3, lambda value, what: uint(value, what, 1, 1440), "minutes")
    place: str | None = part(4, line(300), "place", default=None)
    note: str | None = part(5, prose(4000), "note", default=None)


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Body):
    """What somebody says to a proposal: accept, decline, or cancel what was agreed."""

    NOUN: ClassVar[str] = "an answer to an appointment"

    act: int = part(0, lambda value, what: uint(value, what, Act.ACCEPT, Act.CANCEL), "act")
    mid: bytes = part(1, mid, "proposal")
    note: str | None = part(5, prose(4000), "note", default=None)


def propose(
    start: int, zone: str, minutes: int, place: str | None = None, note: str | None = None
) -> Proposal:
    """A proposal; Malformed for values that no reader would take."""
    made = Proposal(Act.PROPOSE, start, zone, minutes, place, note)
    made.pack()
    return made


def parse_appointment(value: object) -> Proposal | Answer:
    """Either of the two, told apart by key 0."""
    act = value.get(0) if isinstance(value, dict) else None
    if act == Act.PROPOSE:
        return Proposal.parse(value)
    if isinstance(value, dict) and 0 in value:
        return Answer.parse(value)
    raise Malformed("keys", "an appointment: it says not what is done")
