"""The epochs of a thread as one device may believe them (tep_amendments.md A-5, A-7, A-10).

Pure. What the server checked before placing a commit is checked again here, for the server may lie.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etherapy.crypto.epochs import check_secret, open_epoch
from etherapy.crypto.errors import CannotOpen, NotForThisDevice
from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.people import Person
from etherapy.sdk.spine import Spine
from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_hash, parse_charter
from etherapy.tep.epoch import Commit, CommitCore, Role, check_follows, check_roster, parse_commit
from etherapy.tep.invite import SignedAccept, SignedInvite
from etherapy.tep.joining import check_joining
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import check_members
from etherapy.tep.placing import Entry
from etherapy.tep.reading import PlacedCommit
from etherapy.tep.signed import Signed, parse_signed

_MOST_CHARTER = 4096


@dataclass(frozen=True, slots=True)
class Began:
    """What epoch 0 names: the therapist's invitation and the client's answer."""

    invite: SignedInvite
    accept: SignedAccept


class Epochs:
    """Charter, valid commits by position, and the secrets that this device could open.

    `secrets` (by commit hash) is changed in place; the caller keeps it.
    """

    def __init__(self, thread: bytes, home: bytes, chain: bytes, secrets: dict[bytes, bytes]) -> None:
        self._thread = thread
        self._chain = chain
        self._home = home
        self.secrets = secrets
        self.charter: Signed | None = None
        self.commits: list[PlacedCommit] = []
        self.owner = b""

    @property
    def newest(self) -> Commit | None:
        """The newest valid commit."""
        return self.commits[-1].commit if self.commits else None

    def of(self, commit_hash: bytes) -> Commit | None:
        """The valid commit with this hash."""
        return next((one.commit for one in self.commits if one.commit.commit_hash == commit_hash), None)

    def take_charter(self, entry: Entry, item: bytes | None) -> list[Finding]:
        """A charter with its signatures. Whether all signed is judged with the commit that names it."""
        try:
            signed = parse_signed(item or b"", _MOST_CHARTER)
            found = parse_charter(signed.core)
            if charter_hash(signed.core) != entry.item_hash:
                raise Malformed("charter", "charter: not the one that the entry names")
            if (found.home, found.thread) != (self._home, self._thread):
                raise Malformed("charter", "charter: for another thread")
            if self.charter is not None:
                raise Malformed("charter", "charter: this program knows one for a thread")
        except Malformed as bad:
            return [self._finding(Kind.BAD_CHARTER, f"the charter does not hold: {bad}", entry, item)]
        self.charter = signed
        return []

    def take_commit(
        self,
        entry: Entry,
        item: bytes | None,
        spine: Spine,
        people: Mapping[bytes, Person],
        openers: Sequence[DeviceKeys],
        began: Began | None,
    ) -> list[Finding]:
        """A commit. It counts only if everything about it holds; then its secret is opened, if this device
        has a row in it."""
        try:
            commit = parse_commit(item or b"")
            if commit.commit_hash != entry.item_hash:
                raise Malformed("commit", "commit: not the one that the entry names")
            self._check(commit, entry, spine, people, began)
        except Malformed as bad:
            return [self._finding(Kind.BAD_COMMIT, f"an epoch does not hold: {bad}", entry, item)]
        self.commits.append(PlacedCommit(entry.n, commit))
        return self._open(commit, entry, item, openers)

    def _check(
        self, commit: Commit, entry: Entry, spine: Spine, people: Mapping[bytes, Person], began: Began | None
    ) -> None:
        core = commit.core
        if (core.thread, core.home) != (self._thread, self._home):
            raise Malformed("home", "commit: of another thread or another home")
        if core.view[0] >= entry.n or spine.t_at(core.view[0]) != core.view[1]:
            raise Malformed("view", "commit: its author saw another history")
        if self.charter is None or core.charter_hash != charter_hash(self.charter.core):
            raise Malformed("charter", "commit: names a charter that is not in force")
        chains = chains_of(core, people)
        if not self.commits:
            self._check_first(commit, entry, chains, began)
            return
        previous = self.commits[-1].commit
        check_follows(core, previous)
        check_members(previous.core, core, owner=self.owner, chains=chains)
        check_roster(commit, chains)

    def _check_first(
        self, commit: Commit, entry: Entry, chains: Mapping[bytes, Chain], began: Began | None
    ) -> None:
        if began is None:
            raise Malformed("joining", "commit: the invitation behind it was not shown")
        assert self.charter is not None
        if self._chain not in chains:
            # Invitation or answer is signed by one's own devices, and that is what makes the rest credible.
            raise Malformed("roster", "commit: the thread began without its reader")
        therapist = _only(commit.core, chains, Role.THERAPIST)
        check_joining(
            commit,
            invite=began.invite,
            accept=began.accept,
            charter=self.charter,
            therapist=therapist,
            client=_only(commit.core, chains, began.invite.invite.role),
            now=entry.placed_at,
        )
        self.owner = therapist.chain_id

    def _open(
        self, commit: Commit, entry: Entry, item: bytes | None, openers: Sequence[DeviceKeys]
    ) -> list[Finding]:
        known = self.secrets.get(commit.commit_hash)
        try:
            if known is not None:
                check_secret(commit, known)
                return []
            opener = next((one for one in openers if one.device_id in commit.sealed_rows), None)
            if opener is None:
                raise NotForThisDevice("this epoch was not sealed to this device")
            self.secrets[commit.commit_hash] = open_epoch(commit, opener)
        except NotForThisDevice as closed:
            return [self._finding(Kind.NO_ROW, f"older messages stay closed here: {closed}", entry, None)]
        except CannotOpen as closed:
            return [self._finding(Kind.SECRET_MISMATCH, str(closed), entry, item)]
        return []

    def _finding(self, kind: Kind, words: str, entry: Entry, item: bytes | None) -> Finding:
        proof = {"entry": entry.pack()} | ({} if item is None else {"item": item})
        return Finding(kind=kind, words=words, proof=proof, thread=self._thread, n=entry.n)


def chains_of(core: CommitCore, people: Mapping[bytes, Person]) -> dict[bytes, Chain]:
    """The chains of a roster as they were at the links it names; whom we do not know is left out."""
    found: dict[bytes, Chain] = {}
    for row in core.roster:
        person = people.get(row.chain_id)
        chain = person.at(row.chain_seq) if person else None
        if chain is not None:
            found[row.chain_id] = chain
    return found


def _only(core: CommitCore, chains: Mapping[bytes, Chain], role: int) -> Chain:
    found = [chains[row.chain_id] for row in core.roster if row.role == role and row.chain_id in chains]
    if len(found) != 1:
        raise Malformed("roster", "commit: not exactly one user of a role")
    return found[0]
