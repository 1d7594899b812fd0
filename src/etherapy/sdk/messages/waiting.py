"""Own messages that wait, as the server lists them, held against what this device made (A-3, A-4)."""

from etherapy.protocol.messages import WaitingMessage as WaitingItem
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.messages.sending import read_own
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.message import WaitingMessage
from etherapy.sdk.verifying.promises import PromiseView, read_promise
from etherapy.tep.envelope import Envelope, envelope_verifies, parse_envelope
from etherapy.tep.malformed import Malformed


def read_waiting(desk: ThreadDesk, one: WaitingItem) -> WaitingMessage:
    """One message that waits; Refuted when its promise does not hold."""
    envelope, receipt = bytes(one.envelope), bytes(one.promise)
    return WaitingMessage(
        thread=desk.thread,
        mid=bytes(one.mid),
        text=read_own(desk, envelope) if _is_signed_by_oneself(desk, envelope) else None,
        promise=_promise(desk, receipt),
        decision=one.decision,
        findings=_foreign(desk, envelope, receipt),
        state=one.state,
    )


def is_by_oneself(desk: ThreadDesk, envelope: Envelope) -> bool:
    """Whether one of this person's devices signed it, as the roster of its epoch names them.

    All who read an epoch could have sealed it: without the signature, anybody's words would be taken for
    one's own.
    """
    header = envelope.header
    commit = desk.log.epochs.of(header.commit_hash)
    row = None if commit is None else commit.core.row_of(header.device)
    if row is None or row.chain_id != desk.link.chain or header.thread != desk.thread:
        return False
    me = desk.link.people.person(desk.link.chain)
    then = None if me is None else me.at(row.chain_seq)
    device = None if then is None else then.devices.get(header.device)
    return device is not None and envelope_verifies(envelope, device.sign_pk)


def _is_signed_by_oneself(desk: ThreadDesk, whole: bytes) -> bool:
    try:
        return is_by_oneself(desk, parse_envelope(whole))
    except Malformed:
        return False


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
