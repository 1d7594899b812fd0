"""The story in its steps. Each says what it expects, and stops the telling where that does not hold."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from etherapy.cli.demo import morning, night, proofs
from etherapy.cli.demo.scene import Scene


class Step(NamedTuple):
    """One step: its name in the document, what is said of it, how it is told."""

    name: str
    title: str
    tell: Callable[[Scene], Awaitable[None]]


STORY = (
    Step("practice", "A practice is furnished, from nothing. Everything in it is synthetic.", night.furnish),
    Step(
        "preview", "Monday night. The client sees what would happen before sending anything.", night.preview
    ),
    Step("send", "It is sealed on the client's device, sent, and held with a signed promise.", night.send),
    Step("quiet", "The therapist's evening stays quiet.", night.stay_quiet),
    Step("morning", "Tuesday, 9:00. One batch in the inbox, opened on the therapist's device.", morning.wake),
    Step("reply", "The therapist answers.", morning.reply),
    Step("read", "The client reads the answer.", morning.read),
    Step("supervision", "The supervisor sees settings and decisions, and no content.", proofs.supervise),
    Step("search", "The whole database is dumped and searched for their words.", proofs.search),
    Step("receipt", "The promise is checked offline, by anybody.", proofs.verify),
    Step("evening", "The stage is yours: it is 22:40 of the next working day.", proofs.hand_over),
)
