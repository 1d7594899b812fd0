"""From what a device brings back after a restore to what may be stored again (tep_amendments.md A-8).

The server honours its own signature from an earlier generation, and nothing else: a message without its
promise, or with another server's, is refused. Times are those of the old promise; only the position that it
was taken at is stated anew, for positions were given out anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import msgspec

from etherapy.protocol.healing import LostItem
from etherapy.rules.calendar import instant, tzdata_checksum, tzdata_version
from etherapy.rules.canonical import canonical_json
from etherapy.rules.decision import Code, Decision
from etherapy.rules.replay import RESTORED
from etherapy.rules.rule import NO_REPLY_EXPECTED
from etherapy.server.acceptance import window_of
from etherapy.server.keys import ServerSecrets
from etherapy.server.memory import rules_of
from etherapy.server.signed_answers import sign_status
from etherapy.store.healing import Lost, LostMessage, LostRecall, Standing
from etherapy.store.messages import DayRecord
from etherapy.store.threads import ThreadFacts
from etherapy.tep import statements
from etherapy.tep.envelope import Envelope, envelope_verifies, parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.recall import SignedRecall, parse_recall, recall_verifies
from etherapy.tep.receipts import sign_receipt, verify_receipt
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.statements import Promise, State, StatusReason, promise_hash

_CODES: Final[dict[int, Code]] = {
    statements.Decision.AT_ONCE: "at_once",
    statements.Decision.HELD: "held",
    statements.Decision.SILENT: "silent",
    statements.Decision.NO_OPENING: "no_future_window",
    statements.Decision.URGENT: "urgent",
}
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Claim:
    """A lost item with the promise that this server signed for it; `account` is its sender's."""

    promise: Promise
    receipt: bytes
    first: bytes
    account: bytes
    device: bytes
    envelope: Envelope | None
    recall: SignedRecall | None


def read_claim(item: LostItem, facts: ThreadFacts, thread: bytes, secrets: ServerSecrets) -> Claim:
    """A lost item as far as it can be judged without the database. Malformed when it does not hold.

    Codes: promise, thread, generation, device, signature, and those of the formats.
    """
    promise = _own_promise(bytes(item.promise), secrets)
    if promise.thread != thread:
        raise Malformed("thread", "lost item: of another thread")
    if promise.generation >= facts.generation:
        raise Malformed("generation", "lost item: promised in this generation")
    recall = None if item.recall is None else parse_recall(bytes(item.recall))
    envelope = None if item.envelope is None or recall else parse_envelope(bytes(item.envelope))
    if envelope is not None:
        account, device = _check_envelope(envelope, promise, facts)
    elif recall is not None:
        account, device = _check_recall(recall, promise, facts)
    else:
        raise Malformed("item", "lost item: neither a message nor a Recall")
    first = bytes(item.promise) if item.first is None else _check_first(bytes(item.first), promise, secrets)
    return Claim(promise, bytes(item.promise), first, account, device, envelope, recall)


def carried_over(
    claim: Claim, facts: ThreadFacts, mark_n: int, standing: Standing, secrets: ServerSecrets
) -> Promise:
    """The old promise in this generation. Malformed (epoch) if its epoch cannot have been the newest then.

    It was taken after the backup, so its epoch was not replaced before the mark; n_acc is the first position
    at which both hold.
    """
    if standing.next_n is not None and standing.next_n < mark_n:
        raise Malformed("epoch", "lost item: its epoch had been replaced when it was promised")
    return replace(
        claim.promise,
        rev=claim.promise.rev + 1,
        generation=facts.generation,
        n_acc=max(mark_n, standing.n),
        rules_rev=facts.rules_rev,
        rules_hash=facts.rules_hash,
        key_id=secrets.receipt_id,
        previous=promise_hash(claim.promise),
    )


def lost_message(
    claim: Claim, promise: Promise, facts: ThreadFacts, secrets: ServerSecrets, random: Random
) -> LostMessage:
    """What heal_message stores."""
    envelope = claim.envelope
    assert envelope is not None
    lost, decision = _lost(claim, facts, random)
    core = promise.pack()
    return LostMessage(
        lost=lost,
        envelope=envelope.pack(),
        urgent=envelope.header.urgent,
        service_class=envelope.header.service_class,
        size=envelope.header.ct_len,
        expects_reply=envelope.header.service_class != NO_REPLY_EXPECTED,
        window_at=window_of(rules_of(facts.rules), decision) if lost.by_client else None,
        promise=claim.first,
        promise_now=sign_receipt(core, secrets.receipt, secrets.receipt_id),
        promise_hash=promise_hash(core),
    )


