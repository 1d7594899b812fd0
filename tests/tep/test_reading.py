"""What readers refuse from a server that lies about order and times (tep_amendments.md A-3, A-5)."""

from dataclasses import replace

import pytest

from etherapy.crypto.messages import seal_message
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry, ItemType, Reason
from etherapy.tep.reading import PlacedCommit, PlacedItem, check_placed, unjustified_inversions
from etherapy.tep.receipts import Decision, Promise, promise_hash
from tests.tep.world import NOW, Thread, text, thread

HOUR = 3_600_000
KID = bytes(8)


def placed(
    envelope: bytes, n: int, *, accepted: int, n_acc: int, release: int, at: int, reason: int = Reason.DUE
) -> PlacedItem:
    """A message as an honest server would place it."""
    found = parse_envelope(envelope)
    header = found.header
    promise = Promise(
        *(Decision.HELD, 0, 1, header.thread, header.mid, found.item_hash, n_acc, header.epoch, 1, bytes(32)),
        *(accepted, accepted, release, 0, KID),
    )
    return PlacedItem(entry(n, at, promise, reason), found, promise)


def entry(n: int, at: int, promise: Promise, reason: int = Reason.DUE) -> Entry:
    return Entry(ItemType.ENVELOPE, reason, 1, n, at, promise.item_hash, promise_hash(promise))


def commits(made: Thread, *positions: int) -> list[PlacedCommit]:
    return [PlacedCommit(n, commit) for n, commit in zip(positions, made.commits, strict=True)]


def refused(what: str, item: PlacedItem, known: list[PlacedCommit]) -> None:
    with pytest.raises(Malformed) as problem:
        check_placed(item, known)
    assert problem.value.what == what


def overnight() -> tuple[Thread, PlacedItem, list[PlacedCommit]]:
    """Accepted in epoch 0 at position 2, another epoch at position 3, placed at 4."""
    made = thread()
    sealed = made.message("good night")
    made.commit()
    item = placed(sealed, 4, accepted=NOW, n_acc=2, release=NOW + 9 * HOUR, at=NOW + 9 * HOUR)
    return made, item, commits(made, 2, 3)


def test_at_90_an_item_placed_after_a_newer_epoch_than_its_own_is_accepted():
    """AT-90."""
    _, item, known = overnight()
    check_placed(item, known)
    clock_set_back = replace(item.promise, accepted_at=NOW + 8 * HOUR, counted_from=NOW + 8 * HOUR)
    check_placed(
        PlacedItem(entry(4, item.entry.placed_at, clock_set_back), item.envelope, clock_set_back), known
    )


@pytest.mark.parametrize("n_acc", [0, 1, 3])
def test_at_90_an_item_accepted_when_its_epoch_was_not_the_newest_is_rejected(n_acc):
    """AT-90."""
    _, item, known = overnight()
    promise = replace(item.promise, n_acc=n_acc)
    refused("acceptance", PlacedItem(entry(4, item.entry.placed_at, promise), item.envelope, promise), known)


def test_at_91_an_item_of_a_device_removed_before_is_rejected_with_a_perfect_promise():
    """AT-91."""
    made = thread()
    stolen = made.client.add()
    made.commit()
    sealed = made.message("not by me", by=stolen)
    made.client.revoke(stolen)
    made.commit()
    item = placed(sealed, 9, accepted=NOW, n_acc=5, release=NOW + HOUR, at=NOW + HOUR)
    refused("removed", item, commits(made, 2, 5, 8))
    before = placed(sealed, 7, accepted=NOW, n_acc=5, release=NOW + HOUR, at=NOW + HOUR)
    check_placed(before, commits(made, 2, 5, 8))


def test_at_84_another_promise_than_the_one_the_item_was_placed_under_is_detected():
    """AT-84."""
    _, item, known = overnight()
    shown = replace(item.promise, release_at=NOW + HOUR)
    refused("promise", PlacedItem(item.entry, item.envelope, shown), known)


