"""What a reader checks of a placed message, against a server that may lie (tep_amendments.md A-3, A-5).

Everything is judged from signed data: the commits' positions, the Promise, the Entry. Signatures of receipt
and envelope are verified before (`receipts.verify_receipt`, `envelope.envelope_verifies`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etherapy.tep.envelope import Envelope
from etherapy.tep.epoch import Commit
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType, Reason
from etherapy.tep.statements import Promise, promise_hash

TOLERANCE_MS = 120_000
"""For corrections of clocks, never for order."""
_MAY_BE_EARLY = frozenset(
    {Reason.EARLIER_OPENING, Reason.OPENED_EARLY, Reason.COVER, Reason.URGENT, Reason.RULE_CHANGE}
)


@dataclass(frozen=True, slots=True)
class PlacedCommit:
    """A valid commit and its position."""

    n: int
    commit: Commit


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """A message with its newest promise and its entry."""

    entry: Entry
    envelope: Envelope
    promise: Promise


def check_placed(item: PlacedItem, commits: Sequence[PlacedCommit]) -> None:
    """Malformed unless a reader may take this message as honestly placed.

    `commits` are all valid ones of the thread by position. Codes: promise, epoch, acceptance, removed, early.
    """
    _check_promise(item)
    below = [one for one in commits if one.n < item.entry.n]
    header, promise = item.envelope.header, item.promise
    at = next((i for i, one in enumerate(below) if one.commit.commit_hash == header.commit_hash), None)
    if at is None or below[at].commit.core.row_of(header.device) is None:
        raise Malformed("epoch", "item: sealed in no epoch before it, or by a device outside its roster")
    core = below[at].commit.core
    if (header.thread, header.epoch, header.suite) != (core.thread, core.epoch, core.suite):
        raise Malformed("epoch", "item: names an epoch and the commit of another")
    following = next((one for one in commits if one.n > below[at].n), None)
    if below[at].n > promise.n_acc or (following is not None and following.n <= promise.n_acc):
        raise Malformed("acceptance", "item: its epoch was not the newest when it was accepted")
    if below[-1].commit.core.row_of(header.device) is None:
        raise Malformed("removed", "item: its device had been removed before it was placed")
    if promise.release_at > item.entry.placed_at and item.entry.reason not in _MAY_BE_EARLY:
        raise Malformed("early", "item: placed before its promised time without a reason")


def _check_promise(item: PlacedItem) -> None:
    header, promise, entry = item.envelope.header, item.promise, item.entry
    named = (promise.thread, promise.mid, promise.epoch, promise.item_hash)
    if named != (header.thread, header.mid, header.epoch, item.envelope.item_hash):
        raise Malformed("promise", "item: the promise is for another one")
    if entry.item_type != ItemType.ENVELOPE or entry.item_hash != promise.item_hash:
        raise Malformed("promise", "item: the entry is for another one")
    if entry.promise_hash != promise_hash(promise):
        raise Malformed("promise", "item: placed under another promise than the one shown")
    if promise.n_acc >= entry.n or promise.accepted_at > entry.placed_at + TOLERANCE_MS:
        raise Malformed("acceptance", "item: placed before it was accepted")


def unjustified_inversions(item: PlacedItem, earlier: Iterable[PlacedItem]) -> list[PlacedItem]:
    """The items of the same account, placed before `item`, that overtook it although it was already due.

    `earlier` are that account's items below it, from all of its devices. An honest server gives none.
    """
    due = item.promise.release_at
    return [
        one
        for one in earlier
        if one.entry.n < item.entry.n
        and one.promise.counted_from > item.promise.counted_from
        and due
        and due <= one.entry.placed_at - TOLERANCE_MS
    ]
