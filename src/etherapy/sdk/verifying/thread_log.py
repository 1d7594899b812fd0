"""A thread as a pure state machine: pages go in, messages and findings come out (A-3, A-5, A-7, A-9).

A reader that starts from nothing and one that was there all the time come to the same state. A page whose
order does not hold raises Refuted and changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KeptItem
from etherapy.sdk.verifying.epochs import Epochs
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.generations import Generations
from etherapy.sdk.verifying.letters import Letters, RootClaim
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.spine import Pin, Spine
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Commit, parse_commit
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import MAX_OVERDUE, View
from etherapy.tep.placing import Entry, ItemType
from etherapy.tep.receipts import Keys

_FATAL = frozenset({Kind.BAD_COMMIT, Kind.BAD_CHARTER, Kind.SECRET_MISMATCH, Kind.BROKEN_LOG})
"""After one of these it is not sure who could read, so nothing is sent to the thread."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose device reads, and by which keys of the server: chain id, device id, receipt keys, home.

    Whoever `joined` later is not in epoch 0. Without the history they begin at `start`, with the signed
    `charter`.
    """

    chain: bytes
    device: bytes
    keys: Keys
    home: bytes
    joined: bool = False
    start: Pin | None = None
    charter: bytes = b""
    generations: Generations | None = None
    """Judges what the server says of its restores."""
    owner: bytes = b""
    """The owning therapist's chain, where it is known already: a thread never gets another one."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What a page brought."""

    messages: tuple[Message, ...]
    findings: tuple[Finding, ...]


class ThreadLog:
    """Everything placed in one thread, verified. `secrets` (by commit) is filled as epochs are opened."""

    def __init__(self, thread: bytes, reader: Reader, secrets: dict[bytes, bytes]) -> None:
        self.thread = thread
        self.spine = Spine(thread, reader.home, reader.keys, reader.start, reader.generations)
        self.epochs = Epochs(
            thread, reader.home, reader.chain, secrets, joined=reader.joined, pinned=reader.owner
        )
        if reader.start is not None:
            self.epochs.begin_at(reader.charter)
        self.letters = Letters(thread, reader.device, reader.chain, reader.keys)
        self.messages: list[Message] = []
        self.findings: list[Finding] = []

    @property
    def n(self) -> int:
        """The last position."""
        return self.spine.n

    @property
    def halted(self) -> Finding | None:
        """The first finding after which nothing is sent here."""
        return next((one for one in self.findings if one.kind in _FATAL), None)

    def pin(self, pin: Pin) -> None:
        """Hold the thread to a position that is known already."""
        self.spine.pin(pin)

    def apply(
        self,
        items: Sequence[KeptItem],
        head: bytes | None,
        evidence: Evidence,
    ) -> Applied:
        """Take the next placed items in order, under the signed head of the last one.

        Without a `head` the items must have been taken before. Raises Refuted.
        """
        entries = self.spine.take([one.entry for one in items], head, [one.item for one in items])
        messages: list[Message] = []
        findings: list[Finding] = []
        for entry, one in zip(entries, items, strict=True):
            if self._was_before(entry, one.item):
                continue
            if entry.item_type == ItemType.ENVELOPE:
                message = self.letters.take(entry, one, self.spine, self.epochs, evidence)
                messages.append(message)
                findings += message.findings
            else:
                findings += self._take_other(entry, one.item, evidence)
        self.messages += messages
        self.findings += findings
        return Applied(tuple(messages), tuple(findings))

    def _take_other(self, entry: Entry, item: bytes | None, evidence: Evidence) -> list[Finding]:
        if entry.item_type == ItemType.CHARTER:
            return self.epochs.take_charter(entry, item)
        if entry.item_type == ItemType.COMMIT:
            return self.epochs.take_commit(entry, item, self.spine, evidence)
        if entry.item_type == ItemType.GENERATION_MARK and item is not None:
            words = "the server was restored from a backup; what was lost is brought back by people's devices"
            return [
                Finding(kind=Kind.RESTORED, words=words, proof={"mark": item}, thread=self.thread, n=entry.n)
            ]
        words = "something was placed that this program cannot check yet"
        proof = {"entry": entry.pack()} | ({} if item is None else {"item": item})
        return [Finding(kind=Kind.BROKEN_LOG, words=words, proof=proof, thread=self.thread, n=entry.n)]

    def _was_before(self, entry: Entry, item: bytes | None) -> bool:
        """Whether something belongs to the time before this reader came, whose history was not opened."""
        if not self.spine.start.n:
            return False
        first = self.epochs.commits[0].commit.core if self.epochs.commits else None
        if item is None:
            return first is None and entry.item_type != ItemType.ENVELOPE  # a bare message is shown as a gap
        if first is None or entry.item_type != ItemType.ENVELOPE:
            return first is None and entry.item_type != ItemType.COMMIT
        try:
            return parse_envelope(item).header.epoch < first.epoch
        except Malformed:
            return False  # judged, and refused, where it is taken

    def view(
        self,
        rules_rev: int,
        rules_hash: bytes,
        keys: tuple[int, bytes] | None,
        overdue: Sequence[bytes] = (),
    ) -> View:
        """What a payload says its sender has seen: placed things only (A-7).

        `overdue` are item hashes of own messages that should have been placed and were not; what is placed
        meanwhile is left out.
        """
        missing = tuple(one for one in overdue if one not in self.letters.placed)[:MAX_OVERDUE]
        size, root = keys if keys and keys[0] else (None, None)
        return View(self.spine.n, self.spine.t, rules_rev, rules_hash, size, root, missing)

    def claims(self) -> list[RootClaim]:
        """What senders saw of the keys log, to be compared with what this device saw; each is given once."""
        found, self.letters.claims = self.letters.claims, []
        return found

    def find(self, kind: Kind, words: str, n: int, proof: dict[str, bytes]) -> Finding:
        """Note something that came out only by asking the server."""
        found = Finding(kind=kind, words=words, proof=proof, thread=self.thread, n=n)
        if found not in self.findings:
            self.findings.append(found)
        return found


def papers_named(items: Sequence[KeptItem]) -> set[bytes]:
    """The hashes of the papers that commits among these items name, epoch 0 aside."""
    return {name for commit in commits_among(items) if commit.core.epoch for name in commit.core.consents}


def commits_among(items: Sequence[KeptItem]) -> list[Commit]:
    """The commits among placed items, as far as they can be read."""
    found: list[Commit] = []
    for one in items:
        try:
            if one.item is not None and one.place().item_type == ItemType.COMMIT:
                found.append(parse_commit(one.item))
        except Malformed:
            continue  # judged, and refused, where the page is applied
    return found


def people_of(items: Sequence[KeptItem]) -> dict[bytes, int]:
    """Whose chains are needed to judge these items: chain id to the highest link that a roster names."""
    needed: dict[bytes, int] = {}
    for commit in commits_among(items):
        for row in commit.core.roster:
            needed[row.chain_id] = max(row.chain_seq, needed.get(row.chain_id, 0))
    return needed
