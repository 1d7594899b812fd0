"""From what TEP/1 does not allow to what the sender is told: unreadable is 400, readable but untrue is
422."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from etherapy.protocol.problems import BadFormat, StaleChain, Unverified
from etherapy.tep.chain import Chain
from etherapy.tep.epoch import RosterRow
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


def expect_newest(roster: Iterable[RosterRow], chains: Mapping[bytes, Chain]) -> None:
    """StaleChain where a row names an earlier link of a chain that has grown since: true, but too late."""
    for row in roster:
        chain = chains.get(row.chain_id)
        whole_from = 0 if chain is None or chain.opt_out else 1  # link 1 brings the recovery device
        if chain is not None and row.chain_head in chain.hashes[whole_from:-1]:
            raise StaleChain()
