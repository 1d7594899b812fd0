"""Promises as people need them, and their verification by anybody, offline (tep_amendments.md A-2).

view = verify_bundle(Path("receipt.json").read_bytes())
print(view.release_at, view.reply_by, view.server_id.hex())
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import msgspec

from etherapy.binary import B64, dec_hook, enc_hook
from etherapy.rules.calendar import instant, milliseconds
from etherapy.sdk.faults import DeviceFault
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import Keys, is_unproven, read_core, verify_receipt
from etherapy.tep.serverkeys import verify_server_chain
from etherapy.tep.statements import Decision, Promise, Status, promise_hash

DecisionName = Literal["at_once", "held", "silent", "no_opening", "urgent"]
_NAMES: Final[dict[int, DecisionName]] = {
    Decision.AT_ONCE: "at_once",
    Decision.HELD: "held",
    Decision.SILENT: "silent",
    Decision.NO_OPENING: "no_opening",
    Decision.URGENT: "urgent",
}
FORMAT: Final = "etherapy-receipt"


class ReceiptRefused(DeviceFault):
    """This receipt does not prove what it should."""

    mend = "ask the sender for the file again; keep this one if you believe it was changed"


@dataclass(frozen=True, slots=True)
class PromiseView:
    """What the server signed when it took a message. Times are UTC; None: nothing is promised.

    `n_acc` counts what had been placed by then. `rev` 0 is the promise that binds. `server_id` is empty where
    the caller holds the server's keys already. `unproven`: first seen more than 30 days after its key ended,
    so that whoever got hold of the old key could have made it (A-8).
    """

    decision: DecisionName
    rev: int
    thread: bytes
    mid: bytes
    item_hash: bytes
    n_acc: int
    epoch: int
    rules_rev: int
    rules_hash: bytes
    accepted_at: datetime
    counted_from: datetime
    release_at: datetime | None
    reply_by: datetime | None
    promise_hash: bytes
    receipt: bytes = field(repr=False)
    server_id: bytes = b""
    origin: str = ""
    unproven: bool = False


def read_promise(receipt: bytes, keys: Keys, server_id: bytes = b"", origin: str = "") -> PromiseView:
    """The promise in a receipt; Malformed unless the server signed it."""
    promise = verify_receipt(receipt, keys)
    if not isinstance(promise, Promise):
        raise Malformed("type", "receipt: not a promise")
    return PromiseView(
        decision=_NAMES[promise.decision],
        rev=promise.rev,
        thread=promise.thread,
        mid=promise.mid,
        item_hash=promise.item_hash,
        n_acc=promise.n_acc,
        epoch=promise.epoch,
        rules_rev=promise.rules_rev,
        rules_hash=promise.rules_hash,
        accepted_at=instant(promise.accepted_at),
        counted_from=instant(promise.counted_from),
        release_at=_or_none(promise.release_at),
        reply_by=_or_none(promise.reply_by),
        promise_hash=promise_hash(promise),
        receipt=receipt,
        server_id=server_id,
        origin=origin,
    )


def verify_promise(
    receipt: bytes,
    server_links: Sequence[bytes],
    envelope: bytes | None = None,
    seen_at: datetime | None = None,
) -> PromiseView:
    """What a promise says, if the server of these key links signed it, for this envelope where one is given.

    `seen_at`: when it was seen first, by a clock that is trusted; None does not judge that.

    view = verify_promise(receipt, server_links, envelope)
    assert view.server_id == the_one_in_my_invitation
    """
    try:
        server = verify_server_chain(server_links)
        view = read_promise(receipt, server.receipt_keys(), server.server_id, server.origin)
        if envelope is not None and parse_envelope(envelope).item_hash != view.item_hash:
            raise Malformed("item_hash", "receipt: for another message than the one beside it")
        if seen_at is not None:
            core = read_core(receipt[: Promise.LAYOUT.size])
            late = is_unproven(core, server.receipt_keys(), milliseconds(seen_at))
            view = replace(view, unproven=late)
    except Malformed as bad:
        raise ReceiptRefused(f"the receipt does not hold: {bad}") from None
    return view


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A receipt with all that is needed to check it without any network: a JSON file to keep or hand on."""

    format: Literal["etherapy-receipt"] = FORMAT
    version: Literal[1] = 1
    server_links: list[B64]
    receipt: B64
    envelope: B64 | None = None
    revisions: list[B64] = []
    """Later promises for the same message, oldest first."""
    status: B64 | None = None
    """A signed Status, where one was given."""


def write_bundle(
    server_links: Sequence[bytes],
    receipt: bytes,
    envelope: bytes | None = None,
    revisions: Sequence[bytes] = (),
    status: bytes | None = None,
) -> bytes:
    """A bundle as a JSON file."""
    bundle = Bundle(
        server_links=[B64(link) for link in server_links],
        receipt=B64(receipt),
        envelope=None if envelope is None else B64(envelope),
        revisions=[B64(one) for one in revisions],
        status=None if status is None else B64(status),
    )
    return msgspec.json.format(msgspec.json.encode(bundle, enc_hook=enc_hook)) + b"\n"


def verify_bundle(data: bytes, seen_at: datetime | None = None) -> PromiseView:
    """What the first promise in a bundle says; ReceiptRefused unless everything in the bundle holds.

    `seen_at` as in `verify_promise`.

    view = verify_bundle(Path("receipt.json").read_bytes())
    """
    try:
        bundle = msgspec.json.decode(data, type=Bundle, dec_hook=dec_hook)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ReceiptRefused("this file is not a receipt of Etherapy") from None
    first = verify_promise(bundle.receipt, bundle.server_links, bundle.envelope, seen_at)
    before = first
    for receipt in bundle.revisions:
        before = _follow(before, verify_promise(receipt, bundle.server_links), receipt)
    if bundle.status is not None:
        _check_status(bundle.status, bundle.server_links, first)
    return first


def _follow(before: PromiseView, after: PromiseView, receipt: bytes) -> PromiseView:
    core = Promise.unpack(receipt[: Promise.LAYOUT.size])
    follows = after.rev > before.rev and after.item_hash == before.item_hash
    if after.rev == before.rev + 1:
        follows = follows and core.previous == before.promise_hash
    if not follows:
        raise ReceiptRefused("a later promise in the file does not follow the one before it")
    return after


def _check_status(receipt: bytes, server_links: Sequence[bytes], promise: PromiseView) -> None:
    try:
        status = verify_receipt(receipt, verify_server_chain(server_links).receipt_keys())
    except Malformed as bad:
        raise ReceiptRefused(f"the status does not hold: {bad}") from None
    if not isinstance(status, Status) or (status.mid, status.item_hash) != (promise.mid, promise.item_hash):
        raise ReceiptRefused("the status in the file is for another message")


def _or_none(ms: int) -> datetime | None:
    return instant(ms) if ms else None
