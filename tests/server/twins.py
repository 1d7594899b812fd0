"""Two servers that differ in nothing: the same database to the bit, the same keys, clock and randomness.

What is done in one and not in the other must not be told by any byte that anybody else is answered (G5).
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.furnishing import Furnished
from tests.server.people import Sealed, log_in, seal

Deed = Callable[[Clinic], Awaitable[object]]


class Dice:
    """Random bytes that fall alike from one `start` to the next.

    Each function throws its own: one that throws more often in one server changes nothing for the rest.
    """

    def __init__(self) -> None:
        self.start("")

    def start(self, name: str) -> None:
        self._seed = name
        self._thrown: Counter[str] = Counter()

    def __call__(self, length: int) -> bytes:
        thrower = sys._getframe(1).f_code.co_qualname
        self._thrown[thrower] += 1
        seed = f"{self._seed}/{thrower}/{self._thrown[thrower]}/".encode()
        blocks = range(-(-length // 32))
        return b"".join(sha256(seed + block.to_bytes(4, "big")).digest() for block in blocks)[:length]


@dataclass
class Twins:
    """`quiet`, where nothing is done, and `secret`, where `hide` is."""

    quiet: Clinic
    secret: Clinic
    dice: tuple[Dice, Dice]
    heard: list[tuple[str, str, Answer, Answer]] = field(default_factory=list)
    """Caller, request, and what both answered."""
    hidden: int = 0

    async def ask(self, caller: str, ask: Ask) -> Answer:
        """The same request to both, byte for byte; remembered for the comparison."""
        for dice in self.dice:
            dice.start(f"{len(self.heard)}")
        both = (self.quiet, self.secret)
        answers = await asyncio.gather(
            *(clinic.line.ask(ask, clinic.people[caller].token) for clinic in both)
        )
        self.heard.append((caller, f"{ask.method} {ask.path}?{ask.query}", answers[0], answers[1]))
        return answers[0]

    async def hide(self, deed: Deed) -> None:
        """Something that nobody but its doer may learn of."""
        self.hidden += 1
        self.dice[1].start(f"hidden {self.hidden}")
        await deed(self.secret)

    async def turn_to(self, instant: datetime) -> None:
        """Time goes on for both: the workers make their rounds, people log in again."""
        for clinic, dice in zip((self.quiet, self.secret), self.dice, strict=True):
            await clinic.clock.turn_to(instant)
            dice.start(f"rounds {instant}")
            await clinic.make_rounds()
            for name in [name for name in clinic.people if name != "A.gone_client"]:
                dice.start(f"{name} {instant}")
                clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))

    def told_apart(self) -> list[str]:
        """Requests that the two answered differently."""
        return [f"{caller}: {what}" for caller, what, one, other in self.heard if one != other]

    def letter(self, writer: str, text: str, *, urgent: bool = False) -> Sealed:
        """A message sealed once, so that both can be sent the same bytes."""
        talks = self.quiet.talks
        talk = talks.get(writer) or next(one for one in talks.values() if one.therapist == writer)
        return seal(talk, self.quiet.people[writer], text, urgent=urgent)


@asynccontextmanager
async def twins(furnished: Furnished, place: Path) -> AsyncIterator[Twins]:
    """Both, freshly cloned."""
    one, other = Dice(), Dice()
    async with furnished.open(place, random=one) as quiet, furnished.open(place, random=other) as secret:
        yield Twins(quiet, secret, (one, other))
