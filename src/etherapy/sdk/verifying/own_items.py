"""A sender's own check on promises: kept, not made worse, not broken (tep_amendments.md A-3, A-4; D-4).

Pure. Everything is judged from what the server signed, never from this device's clock.
"""

from collections.abc import Collection, Iterable, Iterator

from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.person import Person
from etherapy.sdk.verifying.promises import read_promise
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Reason
from etherapy.tep.recall import parse_recall, recall_hash, recall_verifies
from etherapy.tep.receipts import Keys, verify_receipt
from etherapy.tep.statements import Promise, State, Status

GRACE_MS = 60_000
"""After release_at, before a promise counts as broken (A-3)."""
CLOCK_TOLERANCE_MS = 120_000


def bound(item: OwnItem) -> Promise | None:
    """The promise that binds: the first one."""
    return None if item.receipt is None else _promise(item.receipt)


def newest(item: OwnItem) -> Promise | None:
    """The newest promise known."""
    receipt = item.newest or item.receipt
    return None if receipt is None else _promise(receipt)


def overdue_by(own: Iterable[OwnItem], at: int) -> Iterator[OwnItem]:
    """Own held items whose promised time was over, with its grace, before something was placed at `at`."""
    for item in own:
        promise = newest(item)
        if item.state == "held" and promise is not None and is_late(promise, at):
            yield item


def is_late(promise: Promise, at: int) -> bool:
    """Whether an item under this promise should have been placed by `at` (ms)."""
    return promise.release_at > 0 and at > promise.release_at + GRACE_MS


def judge_placed(item: OwnItem, message: Message, keys: Keys) -> list[Finding]:
    """What is wrong about how an own item was placed, against what this device holds."""
    found: list[Finding] = []
    shown = message.promise
    assert shown is not None
    proof = {"shown": shown.receipt, "held": item.receipt or b""}

    def say(kind: Kind, words: str, **more: bytes) -> None:
        found.append(Finding(kind=kind, words=words, proof=proof | more, thread=message.thread, n=message.n))

    if item.state in ("recalled", "replaced") and (item.status or item.replaced_by):
        ended = item.status or item.recall or b""
        say(Kind.PLACED_AFTER_RECALL, "a message that was taken back was placed", status=ended)
    known = newest(item)
    if known is None:
        item.receipt = shown.receipt if shown.rev == 0 else item.receipt
    elif found_worse := judge_revision(item, shown.receipt, keys):
        say(*found_worse)
    placed_at = int(message.placed_at.timestamp() * 1000)
    first = bound(item)
    if first is not None and is_late(first, placed_at) and message.reason != Reason.HEALED:
        say(Kind.LATE, "a promised message was placed later than promised")
    return found


def judge_revision(item: OwnItem, receipt: bytes, keys: Keys) -> tuple[Kind, str] | None:
    """A promise shown for an own item against the newest one held; an honest revision is taken over."""
    held = newest(item)
    try:
        read_promise(receipt, keys)
    except Malformed as bad:
        return Kind.BAD_PROMISE, f"a revised promise does not hold: {bad}"
    shown = _promise(receipt)
    if held is None or shown == held:
        return None
    first = bound(item) or held
    same = (shown.thread, shown.mid, shown.item_hash, shown.accepted_at, shown.counted_from)
    known = (held.thread, held.mid, held.item_hash, held.accepted_at, held.counted_from)
    carried_over = shown.generation > held.generation  # after a restore n_acc is stated in the new positions
    if same != known or shown.rev <= held.rev or not (carried_over or shown.n_acc == held.n_acc):
        return Kind.OTHER_PROMISE, "others were shown another promise than this device"
    if _worse(first, shown):
        return Kind.WORSE_PROMISE, "a promise was moved to a later time"
    item.newest = receipt
    return None


def judge_status(
    item: OwnItem, receipt: bytes, now: int, keys: Keys, causes: Collection[bytes] = ()
) -> tuple[Kind, str] | None:
    """A Status for an own item: late (A-4), dropped without a cause, or dated in the past.

    `causes` are the hashes of what honestly ends an item without this device: Recalls by the person's other
    devices, links of their chain, commits of the thread, their Leave.
    """
    try:
        status = verify_receipt(receipt, keys)
    except Malformed as bad:
        return Kind.BAD_PROMISE, f"a status does not hold: {bad}"
    if not isinstance(status, Status) or (status.mid, status.item_hash) not in (
        (item.mid, one) for one in item.attempts
    ):
        return Kind.BAD_PROMISE, "a status is for another message"
    promise = newest(item)
    if status.state == State.HELD:
        if promise is not None and is_late(promise, status.at):
            return Kind.LATE, "a promised message still waits after its time"
        if status.at + CLOCK_TOLERANCE_MS < now:
            return Kind.CLOCK, "the server's clock stands still, or goes back"
        return None
    own = item.recall is not None and status.cause == recall_hash(item.recall)
    if not own and status.cause not in causes:
        return Kind.DROPPED, "a message was taken out, but by none of your devices"
    return None


def judge_sibling(item: OwnItem, receipt: bytes, recall: bytes | None, me: Person | None) -> bytes | None:
    """The hash of a Recall by another device of the person, if one of theirs signed it for this Status.

    A device that was out by then takes nothing back, whatever it may sign afterwards.
    """
    try:
        signed = parse_recall(recall or b"")
        status = Status.unpack(receipt[: Status.LAYOUT.size])
    except Malformed:
        return None
    device = me.chain.devices.get(signed.recall.device) if me else None
    named = (signed.recall.thread, signed.recall.mid, signed.recall.item_hash)
    if (
        me is None
        or device is None
        or _was_out(item, status, me.revoked_at(device.device_id))
        or named != (status.thread, status.mid, status.item_hash)
    ):
        return None
    return signed.recall_hash if recall_verifies(signed, device.sign_pk) else None


def _was_out(item: OwnItem, status: Status, revoked_at: int | None) -> bool:
    first = bound(item)
    accepted = 0 if first is None else first.accepted_at
    return revoked_at is not None and max(status.at, accepted) > revoked_at + CLOCK_TOLERANCE_MS


def judge_replacement(before: bytes | None, new: OwnItem) -> tuple[Kind, str] | None:
    """What is wrong about the promise for a message that took another's place (A-4): never later than the
    old one's, while that was still to come, and counted from the same instant."""
    if before is None or new.receipt is None:
        return None
    old, fresh = _promise(before), _promise(new.receipt)
    if fresh.counted_from != old.counted_from:
        return Kind.WORSE_PROMISE, "a changed message lost the time at which it was first written"
    past = 0 < old.release_at <= fresh.accepted_at
    if not past and _worse(old, fresh):
        return Kind.WORSE_PROMISE, "a changed message was promised for a later time than before"
    return None


def _worse(first: Promise, shown: Promise) -> bool:
    later_release = bool(first.release_at) and (shown.release_at == 0 or shown.release_at > first.release_at)
    later_reply = bool(first.reply_by) and (shown.reply_by == 0 or shown.reply_by > first.reply_by)
    return later_release or later_reply


def _promise(receipt: bytes) -> Promise:
    return Promise.unpack(receipt[: Promise.LAYOUT.size])
