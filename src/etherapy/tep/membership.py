"""Who may bring whom into a thread or leave whom out of it (tep.md §5.4, tep_amendments.md A-5, A-6).

Widening needs consent, narrowing fails safe: anybody leaves out whoever closed their account, left, or was
there for a time that is over, and only the owning therapist leaves out somebody else. Every member's device
judges a commit by `check_change` exactly as the server does. Malformed codes: members, reason, consents,
charter, and consent for a consent that does not hold.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from etherapy.signing import verify
from etherapy.tep.chain import Chain, Device
from etherapy.tep.charter import charter_hash, charter_signed_bytes
from etherapy.tep.consent import CLOCK_SLACK_MS, Consent, check_terms, consent_hash, parse_consent, signed_by
from etherapy.tep.epoch import Commit, CommitCore, CommitReason, Role, RosterRow
from etherapy.tep.leaving import SignedLeave, leave_verifies
from etherapy.tep.malformed import Malformed

_NONE: Mapping[bytes, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Papers:
    """What commits may name: consents with their signatures (by chain_id), and Leaves, each under its hash.

    `charter_signatures` (by chain_id) are those of clients who came after the thread began.
    """

    consents: Mapping[bytes, tuple[bytes, Mapping[bytes, bytes]]] = field(default_factory=dict)
    leaves: Mapping[bytes, SignedLeave] = field(default_factory=dict)
    charter_signatures: Mapping[bytes, bytes] = field(default_factory=dict)

    def named(self, names: Collection[bytes]) -> dict[bytes, Consent]:
        """The consents among these hashes, by hash."""
        return {name: parse_consent(self.consents[name][0]) for name in names if name in self.consents}

    def without(self, used: Collection[bytes]) -> "Papers":
        """Those that no commit has named yet."""
        consents = {name: one for name, one in self.consents.items() if name not in used}
        leaves = {name: one for name, one in self.leaves.items() if name not in used}
        return Papers(consents, leaves, self.charter_signatures)


@dataclass(frozen=True, slots=True)
class Changes:
    """Users (chain_ids) that a commit adds to, and leaves out of, the roster before it."""

    added: frozenset[bytes]
    left_out: frozenset[bytes]


def changes(before: CommitCore, after: CommitCore) -> Changes:
    """What differs between the users of two rosters."""
    return Changes(after.users() - before.users(), before.users() - after.users())


def signers_of(before: CommitCore, owner: bytes) -> list[bytes]:
    """Who must sign a consent: the clients of this roster by chain_id, then the owning therapist."""
    return [one.chain_id for one in before.roster if one.role == Role.CLIENT] + [owner]


def must_go(
    before: CommitCore,
    *,
    ends: Mapping[bytes, int],
    leaves: Mapping[bytes, SignedLeave],
    chains: Mapping[bytes, Chain],
    at: int,
) -> set[bytes]:
    """The users of this roster whom the next commit must leave out.

    Their account is closed, their time is over (`ends`: ms by chain_id, 0 open), or they left: `leaves` are
    those that no commit has carried out yet.
    """
    gone = {one.chain_id for one in before.roster if _is_closed(one.chain_id, chains)}
    gone |= {one.chain_id for one in before.roster if _has_ended(ends.get(one.chain_id, 0), at)}
    return gone | {one.leave.chain for one in leaves.values() if _leave_counts(one, before, chains)}


def check_change(
    before: CommitCore,
    commit: Commit,
    *,
    owner: bytes,
    chains: Mapping[bytes, Chain],
    papers: Papers,
    charter: bytes,
    placed_at: int,
    ends: Mapping[bytes, int] = _NONE,
    used: Collection[bytes] = (),
    pending: Collection[bytes] = (),
    slack: int = CLOCK_SLACK_MS,
) -> Changes:
    """Malformed unless the change of users since `before` is allowed at `placed_at` (ms).

    `owner` is the owning therapist's chain_id, `chains` (by chain_id) those of both rosters, as the rows
    name them or longer. `charter` is the one in force. `ends` says until when members are there (ms, 0
    open), `used` which papers earlier commits have named: each counts once. `pending` are the Leaves
    (by hash) that wait to be carried out: the server, which alone knows when each was given, refuses every
    commit that does not. It is its clock as well, so it gives no `slack`.
    """
    papers = papers.without(used)
    due = frozenset(pending) & papers.leaves.keys()
    change = _Change(before, commit.core, owner, chains, papers, charter, ends, due, placed_at)
    change.check_frame()
    change.check_stays(slack)
    change.check_leavings()
    for newcomer in change.users.added:
        change.check_arrival(newcomer)
    change.check_names()
    return change.users


@dataclass(frozen=True, slots=True)
class _Change:
    """One commit beside the roster before it, and what both are judged by."""

    before: CommitCore
    core: CommitCore
    owner: bytes
    chains: Mapping[bytes, Chain]
    papers: Papers
    charter: bytes
    ends: Mapping[bytes, int]
    due: frozenset[bytes]
    at: int

    @property
    def users(self) -> Changes:
        return changes(self.before, self.core)

    @property
    def author(self) -> bytes:
        """The chain_id of the user whose device made the commit."""
        row = self.core.row_of(self.core.committer)
        return row.chain_id if row else b""

    def check_frame(self) -> None:
        """By a member, under the charter, and with a reason that tells whether users come or go."""
        if self.author not in self.before.users():
            raise Malformed("members", "commit: the committer was not a member before")
        if self.core.charter_hash != charter_hash(self.charter):
            raise Malformed("charter", "commit: names a charter that is not in force")
        told = {
            CommitReason.USER_ADDED: bool(self.users.added),
            CommitReason.USER_REMOVED: bool(self.users.left_out),
        }
        if not told.get(CommitReason(self.core.reason), not any(told.values())):
            raise Malformed("reason", "commit: its reason does not fit its change of users")

    def leavers(self, leaves: Collection[bytes], at: int) -> set[bytes]:
        """Who must go by these Leaves and the time `at`."""
        given = {name: one for name, one in self.papers.leaves.items() if name in leaves}
        return must_go(self.before, ends=self.ends, leaves=given, chains=self.chains, at=at)

    def check_stays(self, slack: int) -> None:
        """Nobody stays who left, closed the account or was there for a time that is over."""
        if self.leavers(self.due, self.at - slack) & self.core.users():
            raise Malformed("members", "commit: keeps a user who left, closed or whose time is over")

    def check_leavings(self) -> None:
        """Only those go who must, unless the owner says so."""
        gone = self.users.left_out
        if self.author != self.owner and not gone <= self.leavers(self.core.consents, self.at):
            raise Malformed("members", "commit: only the owning therapist leaves out somebody else")

    def check_arrival(self, newcomer: bytes) -> None:
        """A newcomer comes by one consent, in force and signed by all, in the role it names."""
        row = self.core.user(newcomer)
        known = [self.papers.consents[name] for name in self.core.consents if name in self.papers.consents]
        named = [one for one in known if parse_consent(one[0]).newcomer == newcomer]
        if row is None or len(named) != 1:
            raise Malformed("consents", "commit: a new user without exactly one consent")
        data, signatures = named[0]
        consent = check_terms(data, thread=self.core.thread, home=self.core.home, at=self.at)
        if consent.role != row.role:
            raise Malformed("consent", "consent: for another role")
        for signer in signers_of(self.before, self.owner):
            if not signed_by(data, signatures.get(signer, b""), self.devices_of(signer)):
                raise Malformed("consent", "consent: not signed by everybody who must sign")
        if row.role == Role.CLIENT:
            self.check_charter_signature(row)

    def check_charter_signature(self, row: RosterRow) -> None:
        """Whoever comes as a client has signed the charter as those did who began the thread."""
        sig = self.papers.charter_signatures.get(row.chain_id, b"")
        message = charter_signed_bytes(self.charter)
        if not any(verify(device.sign_pk, message, sig) for device in self.devices_of(row.chain_id)):
            raise Malformed("charter", "commit: a new client has not signed the charter")

    def devices_of(self, user: bytes) -> Sequence[Device]:
        """A user's devices as the commit's row names them, or for somebody just left out the row before."""
        row, chain = self.core.user(user) or self.before.user(user), self.chains.get(user)
        return chain.active_at(row.chain_seq) if row and chain else []

    def check_names(self) -> None:
        """Key 12 names one consent for each who comes, one Leave for each who left, and nothing else."""
        named, papers = self.core.consents, self.papers
        if any(a >= b for a, b in pairwise(named)):
            raise Malformed("consents", "commit: consents and leaves ascend, each once")
        if not all(name in papers.consents or _names_leave(name, papers) for name in named):
            raise Malformed("consents", "commit: names a paper that is not known here, or was used before")
        brought = [_newcomer(name, papers) for name in named if name in papers.consents]
        taken = [papers.leaves[name].leave.chain for name in named if name in papers.leaves]
        left = {papers.leaves[name].leave.chain for name in (*named, *self.due) if name in papers.leaves}
        left &= self.users.left_out
        if sorted(brought) != sorted(self.users.added) or sorted(taken) != sorted(left):
            raise Malformed("consents", "commit: names a paper that brings nobody in and takes nobody out")


def _names_leave(name: bytes, papers: Papers) -> bool:
    return name in papers.leaves and papers.leaves[name].leave_hash == name


def _newcomer(name: bytes, papers: Papers) -> bytes:
    data = papers.consents[name][0]
    if consent_hash(data) != name:
        raise Malformed("consents", "commit: a consent under another hash")
    return parse_consent(data).newcomer


def _is_closed(user: bytes, chains: Mapping[bytes, Chain]) -> bool:
    return user in chains and chains[user].closed


def _has_ended(until: int, at: int) -> bool:
    return until != 0 and at >= until


def _leave_counts(signed: SignedLeave, before: CommitCore, chains: Mapping[bytes, Chain]) -> bool:
    """Whether it takes a user of this roster out of this thread, by a device they had."""
    leave = signed.leave
    row, chain = before.user(leave.chain), chains.get(leave.chain)
    if row is None or chain is None or (leave.thread, leave.home) != (before.thread, before.home):
        return False
    return leave_verifies(signed, chain, since=row.chain_seq)
