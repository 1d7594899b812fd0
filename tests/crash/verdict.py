"""Whether a history is one that the guarantees allow (guarantees.md G1-G6, 3.2). Pure: a history goes in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from etherapy.tep.envelope import parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates, Promise, verify_receipt
from tests.crash.journal import Seen, Written, items_of


def judge(
    written: Iterable[Written], seen: Mapping[bytes, Sequence[Seen]], keys: dict[bytes, KeyDates]
) -> list[str]:
    """What is wrong, a line each: `seen` is each thread read to its end after everything had fallen due."""
    by_thread: dict[bytes, list[Written]] = {thread: [] for thread in seen}
    for message in written:
        by_thread[message.thread].append(message)
    found: list[str] = []
    for thread, items in seen.items():
        own = by_thread[thread]
        found += _positions(items)
        found += _once(own, items)
        shown = {one.entry.item_hash: one.receipt for one in items_of(items)}
        found += [line for message in own for line in _answered(message, shown, keys)]
        placed = {one.entry.item_hash: one for one in items_of(items)}
        known = [message for message in own if message.item_hash in placed]
        found += _own_order(known, placed)
        found += _real_time_order(known, placed)
    return found


def _positions(items: Sequence[Seen]) -> Iterator[str]:
    positions = [one.entry.n for one in items]
    if positions != list(range(1, len(items) + 1)):
        yield f"positions are not 1..{len(items)}"
    if any(b.entry.placed_at < a.entry.placed_at for a, b in pairwise(items)):
        yield "placed_at runs backwards"


def _once(own: Sequence[Written], items: Sequence[Seen]) -> Iterator[str]:
    """Acknowledged messages exactly once, unanswered ones at most once, nothing that nobody wrote."""
    places = Counter(one.entry.item_hash for one in items_of(items))
    for message in own:
        count = places.pop(message.item_hash, 0)
        wanted = 0 if message.recalled else 1
        if count != wanted and not (message.answer is None and count == 0):
            what = "taken back" if message.recalled else "acknowledged" if message.answer else "unanswered"
            yield f"{_name(message)}, {what}, is there {count} times"
    if places:
        yield f"{sum(places.values())} messages that nobody wrote"
    bodies = {message.item_hash: message.envelope for message in own}
    for one in items_of(items):
        if one.item != bodies.get(one.entry.item_hash):
            yield f"position {one.entry.n} has other bytes than were written"


def _answered(message: Written, shown: Mapping[bytes, bytes], keys: dict[bytes, KeyDates]) -> Iterator[str]:
    """The receipt verifies, is about this very message, and is the one that readers are shown."""
    if message.answer is None:
        return
    receipt = bytes(message.answer.receipt)
    try:
        promise = verify_receipt(receipt, keys)
    except Malformed as bad:
        yield f"{_name(message)}: its receipt does not verify: {bad}"
        return
    header = parse_envelope(message.envelope).header
    about = (header.thread, header.mid, message.item_hash)
    if not isinstance(promise, Promise) or (promise.thread, promise.mid, promise.item_hash) != about:
        yield f"{_name(message)}: its receipt is about something else"
    elif promise.release_at < promise.accepted_at:
        yield f"{_name(message)}: released before it was accepted"
    if shown.get(message.item_hash, receipt) != receipt:
        yield f"{_name(message)}: its readers are shown another promise"


def _own_order(known: Sequence[Written], placed: Mapping[bytes, Seen]) -> Iterator[str]:
    """Of one writer, only a message that was promised for later may be overtaken (A-3)."""
    by_writer: dict[str, list[Written]] = {}
    for message in sorted(known, key=lambda one: one.number):
        by_writer.setdefault(message.writer, []).append(message)
    for messages in by_writer.values():
        before: list[Seen] = []
        for message in messages:
            here = placed[message.item_hash]
            if any(one.entry.n > here.entry.n and _due(one) <= here.entry.placed_at for one in before):
                yield f"{_name(message)} overtook one that was due"
            before.append(here)


def _real_time_order(known: Sequence[Written], placed: Mapping[bytes, Seen]) -> Iterator[str]:
    """What began after a message was acknowledged as placed stands after it."""
    done = sorted((one for one in known if _placed_at_once(one)), key=lambda one: one.answered)
    highest, at = 0, 0
    for message in sorted(known, key=lambda one: one.began):
        while at < len(done) and done[at].answered < message.began:
            highest = max(highest, placed[done[at].item_hash].entry.n)
            at += 1
        if placed[message.item_hash].entry.n < highest:
            yield f"{_name(message)} stands before one that was placed when it began"


def _placed_at_once(message: Written) -> bool:
    return message.answer is not None and message.answer.state.state == "placed"


def _due(one: Seen) -> int:
    return 0 if one.promise is None else one.promise.release_at


def _name(message: Written) -> str:
    return f"{message.writer} #{message.number}"
