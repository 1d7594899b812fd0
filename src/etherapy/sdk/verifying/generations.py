"""Whether the server really said that it was restored, and where a thread went on (A-8). Pure.

Nothing below such a statement changes: what a device saw up to the place that it names must still be there.
What it saw above is set aside, kept, and brought back (`healing`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from etherapy.merkle.proof import verify_inclusion
from etherapy.merkle.tree import leaf_hash
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType
from etherapy.tep.receipts import KeyDates
from etherapy.tep.restore import (
    RestoreStatement,
    SignedRestore,
    check_restore,
    mark_hash,
    parse_mark,
    parse_restore,
    thread_leaf,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Generation `statement.generation` of a thread begins at position n; up to n - 1 all is as it was."""

    n: int
    statement: RestoreStatement

    @property
    def restored_n(self) -> int:
        """The last position that the restore kept."""
        return self.n - 1


class Generations:
    """Judges statements for one practice by the server's keys of use 3. `keys` may grow by a rotation."""

    def __init__(self, practice: bytes, keys: Mapping[bytes, KeyDates]) -> None:
        self._practice = practice
        self._keys = keys

    def statement(self, data: bytes) -> SignedRestore:
        """A statement about this practice by this server; Malformed otherwise."""
        signed = parse_restore(data)
        check_restore(signed, self._keys, self._practice)
        return signed

    def mark(self, data: bytes, thread: bytes, n: int, t: bytes) -> SignedRestore:
        """The statement in a thread's mark, which names this thread with (n, T_n); Malformed otherwise.

        Codes beyond those of the statement: path.
        """
        mark = parse_mark(data)
        signed = self.statement(mark.signed.whole)
        leaf = leaf_hash(thread_leaf(thread, n, t))
        if not verify_inclusion(leaf, mark.index, mark.size, mark.path, signed.statement.root):
            raise Malformed("path", "mark: its statement does not name this thread as it was")
        return signed

    def check(self, entry: Entry, item: bytes | None, thread: bytes, t: bytes, previous: int) -> Mark:
        """The mark at an entry that begins a generation after `previous` (0: unknown), T_n before it being t.

        Malformed otherwise. Codes: mark, generation, and those above.
        """
        if entry.item_type != ItemType.GENERATION_MARK or item is None:
            raise Malformed("mark", "entry: a new generation begins without its mark")
        signed = self.mark(item, thread, entry.n - 1, t)
        if entry.item_hash != mark_hash(signed.statement_hash, thread, entry.n - 1, t):
            raise Malformed("mark", "entry: it names another mark")
        found = signed.statement
        if entry.generation != found.generation or (previous and found.previous != previous):
            raise Malformed("generation", "entry: not the generation that its mark begins")
        return Mark(entry.n, found)
