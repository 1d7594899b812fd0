"""From what TEP/1 does not allow to what the sender is told: unreadable is 400, readable but untrue is
422."""

from collections.abc import Iterator
from contextlib import contextmanager

from etherapy.protocol.problems import BadFormat, Unverified
from etherapy.tep.malformed import Malformed


@contextmanager
def readable() -> Iterator[None]:
    """Around parsing: a structure that is not well-formed becomes BadFormat."""
    try:
        yield
    except Malformed as bad:
        raise BadFormat(bad.what) from None


@contextmanager
def verified() -> Iterator[None]:
    """Around verifying: a signature, hash or rule that does not hold becomes Unverified."""
    try:
        yield
    except Malformed as bad:
        raise Unverified(bad.what) from None


def expect(holds: bool, what: str) -> None:
    """Unverified unless it holds."""
    if not holds:
        raise Unverified(what)
