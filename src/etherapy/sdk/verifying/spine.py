"""The order of a thread: entries, their running hash, and signed heads (tep_amendments.md A-3).

Pure. Each page is taken whole or not at all; whatever was seen before can never change.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.verifying.generations import Generations, Mark
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType, thread_next, thread_start
from etherapy.tep.receipts import Keys, verify_receipt
from etherapy.tep.statements import Head


@dataclass(frozen=True, slots=True)
class Pin:
    """A position whose running hash is known already, from this or an earlier run, or a verified head."""

    n: int
    t: bytes


class Spine:
    """The entries of one thread after `start`, which is its beginning unless somebody joined later.

    `t_at(n)` is T_n for every n from there up to `n`.
    """

    def __init__(
        self,
        thread: bytes,
        home: bytes,
        keys: Keys,
        start: Pin | None = None,
        generations: Generations | None = None,
    ) -> None:
        self.thread = thread
        self._keys = keys
        self._generations = generations
        self.marks: list[Mark] = []
        """Where the thread went on after restores of the server (A-8)."""
        self.start = start or Pin(0, thread_start(thread, home))
        self._ts = [self.start.t]
        self._head = b""
        self.generation = 0
        self.placed_at = 0
        self._pins: dict[int, bytes] = {}

    @property
    def n(self) -> int:
        """The last position."""
        return self.start.n + len(self._ts) - 1

    @property
    def t(self) -> bytes:
        """T_n of the last position."""
        return self._ts[-1]

    def t_at(self, n: int) -> bytes | None:
        """T_n at a position; None beyond the end, or before the start."""
        at = n - self.start.n
        return self._ts[at] if 0 <= at < len(self._ts) else None

    def pin(self, pin: Pin) -> None:
        """Hold the thread to this hash at this position, now or once it gets there. Refuted otherwise."""
        here = self.t_at(pin.n)
        known = self._pins.setdefault(pin.n, pin.t)
        if known != pin.t or (here is not None and here != pin.t):
            raise self._refuted(Kind.FORK, "two histories of this thread were shown", pin.n, {})

    def take(
        self, entries: Sequence[bytes], head: bytes | None, items: Sequence[bytes | None] = ()
    ) -> list[Entry]:
        """Add a page of entries under its signed head; Refuted, with nothing changed, when it does not hold.

        Without a head they were taken before, and are only read again. `items` are needed where a generation
        begins among them.
        """
        ts, placed_at, generation = [self.t], self.placed_at, self.generation
        read: list[Entry] = []
        marks: list[Mark] = []
        for at, data in enumerate(entries):
            entry = self._read(data, self.n + len(read) + 1, placed_at)
            if entry.generation != generation or entry.item_type == ItemType.GENERATION_MARK:
                marks += self._begin(entry, items[at] if items else None, ts[-1], generation)
            ts.append(thread_next(ts[-1], entry))
            placed_at, generation = entry.placed_at, entry.generation
            read.append(entry)
        n = self.n + len(read)
        if head is not None:
            self._check_head(head, n, ts[-1], placed_at, generation)
        for at, t in enumerate(ts[1:], self.n + 1):
            if self._pins.get(at, t) != t:
                raise self._refuted(
                    Kind.FORK, "this thread is not the one that was seen before", at, {"head": head or b""}
                )
        self._ts += ts[1:]
        self.placed_at, self.generation = placed_at, generation
        self.marks += marks
        self._head = head or self._head
        return read

    def check_end(self, last_n: int) -> None:
        """Refuted (rollback) when the server says the thread ends before what was seen of it."""
        least = max(self._pins, default=0)
        if last_n < max(self.n, least):
            raise self._refuted(Kind.ROLLBACK, "this thread became shorter", last_n, {"head": self._head})

    def read_head(self, head: bytes) -> Head:
        """A head of this thread, signed by the server; Refuted otherwise."""
        try:
            found = verify_receipt(head, self._keys)
        except Malformed as bad:
            raise self._refuted(
                Kind.BROKEN_LOG, f"a thread's head does not hold: {bad}", self.n, {"head": head}
            ) from None
        if not isinstance(found, Head) or found.thread != self.thread:
            raise self._refuted(Kind.BROKEN_LOG, "a head is not one of this thread", self.n, {"head": head})
        return found

    def _read(self, data: bytes, n: int, placed_at: int) -> Entry:
        try:
            entry = Entry.unpack(data)
        except Malformed as bad:
            raise self._refuted(
                Kind.BROKEN_LOG, f"an entry does not hold: {bad}", n, {"entry": data}
            ) from None
        if entry.n != n or entry.placed_at < placed_at:
            raise self._refuted(Kind.BROKEN_LOG, "the entries are not in order", n, {"entry": data})
        return entry

    def _begin(self, entry: Entry, item: bytes | None, t: bytes, generation: int) -> list[Mark]:
        """A generation begins here: with the thread itself, or after a restore that the server signed for."""
        if not generation and entry.item_type != ItemType.GENERATION_MARK:
            return []
        try:
            if self._generations is None:
                raise Malformed("mark", "entry: nothing is known of this server's restores")
            return [self._generations.check(entry, item, self.thread, t, generation)]
        except Malformed as bad:
            proof = {"entry": entry.pack()} | ({} if item is None else {"mark": item})
            words = f"the thread goes on in another way, and nothing signed accounts for it: {bad}"
            raise self._refuted(Kind.BROKEN_LOG, words, entry.n, proof) from None

    def _check_head(self, data: bytes, n: int, t: bytes, placed_at: int, generation: int) -> None:
        head = self.read_head(data)
        if head.n != n or (generation and head.generation != generation):
            raise self._refuted(Kind.BROKEN_LOG, "the head is not that of the page", n, {"head": data})
        if head.t != t:
            kind = Kind.FORK if n in (self.n, *self._pins) else Kind.BROKEN_LOG
            proof = {"head": data, "earlier_head": self._head}
            raise self._refuted(kind, "the entries do not lead to the signed head", n, proof)
        if n and head.placed_at != placed_at:
            raise self._refuted(
                Kind.BROKEN_LOG, "the head has another time than its entry", n, {"head": data}
            )

    def _refuted(self, kind: Kind, words: str, n: int, proof: dict[str, bytes]) -> Refuted:
        return Refuted(Finding(kind=kind, words=words, proof=proof, thread=self.thread, n=n))
