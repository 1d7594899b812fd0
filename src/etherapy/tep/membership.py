"""Who may bring whom into a thread or leave whom out of it (tep.md §5.4, tep_amendments.md A-5).

Widening needs consent, narrowing fails safe: anybody leaves out a closed chain or an ended consent, and only
the owning therapist leaves out somebody else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from etherapy.tep.chain import Chain
from etherapy.tep.epoch import CommitCore
from etherapy.tep.malformed import Malformed


@dataclass(frozen=True, slots=True)
class Changes:
    """Users (chain_ids) that a commit adds to, and leaves out of, the roster before it."""

    added: frozenset[bytes]
    left_out: frozenset[bytes]


def changes(before: CommitCore, after: CommitCore) -> Changes:
    """What differs between the users of two rosters."""
    old = frozenset(one.chain_id for one in before.roster)
    new = frozenset(one.chain_id for one in after.roster)
    return Changes(new - old, old - new)


def check_members(
    before: CommitCore,
    after: CommitCore,
    *,
    owner: bytes,
    chains: Mapping[bytes, Chain],
    consented: Collection[bytes] = (),
    ended: Collection[bytes] = (),
) -> None:
    """Malformed (code members) unless the change of users is allowed.

    `owner` is the owning therapist's chain_id; `consented` the users whose consents were found complete and
    in force; `ended` those whose consent has run out, whom every commit must leave out.
    """
    change = changes(before, after)
    if not change.added <= frozenset(consented):
        raise Malformed("members", "commit: a new user without the consents of all")
    if any(one.chain_id in ended for one in after.roster):
        raise Malformed("members", "commit: a user whose consent has ended")
    author = after.row_of(after.committer) or before.row_of(after.committer)
    if author is None or author.chain_id not in {one.chain_id for one in before.roster}:
        raise Malformed("members", "commit: the committer was not a member before")
    if author.chain_id == owner:
        return
    for gone in change.left_out:
        closed = gone in chains and chains[gone].closed
        if not (closed or gone in ended):
            raise Malformed("members", "commit: only the owning therapist leaves out somebody else")
