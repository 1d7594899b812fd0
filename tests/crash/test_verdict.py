"""The judge itself: each violation, planted into a history that is right, must be found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from etherapy.binary import B64
from etherapy.protocol.messages import Sent, State
from etherapy.protocol.threads import Item, Page
from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.crisis import Card
from etherapy.rules.decision import Decision
from etherapy.rules.explain import Preview
from etherapy.signing import SigningKey
from etherapy.tep.envelope import Header, padded_size, parse_envelope, sign_envelope
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next
from etherapy.tep.receipts import Promise, sign_receipt
from etherapy.tep.serverkeys import key_id
from etherapy.tep.statements import Decision as Promised
from etherapy.tep.statements import Head, promise_hash
from tests.crash.journal import BrokenPage, Journal, Seen, Walk, Written
from tests.crash.verdict import judge

THREAD = bytes(range(16))
T0 = bytes(32)
START = 1_780_000_000_000
WORDS = Preview((), "", Card("", "", (), ""), ())
SERVER = SigningKey(bytes([7]) * 32)
KEY_ID = key_id(SERVER.public)
KEYS = {KEY_ID: (SERVER.public, 0, 2**50)}


def written(number: int, *, held_ms: int = 0, writer: str = "anna") -> Written:
    """A message that was sent at second `number` and placed `held_ms` later."""
    dice, key = Random(number), SigningKey(bytes([number]) * 32)
    size = padded_size(10) + 16
    header = Header(
        THREAD, 0, bytes(16), dice.randbytes(16), bytes(24), bytes(32), bytes(32), 1, False, 1, size
    )
    envelope = sign_envelope(header, dice.randbytes(size), key)
    item_hash, at = parse_envelope(envelope).item_hash, START + 1000 * number
    code = Promised.HELD if held_ms else Promised.AT_ONCE
    core = Promise(
        code, 0, 1, THREAD, header.mid, item_hash, 0, 0, 1, bytes(32), at, at, at + held_ms, 0, KEY_ID
    ).pack()
    answer = Sent(
        B64(sign_receipt(core, SERVER, KEY_ID)), Decision(), State("held" if held_ms else "placed"), WORDS
    )
    return Written(
        writer,
        THREAD,
        header.mid,
        item_hash,
        envelope,
        "",
        number,
        number,
        answered=number + 0.5,
        answer=answer,
    )


def placed(messages: list[Written]) -> list[Seen]:
    """The messages one after the other, each placed when it fell due."""
    found, latest = [], 0
    for n, message in enumerate(messages, start=1):
        assert message.answer is not None
        promise = Promise.unpack(bytes(message.answer.receipt)[:192])
        latest = max(latest, promise.release_at)
        entry = Entry(ItemType.ENVELOPE, Reason.DUE, 1, n, latest, message.item_hash, promise_hash(promise))
        found.append(Seen(entry, message.envelope, bytes(message.answer.receipt), promise))
    return found


def verdict(messages: list[Written], seen: list[Seen]) -> list[str]:
    return judge(messages, {THREAD: seen}, KEYS)


def test_a_history_that_is_right_is_found_right():
    messages = [written(number) for number in range(1, 6)]
    assert verdict(messages, placed(messages)) == []


def test_a_held_message_may_be_overtaken_by_one_that_was_promised_earlier():
    held, later = written(1, held_ms=60_000), written(2)
    assert verdict([held, later], placed([later, held])) == []


def test_an_unanswered_message_may_be_there_or_not():
    lost, rest = written(1), written(2)
    lost.answer = None
    assert verdict([lost, rest], placed([rest])) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda messages, seen: seen[:-1],
        lambda messages, seen: [*seen, seen[-1]],
        lambda messages, seen: placed([messages[1], messages[0], *messages[2:]]),
        lambda messages, seen: [replace(seen[0], item=seen[1].item), *seen[1:]],
        lambda messages, seen: [replace(seen[0], receipt=seen[1].receipt), *seen[1:]],
        lambda messages, seen: [*seen, *placed([written(9)])],
        lambda messages, seen: [*seen[:1], *seen[2:]],
    ],
    ids=["lost", "twice", "out of order", "other bytes", "other promise", "made up", "a gap"],
)
def test_what_is_wrong_with_a_thread_is_found(spoil: Callable[[list[Written], list[Seen]], list[Seen]]):
    messages = [written(number) for number in range(1, 6)]
    assert verdict(messages, spoil(messages, placed(messages))) != []


def test_a_message_that_was_taken_back_and_is_there_is_found():
    messages = [written(1), written(2)]
    messages[0].recalled = True
    assert verdict(messages, placed(messages)) != []


def test_a_repetition_that_is_answered_differently_is_found():
    journal, message, other = Journal(), written(1), written(2)
    assert message.answer is not None and other.answer is not None
    journal.note(message, message.answer)
    assert journal.violations == []
    journal.note(message, other.answer)
    assert len(journal.violations) == 1


def page(seen: list[Seen]) -> Page:
    """As the server would show it."""
    t = T0
    for one in seen:
        t = thread_next(t, one.entry)
    last = seen[-1].entry
    head = Head(1, THREAD, last.n, t, last.placed_at, KEY_ID)
    items = [Item(B64(one.entry.pack()), B64(one.item), B64(one.receipt)) for one in seen]
    return Page(items, B64(sign_receipt(head, SERVER, KEY_ID)), last.n)


def test_a_reader_takes_a_page_that_is_right_and_none_that_is_early_or_broken():
    seen = placed([written(1), written(2, held_ms=3_600_000)])
    due = instant(seen[-1].entry.placed_at)
    walk = Walk(THREAD, KEYS, T0)
    walk.extend(page(seen), due)
    assert walk.seen == seen
    early = [seen[0], replace(seen[1], entry=replace(seen[1].entry, placed_at=START + 2000))]
    for shown, now in (
        (seen, due - timedelta(milliseconds=1)),
        (early, due),
        (early, datetime.fromtimestamp(START / 1000 + 60, UTC)),
        (seen[1:], due),
    ):
        with pytest.raises(BrokenPage):
            Walk(THREAD, KEYS, T0).extend(page(shown), now)
    assert milliseconds(due) == seen[-1].entry.placed_at
