"""What the writers did and were told, and what the readers saw: everything the verdict is found from."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from etherapy.protocol.messages import Sent
from etherapy.protocol.threads import Page
from etherapy.rules.calendar import milliseconds
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType, thread_next
from etherapy.tep.receipts import KeyDates, Promise, verify_receipt
from etherapy.tep.statements import Head


@dataclass(slots=True)
class Written:
    """One message: its only bytes, when it was begun, and the first answer. Times are monotonic seconds."""

    writer: str
    thread: bytes
    mid: bytes
    item_hash: bytes
    envelope: bytes
    text: str
    began: float
    number: int
    """Which one of its writer's, in the order in which they were written."""
    answered: float = 0.0
    answer: Sent | None = None
    attempts: int = 0
    recalled: bool = False


class Journal:
    """All messages by mid, and the violations that could only be seen while they happened."""

    def __init__(self) -> None:
        self.written: dict[bytes, Written] = {}
        self.violations: list[str] = []
        self.acknowledged = 0
        self.repeated = 0
        self.recalled = 0
        self.broken = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def begin(self, message: Written) -> None:
        """Note a message before its first byte leaves."""
        message.began = time.monotonic()
        self.written[message.mid] = message

    def note(self, message: Written, answer: Sent) -> None:
        """An answer: the first one counts, every later one must be equal to it (G2, D-31)."""
        if message.answer is None:
            message.answer, message.answered = answer, time.monotonic()
            self.acknowledged += 1
            self._wake()
            return
        self.repeated += 1
        if (answer.receipt, answer.decision) != (message.answer.receipt, message.answer.decision):
            self.violations.append(f"{message.writer} #{message.number}: a repetition got another answer")

    def accuse(self, words: str) -> None:
        """Note a violation that somebody met."""
        self.violations.append(words)

    async def reached(self, count: int, within: float) -> None:
        """Return when so many messages are acknowledged; TimeoutError if that takes too long."""
        if self.acknowledged < count:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, reached))
            await asyncio.wait_for(reached, within)

    def open(self) -> Iterator[Written]:
        """Messages without an answer so far."""
        return (one for one in self.written.values() if one.answer is None)

    def _wake(self) -> None:
        for wanted, waiter in self._waiting:
            if self.acknowledged >= wanted and not waiter.done():
                waiter.set_result(None)
        self._waiting = [pair for pair in self._waiting if not pair[1].done()]


@dataclass(frozen=True, slots=True)
class Seen:
    """One placed position as a reader saw it; `promise` only for messages."""

    entry: Entry
    item: bytes
    receipt: bytes
    promise: Promise | None


class BrokenPage(Exception):
    """What the server showed does not hold. The text says what."""


@dataclass(slots=True)
class Walk:
    """One reader's way through one thread, page by page, from (0, T_0) on. It never goes back."""

    thread: bytes
    keys: dict[bytes, KeyDates]
    t: bytes
    n: int = 0
    seen: list[Seen] = field(default_factory=list)

    def extend(self, page: Page, latest: datetime) -> None:
        """Take a page that was complete by `latest`, beyond which no clock of the installation was then.

        BrokenPage: a gap, a T_n, receipt or head that does not hold, or a message before its time.
        """
        found = [self._read(one.entry, one.item, one.promise, milliseconds(latest)) for one in page.items]
        head = self._verified(bytes(page.head))
        if not isinstance(head, Head) or (head.thread, head.n, head.t) != (self.thread, self.n, self.t):
            raise BrokenPage(f"the head is not that of position {self.n}")
        self.seen += found

    def _read(self, entry: bytes, item: bytes | None, receipt: bytes | None, latest: int) -> Seen:
        found = Entry.unpack(bytes(entry))
        if found.n != self.n + 1:
            raise BrokenPage(f"position {found.n} follows {self.n}")
        self.n, self.t = found.n, thread_next(self.t, bytes(entry))
        if found.placed_at > latest:
            raise BrokenPage(f"position {found.n} was placed in the future")
        if found.item_type != ItemType.ENVELOPE:
            return Seen(found, bytes(item or b""), b"", None)
        promise = self._verified(bytes(receipt or b""))
        if not isinstance(promise, Promise) or promise.item_hash != found.item_hash:
            raise BrokenPage(f"position {found.n} has another message's promise")
        if promise.release_at > min(found.placed_at, latest):
            raise BrokenPage(f"position {found.n} was shown before its time")
        return Seen(found, bytes(item or b""), bytes(receipt or b""), promise)

    def _verified(self, receipt: bytes) -> object:
        try:
            return verify_receipt(receipt, self.keys)
        except Malformed as bad:
            raise BrokenPage(f"a receipt does not verify: {bad}") from None


def items_of(seen: Sequence[Seen]) -> list[Seen]:
    """The messages among what was seen."""
    return [one for one in seen if one.promise is not None]
