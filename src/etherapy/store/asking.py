"""Who asks, as the functions of the schema take it: practice, token, roles, instant."""

from collections.abc import Set
from datetime import datetime
from typing import Protocol


class Asking(Protocol):
    """A well-formed token and the roles it is needed for; its validity is judged by `enter` in SQL."""

    @property
    def practice(self) -> bytes: ...
    @property
    def token_hash(self) -> bytes: ...
    @property
    def roles(self) -> Set[str]: ...


def opening(who: Asking, now: datetime) -> tuple[bytes, bytes, list[str], datetime]:
    """The first four arguments of every function that a logged-in person calls."""
    return who.practice, who.token_hash, sorted(who.roles), now
