"""Own messages that wait, as the server lists them, held against what this device made (A-3, A-4)."""

from etherapy.protocol.messages import WaitingMessage as WaitingItem
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.message import WaitingMessage
from etherapy.sdk.promises import PromiseView, read_promise
from etherapy.sdk.sending import read_own
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.malformed import Malformed


def read_waiting(desk: ThreadDesk, one: WaitingItem) -> WaitingMessage:
    """One message that waits; Refuted when its promise does not hold."""
    envelope, receipt = bytes(one.envelope), bytes(one.promise)
    return WaitingMessage(
        thread=desk.thread,
        mid=bytes(one.mid),
        text=read_own(desk, envelope),
        promise=_promise(desk, receipt),
        decision=one.decision,
        findings=_foreign(desk, envelope, receipt),
        state=one.state,
    )


def _promise(desk: ThreadDesk, receipt: bytes) -> PromiseView:
    try:
        return read_promise(receipt, desk.link.receipt_keys)
    except Malformed as bad:
        words = f"a promise does not hold: {bad}"
        raise Refuted(desk.log.find(Kind.BAD_PROMISE, words, desk.log.n, {"receipt": receipt})) from None


def _foreign(desk: ThreadDesk, envelope: bytes, receipt: bytes) -> tuple[Finding, ...]:
    """An alarm when something waits under this device's name that it did not make (A-3)."""
    try:
        read = parse_envelope(envelope)
    except Malformed:
        return ()
    own = desk.state.own.get(read.header.mid)
    if read.header.device != desk.link.keys.device_id or (own and read.item_hash in own.attempts):
        return ()
    words = "a message waits that this device signed but did not make: a copy of it may exist"
    proof = {"envelope": envelope, "receipt": receipt}
    return tuple(desk.link.note([desk.log.find(Kind.NOT_MINE, words, desk.log.n, proof)]))
