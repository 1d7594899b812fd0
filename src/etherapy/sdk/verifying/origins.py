"""Whose message it is, and that it was promised and placed as it should be (A-5 rules 1 to 3, A-9). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.epochs import Epochs
from etherapy.sdk.verifying.person import Person
from etherapy.sdk.verifying.promises import PromiseView, read_promise
from etherapy.sdk.verifying.rosters import chains_of
from etherapy.tep.envelope import Envelope, envelope_verifies, parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry
from etherapy.tep.reading import PlacedItem, check_placed
from etherapy.tep.receipts import Keys
from etherapy.tep.statements import Promise

_KINDS: Mapping[str, Kind] = {
    "promise": Kind.BAD_PROMISE,
    "epoch": Kind.EPOCH,
    "acceptance": Kind.ACCEPTANCE,
    "removed": Kind.REMOVED_DEVICE,
    "early": Kind.EARLY,
}


@dataclass(frozen=True, slots=True)
class Believed:
    """A message whose origin and placing hold."""

    entry: Entry
    envelope: Envelope
    promise: Promise
    author: bytes
    role: int
    view: PromiseView
    epoch_n: int = 0
    """Position of the commit under which it was sealed."""


class Refusal(Exception):
    """An item that must not be taken for a message."""

    def __init__(self, kind: Kind, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Origins:
    """What one thread holds that is believed. Each envelope is believed at most once."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._by_author: dict[bytes, list[PlacedItem]] = {}
        self._mids: dict[tuple[bytes, bytes], bytes] = {}
        self.placed: dict[bytes, int] = {}

    def earlier(self, found: Believed) -> list[PlacedItem]:
        """What the same person had placed before."""
        return [one for one in self._by_author[found.author] if one.entry.n < found.entry.n]

    def believe(
        self,
        entry: Entry,
        item: bytes,
        receipt: bytes | None,
        epochs: Epochs,
        people: Mapping[bytes, Person],
    ) -> Believed:
        """Signatures, promise, epoch and place of an envelope; Refusal if one of them does not hold."""
        try:
            envelope = parse_envelope(item)
        except Malformed as bad:
            raise Refusal(Kind.BAD_ENVELOPE, f"a message is malformed: {bad}") from None
        if envelope.item_hash != entry.item_hash:
            raise Refusal(Kind.BAD_ENVELOPE, "a message is not the one that was placed here")
        try:
            view = read_promise(receipt or b"", self._keys)
        except Malformed as bad:
            raise Refusal(Kind.BAD_PROMISE, f"a message's promise does not hold: {bad}") from None
        promise = Promise.unpack(view.receipt[: Promise.LAYOUT.size])
        placed = PlacedItem(entry, envelope, promise)
        try:
            check_placed(placed, epochs.commits)
        except Malformed as bad:
            raise Refusal(_KINDS.get(bad.what, Kind.BAD_ENVELOPE), str(bad)) from None
        author, role = self._check_author(envelope, epochs, people)
        self._check_mid(author, envelope)
        self._by_author.setdefault(author, []).append(placed)
        self.placed[envelope.item_hash] = entry.n
        epoch_n = next(
            one.n for one in epochs.commits if one.commit.commit_hash == envelope.header.commit_hash
        )
        return Believed(entry, envelope, promise, author, role, view, epoch_n)

    def _check_author(
        self, envelope: Envelope, epochs: Epochs, people: Mapping[bytes, Person]
    ) -> tuple[bytes, int]:
        commit = epochs.of(envelope.header.commit_hash)
        assert commit is not None  # check_placed found it among the valid ones
        row = commit.core.row_of(envelope.header.device)
        chain = None if row is None else chains_of(commit.core, people).get(row.chain_id)
        device = None if chain is None else chain.devices.get(envelope.header.device)
        if row is None or device is None or not envelope_verifies(envelope, device.sign_pk):
            raise Refusal(Kind.BAD_ENVELOPE, "a message's signature does not verify")
        return row.chain_id, row.role

    def _check_mid(self, author: bytes, envelope: Envelope) -> None:
        key = (author, envelope.header.mid)
        known = self._mids.setdefault(key, envelope.item_hash)
        if envelope.item_hash in self.placed:
            raise Refusal(Kind.PLACED_AGAIN, "a message was placed twice; it is shown once")
        if known != envelope.item_hash:
            raise Refusal(Kind.PLACED_AGAIN, "two different messages have one id")