def lost_recall(
    claim: Claim, facts: ThreadFacts, now: datetime, secrets: ServerSecrets, random: Random
) -> LostRecall:
    """What heal_recall stores."""
    signed = claim.recall
    assert signed is not None
    lost, _ = _lost(claim, facts, random)
    status = sign_status(
        secrets,
        State.RECALLED,
        StatusReason.SENDER,
        facts.generation,
        lost.thread,
        lost.mid,
        lost.item_hash,
        signed.recall_hash,
        now,
    )
    record = {
        "act": "message.recalled",
        "thread": lost.thread.hex(),
        "account": lost.account.hex(),
        "at": now.isoformat(),
    }
    day = DayRecord(now, random(16), random(32), canonical_json(record))
    return LostRecall(lost, claim.first, promise_hash(claim.promise), signed.core + signed.sig, status, day)


def _own_promise(receipt: bytes, secrets: ServerSecrets) -> Promise:
    found = verify_receipt(receipt, secrets.known.receipt_keys())
    if not isinstance(found, Promise):
        raise Malformed("promise", "lost item: this is no promise")
    return found


def _check_first(receipt: bytes, newest: Promise, secrets: ServerSecrets) -> bytes:
    first = _own_promise(receipt, secrets)
    same = (first.thread, first.mid, first.item_hash, first.accepted_at)
    if first.rev or same != (newest.thread, newest.mid, newest.item_hash, newest.accepted_at):
        raise Malformed("promise", "lost item: its first promise is for another one")
    return receipt


def _check_envelope(envelope: Envelope, promise: Promise, facts: ThreadFacts) -> tuple[bytes, bytes]:
    header = envelope.header
    named = (promise.thread, promise.mid, promise.epoch, promise.item_hash)
    if named != (header.thread, header.mid, header.epoch, envelope.item_hash):
        raise Malformed("promise", "lost item: its promise is for another one")
    return _expect_signed(header.device, partial(envelope_verifies, envelope), facts)


def _check_recall(signed: SignedRecall, promise: Promise, facts: ThreadFacts) -> tuple[bytes, bytes]:
    recall = signed.recall
    if (recall.thread, recall.mid, recall.item_hash) != (promise.thread, promise.mid, promise.item_hash):
        raise Malformed("recall", "lost item: its Recall is for another one")
    return _expect_signed(recall.device, partial(recall_verifies, signed), facts)


def _expect_signed(
    device: bytes, verifies: Callable[[bytes], bool], facts: ThreadFacts
) -> tuple[bytes, bytes]:
    """The account whose device signed it, and the device; `verifies` takes the device's signing key."""
    account, sign_pk = facts.devices.get(device, (b"", b""))
    if not account or account not in facts.members:
        raise Malformed("device", "lost item: signed by no device of a member")
    if not verifies(sign_pk):
        raise Malformed("signature", "lost item: its signature does not verify")
    return account, device


def _lost(claim: Claim, facts: ThreadFacts, random: Random) -> tuple[Lost, Decision]:
    promise = claim.promise
    decision = Decision(
        code=_CODES[promise.decision],
        accepted_at=instant(promise.accepted_at),
        release_at=_or_none(promise.release_at),
        reply_by=_or_none(promise.reply_by),
        zone=rules_of(facts.rules).timetable.zone_name,
        tzdata_version=tzdata_version(),
        tzdata_checksum=tzdata_checksum(),
    )
    lost = Lost(
        thread=promise.thread,
        account=claim.account,
        device=claim.device,
        mid=promise.mid,
        item_hash=promise.item_hash,
        epoch=promise.epoch,
        by_client=facts.members[claim.account].role in CLIENT_SIDE,
        accepted_at=instant(promise.accepted_at),
        counted_from=instant(promise.counted_from),
        release_at=_or_none(promise.release_at),
        reply_by=_or_none(promise.reply_by),
        decision=msgspec.json.encode(decision),
        question=RESTORED,
        leaf_id=random(16),
        leaf_salt=random(32),
    )
    return lost, decision


def _or_none(ms: int) -> datetime | None:
    return instant(ms) if ms else None


def order(claim: Claim) -> tuple[int, int]:
    """In which order lost messages come back: as they were counted (A-3)."""
    return claim.promise.counted_from, claim.promise.accepted_at
