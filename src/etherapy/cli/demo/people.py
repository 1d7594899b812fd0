"""The people of the story, each with a device of their own and words that nobody else may find."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from etherapy.cli.demo.evening import CLIENT_ZONE, THERAPIST_ZONE
from etherapy.cli.demo.stage import Stage
from etherapy.sdk.connection import Connection
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session

Kind = TypeVar("Kind", bound=Connection)

ROLES = ("client", "therapist", "supervisor")


def _mark() -> str:
    """Something that no text has by chance."""
    return f"{int.from_bytes(os.urandom(3), 'big'):08d}"


@dataclass(slots=True)
class Cast:
    """Everybody's profile, the thread they share, and the secrets of this one telling."""

    profiles: dict[str, Profile]
    night: str = field(default_factory=lambda: f"lanternfish-{_mark()}")
    later: str = field(default_factory=lambda: f"marmalade-{_mark()}")
    morning: str = field(default_factory=lambda: f"lighthouse-{_mark()}")
    secrets: list[str | bytes] = field(default_factory=list)
    """Recovery codes as they are shown, and the secret bytes of links."""
    thread: bytes = b""
    mids: list[bytes] = field(default_factory=list)

    @property
    def texts(self) -> tuple[str, str, str]:
        """What is written at night, a little later, and in the morning."""
        return (
            f"I lie awake again. It feels like {self.night}, and I did not want to keep it to myself.",
            f"One more thing before I forget it: {self.later} did help a little.",
            f"Thank you for writing it down. Let us begin with {self.morning} on Thursday.",
        )

    @property
    def planted(self) -> list[str | bytes]:
        """Everything that may be found on nobody's machine but theirs."""
        return [self.night, self.later, self.morning, *self.secrets]

    @asynccontextmanager
    async def speaking(self, role: str, kind: type[Kind]) -> AsyncIterator[Kind]:
        """Somebody, freshly logged in: a clock that was turned is then known to their device."""
        async with await kind.open(self.profiles[role]) as me:
            if isinstance(me, Session):
                me.zone = CLIENT_ZONE if role == "client" else THERAPIST_ZONE
            yield me


@contextmanager
def gather(stage: Stage) -> Iterator[Cast]:
    """The people of a stage; their profiles are closed afterwards, for commands in terminals to open them."""
    with ExitStack() as open_profiles:
        profiles = {role: open_profiles.enter_context(Profile.open(stage.profiles / role)) for role in ROLES}
        yield Cast(profiles)
