"""Two servers that differ in nothing: the same database to the bit, the same keys, clock and randomness.

What is done in one and not in the other must not be told by any byte that anybody else is answered (G5).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tests.server.asking import Answer, Ask
from tests.server.clinic import Clinic, Furnished
from tests.server.people import Sealed, seal

Deed = Callable[[Clinic], Awaitable[object]]


class Dice:
    """Random bytes that fall alike from one `start` to the next, however many fell in between."""

    def __init__(self) -> None:
        self.start("")

    def start(self, name: str) -> None:
        self._seed, self._thrown = name.encode(), 0

    def __call__(self, length: int) -> bytes:
        self._thrown += 1
        return b"".join(
            sha256(self._seed + self._thrown.to_bytes(4, "big") + block.to_bytes(4, "big")).digest()
            for block in range(-(-length // 32))
        )[:length]


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
        answers = []
        for clinic, dice in zip((self.quiet, self.secret), self.dice, strict=True):
            dice.start(f"{len(self.heard)}")
            answers.append(await clinic.line.ask(ask, clinic.people[caller].token))
        self.heard.append((caller, f"{ask.method} {ask.path}?{ask.query}", answers[0], answers[1]))
        return answers[0]

    async def hide(self, deed: Deed) -> None:
        """Something that nobody but its doer may learn of."""
        self.hidden += 1
        self.dice[1].start(f"hidden {self.hidden}")
        await deed(self.secret)

    async def turn_to(self, instant: datetime) -> None:
        """Time goes on for both, and the workers make their rounds."""
        for clinic, dice in zip((self.quiet, self.secret), self.dice, strict=True):
            await clinic.clock.turn_to(instant)
            dice.start(f"rounds {instant}")
            await clinic.make_rounds()

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