def test_at_84_a_promise_or_an_entry_for_another_item_is_detected():
    """AT-84."""
    made, item, known = overnight()
    other = placed(made.message("other"), 4, accepted=NOW, n_acc=2, release=NOW, at=NOW)
    refused("promise", replace(item, promise=other.promise), known)
    refused("promise", replace(item, entry=other.entry), known)
    for changed in ({"mid": bytes(16)}, {"thread": bytes(16)}, {"epoch": 7}):
        promise = replace(item.promise, **changed)
        refused("promise", PlacedItem(entry(4, NOW + 9 * HOUR, promise), item.envelope, promise), known)


def test_an_item_placed_early_needs_a_reason():
    _, item, known = overnight()
    for reason, fits in (
        (Reason.DUE, False),
        (Reason.AT_ONCE, False),
        (Reason.EARLIER_OPENING, True),
        (Reason.URGENT, True),
    ):
        early = replace(item, entry=entry(4, NOW + HOUR, item.promise, reason))
        if fits:
            check_placed(early, known)
        else:
            refused("early", early, known)


def test_an_item_is_not_placed_before_it_was_accepted():
    _, item, known = overnight()
    refused("acceptance", replace(item, entry=entry(4, NOW - 200_000, item.promise, Reason.URGENT)), known)
    check_placed(replace(item, entry=entry(4, NOW - 100_000, item.promise, Reason.URGENT)), known)
    promise = replace(item.promise, n_acc=4)
    refused("acceptance", PlacedItem(entry(4, NOW + 9 * HOUR, promise), item.envelope, promise), known)


def test_an_item_of_no_epoch_before_it_is_rejected():
    made, item, known = overnight()
    refused("epoch", item, known[1:])
    refused("epoch", item, commits(made, 5, 6))
    refused("epoch", item, [])


def test_at_84_an_item_that_overtook_one_already_due_is_detected():
    """AT-84, AT-39, AT-40."""
    made = thread()
    first = placed(made.message("first"), 5, accepted=NOW, n_acc=2, release=NOW + HOUR, at=NOW + 5 * HOUR)
    second = placed(
        made.message("second"), 4, accepted=NOW + 1, n_acc=2, release=NOW + HOUR, at=NOW + 4 * HOUR
    )
    assert unjustified_inversions(first, [second]) == [second]
    assert unjustified_inversions(second, [first]) == []
    within_tolerance = replace(second, entry=replace(second.entry, placed_at=NOW + HOUR + 119_999))
    assert unjustified_inversions(first, [within_tolerance]) == []


def test_at_85_an_urgent_item_overtakes_what_is_not_due_yet():
    """AT-85."""
    made = thread()
    first = placed(made.message("first"), 5, accepted=NOW, n_acc=2, release=NOW + HOUR, at=NOW + HOUR)
    urgent = placed(
        made.message("urgent", urgent=True),
        4,
        accepted=NOW + 1,
        n_acc=2,
        release=NOW + 1,
        at=NOW + 1,
        reason=Reason.URGENT,
    )
    assert unjustified_inversions(first, [urgent]) == []
    check_placed(first, commits(made, 2))
    check_placed(urgent, commits(made, 2))


@pytest.mark.parametrize("years", [-1, 1])
def test_a_senders_clock_decides_nothing_about_order(years):
    """AT-73: what counts are the server's times and positions, which everybody sees alike."""
    made = thread()
    wrong = replace(text("from another year"), at=NOW + years * 365 * 24 * HOUR)
    first = made.message("in time")
    second = seal_message(wrong, secret=made.secrets[0], commit=made.commits[0], key=made.client.keys.sign)
    items = [
        placed(one, n, accepted=NOW + n, n_acc=2, release=NOW + HOUR, at=NOW + HOUR)
        for n, one in ((3, first), (4, second))
    ]
    for one in items:
        check_placed(one, commits(made, 2))
    assert unjustified_inversions(items[1], items[:1]) == []
