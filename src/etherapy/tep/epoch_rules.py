"""What an epoch must be beside the chains of its people, and after the epoch before it (tep.md §5.5, A-5).

Malformed codes: roster, committer, reason, signature, prev, suite.
"""

from collections.abc import Mapping

from etherapy.tep.chain import Chain, DeviceClass
from etherapy.tep.epoch import Commit, CommitCore, CommitReason, commit_verifies
from etherapy.tep.malformed import Malformed
from etherapy.tep.roster import Role, RosterRow, is_narrower, row_now


def check_roster(
    commit: Commit, chains: Mapping[bytes, Chain], before: CommitCore | None = None, owner: bytes = b""
) -> None:
    """Malformed (roster, committer, signature) unless the commit fits the chains as they stand.

    Each row names its chain's head and exactly its active devices with their current keys, recovery devices
    included. Two exceptions, for which the epoch `before` and the `owner` (the owning therapist's chain_id)
    must be known: a device once left out stays out until its chain moves on, and a commit for NARROWING may
    leave devices out. The committer is a device of class 1, 2, 3 or CLI that was not left out, and signed.
    `chains` by chain_id.
    """
    for one in commit.core.roster:
        chain = chains.get(one.chain_id)
        if chain is None or chain.closed:
            raise Malformed("roster", "roster: a user whose chain is unknown or closed")
        old = before.user(one.chain_id) if before else None
        if one != row_now(chain, one.role, old) and not (
            before is not None and _may_narrow(one, chain, commit.core, before, owner)
        ):
            raise Malformed("roster", "roster: not the head, devices and keys that the chain has")
    _check_committer(commit, chains, before)


def _may_narrow(one: RosterRow, chain: Chain, core: CommitCore, before: CommitCore, owner: bytes) -> bool:
    """Whether a commit for NARROWING may have this row: the owner's for everybody, others' for themselves."""
    author = core.row_of(core.committer)
    if core.reason != CommitReason.NARROWING or author is None:
        return False
    if author.chain_id == owner:
        return is_narrower(one, chain, None)
    return author.chain_id == one.chain_id and is_narrower(one, chain, before.user(one.chain_id))


def _check_committer(commit: Commit, chains: Mapping[bytes, Chain], before: CommitCore | None) -> None:
    own = commit.core.row_of(commit.core.committer)
    if own is None:
        raise Malformed("committer", "commit: the committer is not in its roster")
    old = before.user(own.chain_id) if before else None
    unmoved = old is not None and old.stands_at(chains[own.chain_id])
    if old is not None and unmoved and commit.core.committer not in old.device_ids():
        raise Malformed("committer", "commit: by a device that was left out")
    device = chains[own.chain_id].devices[commit.core.committer]
    if device.device_class == DeviceClass.RECOVERY:
        raise Malformed("committer", "commit: a recovery device does not commit")
    if commit.core.reason in (CommitReason.COUNT, CommitReason.AGE) and own.role not in (
        Role.THERAPIST,
        Role.CO_THERAPIST,
    ):
        raise Malformed("reason", "commit: count and age are for therapists' devices")
    if not commit_verifies(commit, device.sign_pk):
        raise Malformed("signature", "commit: the committer's signature does not verify")


def check_follows(core: CommitCore, previous: Commit) -> None:
    """Malformed (prev, suite, roster) unless `core` may be the epoch after `previous` in the same thread."""
    before = previous.core
    if (core.thread, core.home) != (before.thread, before.home):
        raise Malformed("prev", "commit: of another thread or another home")
    if core.prev != previous.commit_hash or core.epoch != before.epoch + 1:
        raise Malformed("prev", "commit: does not follow the newest one")
    if core.suite < before.suite:
        raise Malformed("suite", "commit: a lower suite than before")
    if core.view[0] < before.view[0]:
        raise Malformed("prev", "commit: its view is older than that of the commit before")
    roles = {one.chain_id: one.role for one in before.roster}
    if any(roles.get(one.chain_id, one.role) != one.role for one in core.roster):
        raise Malformed("roster", "roster: a user keeps the role")
    seqs = {one.chain_id: one.chain_seq for one in before.roster}
    if any(one.chain_seq < seqs.get(one.chain_id, 0) for one in core.roster):
        raise Malformed("roster", "roster: a chain shorter than before")
