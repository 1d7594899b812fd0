"""A log whose nodes are kept in a dictionary, as a table would keep them."""

from collections.abc import Callable

from etherapy.merkle.tree import Node, grow, leaf_hash


class StoredLog:
    """Grows by batches. Never overwrites a node, and notes which ones were read."""

    def __init__(self) -> None:
        self.size = 0
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.read: list[tuple[int, int]] = []
        self.root = grow(0, self.node, [])[1]

    def node(self, level: int, index: int) -> bytes:
        self.read.append((level, index))
        return self.nodes[level, index]

    def append(self, entries: list[bytes]) -> list[Node]:
        fresh, self.root = grow(self.size, self.node, [leaf_hash(entry) for entry in entries])
        for level, index, digest in fresh:
            assert (level, index) not in self.nodes
            self.nodes[level, index] = digest
        self.size += len(entries)
        return fresh

    def reads(self, act: Callable[[], object]) -> list[tuple[int, int]]:
        self.read.clear()
        act()
        return list(self.read)


def numbered(count: int) -> list[bytes]:
    """Entries that differ in text and in length; one is empty."""
    return [b"" if number == 3 else b"entry %d" % number + bytes(number % 5) for number in range(count)]


def log_of(entries: list[bytes]) -> StoredLog:
    log = StoredLog()
    log.append(entries)
    return log
