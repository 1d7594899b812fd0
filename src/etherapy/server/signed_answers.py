"""What the server signs or repeats in answers: heads, statuses, states of messages."""

from datetime import datetime

import msgspec

from etherapy.binary import B64
from etherapy.protocol.messages import Sent, State
from etherapy.protocol.problems import StaleEpoch
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import Decision
from etherapy.server.keys import ServerSecrets
from etherapy.server.saying import words_for
from etherapy.store.messages import Placed, SentRow
from etherapy.store.threads import ThreadFacts
from etherapy.tep.placing import Entry, ItemType
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import Head, Status, StatusReason
from etherapy.tep.statements import State as WireState


def entry_bytes(placed: Placed, item_type: int) -> bytes:
    """The 88 bytes of an Entry (A-3)."""
    return Entry(
        item_type,
        placed.reason,
        placed.generation,
        placed.n,
        milliseconds(placed.placed_at),
        placed.item_hash,
        placed.promise_hash,
    ).pack()


def sign_head(
    secrets: ServerSecrets, thread: bytes, generation: int, n: int, t: bytes, placed_at: datetime
) -> B64:
    """The signed Head of a thread at position n; the same bytes from every node and at every time."""
    head = Head(generation, thread, n, t, milliseconds(placed_at), secrets.receipt_id)
    return B64(sign_receipt(head, secrets.receipt, secrets.receipt_id))


def head_at(secrets: ServerSecrets, thread: bytes, placed: Placed) -> B64:
    """The signed Head at an entry."""
    return sign_head(secrets, thread, placed.generation, placed.n, placed.t, placed.placed_at)


def sign_status(
    secrets: ServerSecrets,
    state: WireState,
    reason: StatusReason,
    generation: int,
    thread: bytes,
    mid: bytes,
    item_hash: bytes,
    cause: bytes,
    now: datetime,
) -> bytes:
    """A Status receipt (A-4)."""
    status = Status(
        state, reason, generation, thread, mid, item_hash, cause, milliseconds(now), secrets.receipt_id
    )
    return sign_receipt(status, secrets.receipt, secrets.receipt_id)


def state_of(secrets: ServerSecrets, thread: bytes, row: SentRow, status: bytes | None = None) -> State:
    """Where a message stands now. `status`: one that was signed for this answer."""
    placed = row.placed
    status = row.status or status
    return State(
        state=row.state,  # type: ignore[arg-type]  # the column's CHECK has the same words
        entry=None if placed is None else B64(entry_bytes(placed, ItemType.ENVELOPE)),
        head=None if placed is None else head_at(secrets, thread, placed),
        promise=None if row.promise_now is None else B64(row.promise_now),
        status=None if status is None else B64(status),
        recall=None if row.recall is None else B64(row.recall),
    )


def sent_answer(
    secrets: ServerSecrets,
    thread: bytes,
    facts: ThreadFacts,
    account: bytes,
    row: SentRow,
    zone: str = "",
    language: str = "en",
    status: bytes | None = None,
) -> Sent:
    """The answer to a send, a repetition or a look at it (D-31). `account` is the sender."""
    decision = msgspec.json.decode(row.decision, type=Decision)
    return Sent(
        receipt=B64(row.promise),
        decision=decision,
        state=state_of(secrets, thread, row, status),
        words=words_for(decision, facts, account, zone, language),
    )


def stale_epoch(newest: bytes) -> StaleEpoch:
    """The refusal that carries the commit to seal under."""
    return StaleEpoch(B64(newest))
