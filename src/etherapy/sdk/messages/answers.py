"""The server's answer to a send, held against what was sealed (A-2, A-3, A-9). Pure but for what it pins."""

from dataclasses import dataclass
from datetime import datetime

from etherapy.protocol.messages import Sent, State
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import Decision
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.own_items import judge_revision, judge_sibling, judge_status
from etherapy.sdk.verifying.promises import DecisionName, PromiseView, read_promise
from etherapy.sdk.verifying.spine import Pin
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType
from etherapy.tep.receipts import is_unproven, read_core
from etherapy.tep.statements import Promise

_CODES: dict[str, DecisionName] = {
    "at_once": "at_once",
    "silent": "silent",
    "held": "held",
    "no_future_window": "no_opening",
    "urgent": "urgent",
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A verified answer: the first promise, the entry where it is placed, and what is odd about the rest."""

    promise: PromiseView
    entry: Entry | None
    findings: tuple[Finding, ...]


def accept_answer(desk: ThreadDesk, item: OwnItem, sent: Sent, now: int) -> Accepted:
    """Check an answer and take it over into `item`. Refuted when the promise is not for what was sealed."""
    receipt = bytes(sent.receipt)
    promise = _check_promise(desk, item, sent, receipt)
    findings: list[Finding] = []

    def say(found: tuple[Kind, str] | None, **proof: bytes) -> None:
        if found is not None:
            findings.append(desk.log.find(*found, desk.log.n, {"receipt": receipt, **proof}))

    core = read_core(receipt[: Promise.LAYOUT.size])
    if item.receipt is None and is_unproven(core, desk.link.receipt_keys, now):
        say((Kind.UNPROVEN, "the server's promise is signed with a key that ended long ago"))
    item.receipt = item.receipt or receipt
    state = sent.state
    if state.promise is not None:
        say(judge_revision(item, bytes(state.promise), desk.link.receipt_keys), shown=bytes(state.promise))
    if state.status is not None:
        status = bytes(state.status)
        item.status = status
        causes = _causes(desk, item, status, None if state.recall is None else bytes(state.recall))
        say(judge_status(item, status, now, desk.link.receipt_keys, causes), status=status)
    entry = _check_entry(desk, item, state)
    if item.state != "placed":
        item.state = state.state
    item.sealed = None
    return Accepted(promise, entry, tuple(findings))


def _causes(desk: ThreadDesk, item: OwnItem, status: bytes, recall: bytes | None) -> set[bytes]:
    """What may honestly have ended an item of this person without this device."""
    epochs, me = desk.log.epochs, desk.link.people.person(desk.link.chain)
    sibling = judge_sibling(item, status, recall, me)
    causes = {one.commit.commit_hash for one in epochs.commits} | {sibling or b""}
    return causes | set(me.chain.hashes if me else ()) | set(desk.state.leaves)


def _check_promise(desk: ThreadDesk, item: OwnItem, sent: Sent, receipt: bytes) -> PromiseView:
    try:
        promise = read_promise(receipt, desk.link.receipt_keys)
    except Malformed as bad:
        raise _refuted(desk, f"the receipt does not hold: {bad}", receipt) from None
    if (promise.thread, promise.mid, promise.rev) != (desk.thread, item.mid, 0):
        raise _refuted(desk, "the receipt is for another message", receipt)
    if promise.item_hash not in item.attempts:
        raise _refuted(desk, "the receipt is for other bytes than were sealed here", receipt)
    if item.receipt is not None and item.receipt != receipt:
        raise _refuted(desk, "two different receipts for one message", receipt, item.receipt)
    said = sent.decision
    if not is_as_promised(said, promise):
        raise _refuted(desk, "the times shown are not those that were signed", receipt)
    if _is_before_restore(desk, receipt):
        return promise  # numbers of rule sheets above the backup were given out again
    if desk.log.letters.rules.setdefault(promise.rules_rev, promise.rules_hash) != promise.rules_hash:
        desk.link.note(
            [
                desk.log.find(
                    Kind.RULES_FORK,
                    "a promise names other rules than were shown",
                    desk.log.n,
                    {"receipt": receipt},
                )
            ]
        )
    return promise


def is_as_promised(said: Decision, promise: PromiseView) -> bool:
    """Whether a decision has the code and the times that were signed."""
    return (
        _CODES.get(said.code) == promise.decision
        and _same(said.release_at, promise.release_at)
        and _same(said.reply_by, promise.reply_by)
    )


def _is_before_restore(desk: ThreadDesk, receipt: bytes) -> bool:
    return Promise.unpack(receipt[: Promise.LAYOUT.size]).generation < desk.state.generation


def _check_entry(desk: ThreadDesk, item: OwnItem, state: State) -> Entry | None:
    """The entry of a placed item, under its signed head, which is pinned."""
    if state.state != "placed":
        return None
    try:
        entry = Entry.unpack(state.entry or b"")
    except Malformed as bad:
        raise _refuted(desk, f"the entry does not hold: {bad}", state.entry or b"") from None
    head = desk.log.spine.read_head(state.head or b"")
    if entry.item_type != ItemType.ENVELOPE or entry.item_hash not in item.attempts or head.n != entry.n:
        raise _refuted(desk, "the entry is for another message", entry.pack())
    desk.pin(Pin(head.n, head.t))
    return entry


def _same(shown: datetime | None, signed: datetime | None) -> bool:
    if shown is None or signed is None:
        return shown is signed
    return milliseconds(shown) == milliseconds(signed)


def _refuted(desk: ThreadDesk, words: str, *proof: bytes) -> Refuted:
    pieces = {f"evidence_{at}": one for at, one in enumerate(proof)}
    return Refuted(
        Finding(kind=Kind.BAD_PROMISE, words=words, proof=pieces, thread=desk.thread, n=desk.log.n)
    )
