"""The epochs of a thread as one device may believe them (tep_amendments.md A-5, A-6, A-7, A-10).

Pure. What the server checked before placing a commit is checked again here, for the server may lie.
"""

from collections.abc import Mapping, Sequence

from etherapy.crypto.epochs import check_secret, open_epoch
from etherapy.crypto.errors import CannotOpen, NotForThisDevice
from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.verifying.beginnings import check_began, check_brought_in, expect_answered
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.lost_history import LostHistory
from etherapy.sdk.verifying.rosters import chains_of, gone_chains, known_consents
from etherapy.sdk.verifying.spine import Spine
from etherapy.tep.chain import Chain
from etherapy.tep.charter import MAX_SIGNED_CHARTER, charter_hash, parse_charter
from etherapy.tep.epoch import Commit, CommitCore, parse_commit
from etherapy.tep.epoch_rules import check_follows, check_roster
from etherapy.tep.labels import plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import Papers, check_change
from etherapy.tep.placing import Entry
from etherapy.tep.reading import PlacedCommit
from etherapy.tep.signed import Signed, parse_signed


class Epochs:
    """Charter, valid commits by position, and the secrets that this device could open.

    `secrets` (by commit hash) is changed in place; the caller keeps it. `ends` are the users whose time is
    limited, with the instant (ms) at which it is over; `since` when each user's epoch was placed. A reader
    that `joined` later need not be in epoch 0. `pinned` is the owner, where one is known already.
    """

    def __init__(
        self,
        thread: bytes,
        home: bytes,
        chain: bytes,
        secrets: dict[bytes, bytes],
        *,
        joined: bool = False,
        pinned: bytes = b"",
    ) -> None:
        self._thread = thread
        self._chain = chain
        self._home = home
        self._joined = joined
        self._pinned = pinned
        self.secrets = secrets
        self.charter: Signed | None = None
        self.commits: list[PlacedCommit] = []
        self._lost = LostHistory()
        self.placed_at: list[int] = []
        self.owner = b""
        self.ends: dict[bytes, int] = {}
        self.since: dict[bytes, int] = {}
        self.admitted: dict[bytes, bytes] = {}
        """The consent by which each user came in, as far as one was needed."""
        self._used_before: set[bytes] = set()

    @property
    def newest(self) -> Commit | None:
        """The newest valid commit."""
        return self.commits[-1].commit if self.commits else None

    @property
    def closed(self) -> list[int]:
        """The numbers of the epochs that this device could not open."""
        return [one.commit.core.epoch for one in self.commits if one.commit.commit_hash not in self.secrets]

    def of(self, commit_hash: bytes) -> Commit | None:
        """The valid commit with this hash."""
        return next((one.commit for one in self.commits if one.commit.commit_hash == commit_hash), None)

    def numbered(self, epoch: int) -> Commit | None:
        """The valid commit that began this epoch."""
        return next((one.commit for one in self.commits if one.commit.core.epoch == epoch), None)

    def named(self) -> set[bytes]:
        """The hashes of all papers that valid commits name."""
        return {name for one in self.commits for name in one.commit.core.consents}

    def spent(self) -> set[bytes]:
        """Papers that bring nobody in any more: named by these commits, or by ones before a latecomer's
        own, which the latecomer was never shown."""
        return self.named() | self._used_before

    def users(self) -> set[bytes]:
        """Everybody who is or ever was in a roster."""
        return {row.chain_id for one in self.commits for row in one.commit.core.roster}

    def take_charter(self, entry: Entry, item: bytes | None) -> list[Finding]:
        """A charter with its signatures. Whether all signed is judged with the commit that names it."""
        try:
            signed = self.hold_charter(item or b"")
            if charter_hash(signed.core) != entry.item_hash:
                raise Malformed("charter", "charter: not the one that the entry names")
            if self.charter is not None:
                raise Malformed("charter", "charter: this program knows one for a thread")
        except Malformed as bad:
            return [self._finding(Kind.BAD_CHARTER, f"the charter does not hold: {bad}", entry, item)]
        self.charter = signed
        return []

    def begin_at(self, charter: bytes) -> None:
        """Go by this charter from the start, for a reader who is not shown where it was placed."""
        try:
            self.charter = self.hold_charter(charter)
        except Malformed:
            self.charter = None  # the commit that brings the reader in is refused for it

    def hold_charter(self, data: bytes) -> Signed:
        """The signed charter behind its container, if it is for this thread; Malformed."""
        signed = parse_signed(data, MAX_SIGNED_CHARTER)
        found = parse_charter(signed.core)
        if (found.home, found.thread) != (self._home, self._thread):
            raise Malformed("charter", "charter: for another thread")
        return signed

    def take_commit(
        self,
        entry: Entry,
        item: bytes | None,
        spine: Spine,
        evidence: Evidence,
    ) -> list[Finding]:
        """A commit. It counts only if everything about it holds; then its secret is opened, if this device
        has a row in it."""
        try:
            commit = parse_commit(item or b"")
            if commit.commit_hash != entry.item_hash:
                raise Malformed("commit", "commit: not the one that the entry names")
            self._check(commit, entry, spine, evidence)
        except Malformed as bad:
            return [self._finding(Kind.BAD_COMMIT, f"an epoch does not hold: {bad}", entry, item)]
        chains = chains_of(commit.core, evidence.people)
        self._note_users(commit.core, evidence.papers, entry.placed_at, chains)
        self.commits.append(PlacedCommit(entry.n, commit))
        self.placed_at.append(entry.placed_at)
        return self._open(commit, entry, item, evidence.openers)

    def _check(self, commit: Commit, entry: Entry, spine: Spine, evidence: Evidence) -> None:
        core, papers = commit.core, evidence.papers
        if (core.thread, core.home) != (self._thread, self._home):
            raise Malformed("home", "commit: of another thread or another home")
        lost = self._lost.tells_of(entry, core.committer, core.view, spine)
        if not lost and (core.view[0] >= entry.n or spine.t_at(core.view[0]) != core.view[1]):
            raise Malformed("view", "commit: its author saw another history")
        if self.charter is None or core.charter_hash != charter_hash(self.charter.core):
            raise Malformed("charter", "commit: names a charter that is not in force")
        chains = chains_of(core, evidence.people)
        if self.commits:
            self._check_next(commit, entry, chains, evidence)
        elif spine.start.n:
            owner = check_brought_in(commit, entry, self.charter, chains, papers, self._chain, spine.start)
            self._own_by(owner)
        else:
            if self._chain not in chains and not self._joined:
                # Invitation or answer is signed by one's own devices: that is what makes the rest credible.
                raise Malformed("roster", "commit: the thread began without its reader")
            self._own_by(check_began(commit, entry, self.charter, chains, evidence.began))

    def _own_by(self, owner: bytes) -> None:
        if self._pinned not in (b"", owner):
            raise Malformed(
                "owner", "commit: the thread has another owner than it had, or than was invited to"
            )
        self.owner = owner

    def _check_next(
        self, commit: Commit, entry: Entry, chains: Mapping[bytes, Chain], evidence: Evidence
    ) -> None:
        assert self.charter is not None
        previous, papers = self.commits[-1].commit, evidence.papers
        check_follows(commit.core, previous)
        check_change(
            previous.core,
            commit,
            owner=self.owner,
            chains={**gone_chains(previous.core, commit.core, evidence.people, entry.placed_at), **chains},
            papers=papers,
            charter=self.charter.core,
            placed_at=entry.placed_at,
            ends=self.ends,
            used=self.named(),
        )
        check_roster(commit, chains, before=previous.core, owner=self.owner)
        if self._joined and self._chain in commit.core.users() - previous.core.users():
            expect_answered(commit.core, self.charter, papers, chains[self._chain])

    def _note_users(
        self, core: CommitCore, papers: Papers, placed_at: int, chains: Mapping[bytes, Chain]
    ) -> None:
        """Who came in by which consent and until when, and who is there no more."""
        named = papers.named(core.consents) if core.epoch else {}
        if core.epoch and not self.commits:
            named = known_consents(core, papers, named, chains, self.owner, placed_at)
            self._used_before = set(named)
        for name, consent in named.items():
            self.admitted[consent.newcomer] = name
            self.ends[consent.newcomer] = consent.until
        present = core.users()
        for gone in set(self.since) - present:
            for record in (self.since, self.ends, self.admitted):
                record.pop(gone, None)
        for user in present:
            self.since.setdefault(user, placed_at)

    def _open(
        self, commit: Commit, entry: Entry, item: bytes | None, openers: Sequence[DeviceKeys]
    ) -> list[Finding]:
        known = self.secrets.get(commit.commit_hash)
        try:
            if known is not None:
                check_secret(commit, known)
                return []
            opener = next((one for one in openers if _is_sealed_to(commit, one)), None)
            if opener is None:
                raise NotForThisDevice("this epoch was not sealed to this device")
            self.secrets[commit.commit_hash] = open_epoch(commit, opener)
        except NotForThisDevice:
            words = "what was written in this epoch stays closed here until somebody gives you the history"
            return [self._finding(Kind.NO_ROW, words, entry, None)]
        except CannotOpen as closed:
            return [self._finding(Kind.SECRET_MISMATCH, str(closed), entry, item)]
        return []

    def _finding(self, kind: Kind, words: str, entry: Entry, item: bytes | None) -> Finding:
        proof = {"entry": entry.pack()} | ({} if item is None else {"item": item})
        return Finding(kind=kind, words=words, proof=proof, thread=self._thread, n=entry.n)


def _is_sealed_to(commit: Commit, keys: DeviceKeys) -> bool:
    """Whether this very X-Wing key has a row: a device that renews its key has two for a while."""
    row = commit.core.row_of(keys.device_id)
    return row is not None and (keys.device_id, plain_digest(keys.hpke.public)) in row.devices
