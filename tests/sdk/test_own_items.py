"""A sender's own checks on promises, and what a view may name (AT-83, 84, 87, 110)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.verifying.own_items import (
    bound,
    judge_placed,
    judge_revision,
    judge_status,
    newest,
    overdue_by,
)
from etherapy.sdk.verifying.promises import ReceiptRefused, verify_bundle, write_bundle
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.placing import Reason
from etherapy.tep.recall import recall_hash
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import Decision, Promise, State, Status, StatusReason, promise_hash
from tests.sdk.small_world import HOUR, RULES, SmallWorld
from tests.tep.world import THREAD


@pytest.fixture(scope="module")
def world() -> SmallWorld:
    return SmallWorld(seed="own")


def held(world: SmallWorld, text: str = "held", hours: int = 1) -> OwnItem:
    """An own item that is promised to be placed in so many hours."""
    envelope = world.write(text)
    read = parse_envelope(envelope)
    receipt = world.promise(envelope, decision=Decision.HELD, release_at=world.at + hours * HOUR)
    return OwnItem(
        mid=read.header.mid, attempts=[read.item_hash], state="held", receipt=receipt, envelope=envelope
    )


def revised(world: SmallWorld, item: OwnItem, **changed) -> bytes:
    first = bound(item)
    assert first is not None
    fields = {"rev": first.rev + 1, "previous": promise_hash(first), **changed}
    return sign_receipt(replace(first, **fields), world.host.receipts, world.host.key_id)


def status(world: SmallWorld, item: OwnItem, at: int, state: State = State.HELD, **changed) -> bytes:
    reason = StatusReason.NONE if state == State.HELD else StatusReason.SENDER
    core = Status(state, reason, 1, THREAD, item.mid, item.attempts[0], bytes(32), at, world.host.key_id)
    return sign_receipt(replace(core, **changed), world.host.receipts, world.host.key_id)


def test_at_83_a_status_dated_after_the_promise_is_the_proof_of_lateness(world: SmallWorld):
    """AT-41, AT-83: the promise and the later Status prove that it was dropped."""
    item, keys = held(world), world.host.keys.receipt_keys()
    promise = newest(item)
    assert promise is not None
    due = promise.release_at
    assert judge_status(item, status(world, item, due + 60_000), due, keys) is None
    found = judge_status(item, status(world, item, due + 60_001), due, keys)
    assert found is not None
    assert found[0] == Kind.LATE


def test_a_server_whose_clock_stands_still_cannot_hide_behind_it(world: SmallWorld):
    item, keys = held(world), world.host.keys.receipt_keys()
    found = judge_status(item, status(world, item, world.at), world.at + 2 * HOUR, keys)
    assert found is not None
    assert found[0] == Kind.CLOCK


def test_at_87_a_message_taken_out_without_ones_own_recall_is_reported(world: SmallWorld):
    """AT-87."""
    item, keys = held(world), world.host.keys.receipt_keys()
    item.recall = b"r" * 192
    honest = status(world, item, world.at, State.RECALLED, cause=recall_hash(item.recall))
    other = status(world, item, world.at, State.RECALLED, cause=bytes([1]) * 32)
    assert judge_status(item, honest, world.at, keys) is None
    found = judge_status(item, other, world.at, keys)
    assert found is not None
    assert found[0] == Kind.DROPPED


def test_a_status_for_another_message_is_refused(world: SmallWorld):
    item, keys = held(world), world.host.keys.receipt_keys()
    found = judge_status(item, status(world, held(world, "other"), world.at), world.at, keys)
    assert found is not None
    assert found[0] == Kind.BAD_PROMISE


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"release_at": -HOUR // 2}, None),
        ({"release_at": 1}, Kind.WORSE_PROMISE),
        ({"rev": 0, "previous": bytes(32), "release_at": -1}, Kind.OTHER_PROMISE),
        ({"item_hash": bytes(32)}, Kind.OTHER_PROMISE),
        ({"n_acc": 77}, Kind.OTHER_PROMISE),
    ],
)
def test_a_promise_may_get_better_and_nothing_else(world: SmallWorld, changed: dict, wanted: Kind | None):
    item = held(world)
    first = bound(item)
    assert first is not None
    if "release_at" in changed:
        changed = changed | {"release_at": first.release_at + changed["release_at"]}
    receipt = revised(world, item, **changed)
    found = judge_revision(item, receipt, world.host.keys.receipt_keys())
    assert (found and found[0]) == wanted
    assert item.newest == (receipt if wanted is None else None)


def test_at_84_an_item_placed_under_another_promise_than_the_sender_holds():
    """AT-84."""
    here = SmallWorld(seed="84")
    item = held(here)
    assert item.envelope is not None
    other = here.promise(
        item.envelope, decision=Decision.HELD, release_at=here.at + HOUR, rules_rev=1, reply_by=5
    )
    here.at += HOUR
    here.deliver(item.envelope, other, Reason.DUE)
    log = here.log(here.anna)
    (message,) = here.read(log, here.anna, own={item.mid: item}).messages
    assert message.standing == "good"
    found = judge_placed(item, message, here.host.keys.receipt_keys())
    assert [one.kind for one in found] == [Kind.OTHER_PROMISE]
    assert set(found[0].proof) == {"shown", "held"}


def test_at_87_an_item_placed_after_it_was_taken_back():
    """AT-87."""
    here = SmallWorld(seed="87")
    item = held(here)
    item.state, item.status = "recalled", b"status"
    assert item.envelope is not None
    here.at += HOUR
    here.deliver(item.envelope, item.receipt, Reason.DUE)
    (message,) = here.read(here.log(here.anna), here.anna, own={item.mid: item}).messages
    found = judge_placed(item, message, here.host.keys.receipt_keys())
    assert [one.kind for one in found] == [Kind.PLACED_AFTER_RECALL]


def test_something_placed_after_the_time_of_a_promise_shows_that_it_was_broken(world: SmallWorld):
    item = held(world)
    promise = newest(item)
    assert promise is not None
    assert list(overdue_by([item], promise.release_at + 60_000)) == []
    assert list(overdue_by([item], promise.release_at + 60_001)) == [item]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["place", "hold", "late"]), max_size=6), st.randoms())
def test_at_110_no_view_names_an_item_that_is_not_placed(acts: list[str], luck):
    """AT-110."""
    here = SmallWorld(seed="110")
    log, own = here.log(here.anna), dict[bytes, OwnItem]()
    overdue: list[bytes] = []
    waiting: list[OwnItem] = []
    for act in acts:
        item = held(here, hours=0 if act == "place" else 1)
        own[item.mid] = item
        if act == "place":
            assert item.envelope is not None
            here.deliver(item.envelope, item.receipt, Reason.DUE)
        else:
            waiting.append(item)
            overdue += item.attempts if act == "late" else []
    here.read(log, here.anna, own=own)
    luck.shuffle(overdue)
    view = log.view(1, RULES, (0, b""), overdue)
    assert (view.n, view.t) == (here.n, here.ts[-1])
    assert (view.keys_size, view.keys_root) == (None, None)
    assert set(view.overdue) == set(overdue)
    named = view.t + view.rules_hash + b"".join(view.overdue)
    for item in waiting:
        assert item.mid not in named
        assert item.attempts[0] in overdue or item.attempts[0] not in named
    for item in waiting:  # placed late, they are named no more
        assert item.envelope is not None
        here.at += 2 * HOUR
        here.deliver(item.envelope, item.receipt, Reason.DUE)
    here.read(log, here.anna, own=own)
    assert log.view(1, RULES, None, overdue).overdue == ()


def test_a_bundle_holds_for_its_own_message_and_server_only(world: SmallWorld):
    item, other = held(world), held(world, "other")
    assert item.receipt is not None
    good = write_bundle(world.host.links, item.receipt, item.envelope, [revised(world, item)])
    assert verify_bundle(good).rev == 0
    late = status(world, item, world.at + 9 * HOUR)
    assert verify_bundle(write_bundle(world.host.links, item.receipt, status=late)).mid == item.mid
    for bad in (
        write_bundle(world.host.links, item.receipt, other.envelope),
        write_bundle(world.host.links, item.receipt, item.envelope, [revised(world, other)]),
        write_bundle(world.host.links, item.receipt, status=status(world, other, world.at)),
        write_bundle([], item.receipt),
        b"{}",
        b"\xff",
    ):
        with pytest.raises(ReceiptRefused):
            verify_bundle(bad)
    assert Promise.unpack(item.receipt[: Promise.LAYOUT.size]).decision == Decision.HELD
