"""A thread that goes on after a restore, as its readers judge it (tep_amendments.md A-8, A-13)."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from etherapy.merkle.proof import inclusion_proof
from etherapy.merkle.tree import grow, leaf_hash
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import KeptItem, OwnItem
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.generations import Generations
from etherapy.sdk.verifying.own_items import judge_revision
from etherapy.sdk.verifying.thread_log import Applied, Reader, ThreadLog
from etherapy.signing import SigningKey
from etherapy.tep.payload import View
from etherapy.tep.placing import Entry, ItemType, Reason
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.restore import (
    RestoreStatement,
    mark_hash,
    pack_mark,
    parse_restore,
    sign_restore,
    thread_leaf,
)
from etherapy.tep.serverkeys import key_id
from etherapy.tep.statements import Decision, Promise, promise_hash
from tests.sdk.small_world import HOUR, RULES, SmallWorld
from tests.tep.world import PRACTICE, THREAD, Person

KEY = SigningKey(bytes(range(32)))
GENERATION = 77


@dataclass
class World(SmallWorld):
    """A small world whose server can be set back. `lost` is what was placed above."""

    def __post_init__(self) -> None:
        super().__post_init__()
        keys = {key_id(KEY.public): (KEY.public, 0, self.at + 10**10)}
        self.judge = Generations(PRACTICE, keys)
        self.lost: list[KeptItem] = []

    def set_back(self, n: int) -> None:
        """The server forgets everything above position n."""
        self.lost, self.items, self.ts = self.items[n:], self.items[:n], self.ts[: n + 1]

    def begin(self, key: SigningKey = KEY, size: int = 5, **changed: Any) -> Entry:
        """The mark with which the thread goes on, honest unless something is changed."""
        n, t = changed.pop("n", self.n), self.ts[-1]
        leaves = [leaf_hash(thread_leaf(bytes([at]) * 16, at, bytes(32))) for at in range(size)]
        leaves[3] = leaf_hash(thread_leaf(changed.pop("thread", THREAD), n, t))
        nodes, root = grow(0, _none, leaves)
        stored = {(level, at): digest for level, at, digest in nodes}
        previous, self.generation = self.generation, changed.pop("generation", GENERATION)
        plain = RestoreStatement(PRACTICE, GENERATION, previous, self.at, root)
        whole = sign_restore(replace(plain, **changed), key)
        path = inclusion_proof(3, size, lambda level, at: stored[(level, at)])
        name = mark_hash(parse_restore(whole).statement_hash, THREAD, self.n, t)
        return self.place(ItemType.GENERATION_MARK, pack_mark(whole, 3, size, path), name)

    def log(self, one: Person, secrets: dict[bytes, bytes] | None = None) -> ThreadLog:
        keys = self.host.keys.receipt_keys()
        reader = Reader(one.chain.chain_id, one.keys.device_id, keys, self.home, generations=self.judge)
        return ThreadLog(THREAD, reader, {} if secrets is None else secrets)

    def carry_over(self, receipt: bytes, **changed: Any) -> bytes:
        """The revision in the new generation."""
        old = Promise.unpack(receipt[: Promise.LAYOUT.size])
        mark = next(at for at, one in enumerate(self.items, 1) if Entry.unpack(one.entry).item_type == 4)
        new = replace(
            old,
            rev=old.rev + 1,
            generation=self.generation,
            n_acc=mark,
            previous=promise_hash(old),
        )
        return sign_receipt(replace(new, **changed), self.host.receipts, self.host.key_id)


def _none(level: int, index: int) -> bytes:
    raise KeyError((level, index))


def kinds(applied: Applied) -> set[Kind]:
    return {one.kind for one in applied.findings}


@pytest.fixture
def world() -> World:
    return World(seed="generations")


def test_at_59_a_reader_goes_on_behind_a_signed_mark_and_is_told(world: World):
    """AT-59"""
    world.deliver(world.write("before"))
    mark = world.begin()
    world.deliver(world.write("after"))
    log = world.log(world.vale)
    applied = world.read(log, world.vale)
    assert [one.text for one in log.messages] == ["before", "after"]
    assert kinds(applied) == {Kind.RESTORED} and not applied.findings[0].grave
    assert (log.spine.generation, log.spine.marks[0].n, log.halted) == (GENERATION, mark.n, None)
    again = world.log(world.vale, log.epochs.secrets)  # what is kept is judged once more, offline
    again.apply(world.items, None, Evidence(world.people(), [world.vale.keys], {}, world.began))
    assert again.spine.t == log.spine.t and again.spine.marks == log.spine.marks


@pytest.mark.parametrize(
    "changed",
    [
        {"key": SigningKey(bytes(32))},
        {"practice": bytes(16)},
        {"previous": 2, "generation": GENERATION},
        {"thread": bytes(16)},
        {"n": 1},
        {"generation": GENERATION + 1},
        {"root": bytes(32)},
        {"at": 10**14},
    ],
    ids=lambda changed: "-".join(changed),
)
def test_at_59_a_new_generation_without_a_statement_that_holds_is_refused(
    world: World, changed: dict[str, Any]
):
    """AT-59, AT-18"""
    log = world.log(world.anna)
    world.read(log, world.anna)
    before = (log.n, log.spine.t)
    world.begin(**changed)
    with pytest.raises(Refuted) as refused:
        world.read(log, world.anna)
    assert refused.value.finding.kind == Kind.BROKEN_LOG
    assert (log.n, log.spine.t) == before and not log.spine.marks


def test_at_59_a_generation_that_begins_without_its_mark_is_refused(world: World):
    """AT-59: with a commit or a message, or with a mark whose item is withheld."""
    world.generation = GENERATION
    world.deliver(world.write("as if nothing had happened"))
    with pytest.raises(Refuted):
        world.read(world.log(world.vale), world.vale)
    bare = World(seed="bare")
    bare.begin()
    bare.items[-1] = KeptItem(bare.items[-1].entry, None, None)
    with pytest.raises(Refuted):
        bare.read(bare.log(bare.vale), bare.vale)


def test_a_mark_inside_a_generation_is_refused(world: World):
    world.begin()
    world.begin(previous=1)
    with pytest.raises(Refuted):
        world.read(world.log(world.vale), world.vale)


def test_at_18_positions_below_the_mark_cannot_be_exchanged(world: World):
    """AT-18, AT-59: a statement about another history of the thread is a fork all the same."""
    world.deliver(world.write("real"))
    log = world.log(world.vale)
    world.read(log, world.vale)
    world.set_back(world.n - 1)
    world.deliver(world.write("another one in its place"))
    world.begin()
    with pytest.raises(Refuted):
        log.apply(world.items[log.n :], world.head(), Evidence(world.people(), [world.vale.keys], {}))


def lose_and_heal(world: World, envelopes: int = 2) -> list[Entry]:
    """Messages with views of each other's positions, lost, and placed again behind the mark."""
    start = world.n
    for at in range(envelopes):
        world.deliver(world.write(f"lost {at}"))
    world.set_back(start)
    world.begin()
    return [
        world.deliver(one.item or b"", world.carry_over(one.promise or b""), Reason.HEALED)
        for one in world.lost
    ]


def test_at_107_healed_messages_accuse_nobody(world: World):
    """AT-107: their views name positions that are given up, and they come late and behind later ones."""
    lose_and_heal(world, 3)
    log = world.log(world.vale)
    applied = world.read(log, world.vale)
    assert [one.text for one in log.messages] == ["lost 0", "lost 1", "lost 2"]
    assert kinds(applied) == {Kind.RESTORED}
    assert all(one.standing == "good" and one.reason == Reason.HEALED for one in log.messages)


def test_at_107_what_is_written_in_the_new_generation_has_no_excuse(world: World):
    """AT-107: a view of another history is an alarm once the device has shown that it knows this one."""
    lose_and_heal(world)
    world.deliver(world.write("caught up"))
    world.deliver(world.write("forked", view=View(world.n, bytes(32), 1, RULES)))
    applied = world.read(world.log(world.vale), world.vale)
    assert Kind.VIEW in kinds(applied)


def test_at_107_a_healed_message_behind_a_later_one_of_its_author_is_no_inversion(world: World):
    """AT-107"""
    world.deliver(world.write("lost"))
    world.set_back(world.n - 1)
    world.begin()
    world.at += HOUR
    world.deliver(world.write("written after the restore"))
    world.deliver(world.lost[0].item or b"", world.carry_over(world.lost[0].promise or b""), Reason.HEALED)
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == {Kind.RESTORED}


def test_at_107_healing_is_no_way_to_open_a_message_early(world: World):
    """AT-107"""
    envelope = world.write("not yet")
    receipt = world.promise(envelope, decision=Decision.HELD, release_at=world.at + HOUR)
    world.begin()
    world.deliver(envelope, world.carry_over(receipt), Reason.HEALED)
    applied = world.read(world.log(world.vale), world.vale)
    assert Kind.EARLY in kinds(applied)


def test_at_107_a_lost_message_that_is_placed_twice_is_shown_once(world: World):
    """AT-107"""
    (entry,) = lose_and_heal(world, 1)
    again = world.items[entry.n - 1]
    world.deliver(again.item or b"", again.promise, Reason.HEALED)
    log = world.log(world.vale)
    applied = world.read(log, world.vale)
    assert Kind.PLACED_AGAIN in kinds(applied)
    assert [one.text for one in log.messages if one.standing != "refused"] == ["lost 0"]


def test_at_107_a_promise_is_carried_over_as_it_was_and_never_made_worse(world: World):
    """AT-107"""
    envelope = world.write("held")
    receipt = world.promise(envelope, decision=Decision.HELD, release_at=world.at + HOUR)
    world.begin()
    keys = world.host.keys.receipt_keys()
    mid = Promise.unpack(receipt[: Promise.LAYOUT.size]).mid

    def judged(**changed: Any) -> Kind | None:
        item = OwnItem(mid=mid, attempts=[], state="held", receipt=receipt)
        found = judge_revision(item, world.carry_over(receipt, **changed), keys)
        return None if found is None else found[0]

    assert judged() is None
    assert judged(release_at=world.at + 2 * HOUR) == Kind.WORSE_PROMISE
    assert judged(item_hash=bytes(32)) == Kind.OTHER_PROMISE
    assert judged(accepted_at=world.at + 1) == Kind.OTHER_PROMISE
    assert judged(generation=1) == Kind.OTHER_PROMISE  # within a generation n_acc does not move


def test_at_59_everybody_who_reads_from_the_beginning_comes_to_one_state(world: World):
    """AT-59"""
    world.deliver(world.write("kept"))
    start = world.n
    world.deliver(world.write("lost"))
    world.set_back(start)
    world.begin()
    world.deliver(world.lost[0].item or b"", world.carry_over(world.lost[0].promise or b""), Reason.HEALED)
    world.deliver(world.write("answered", by=world.vale))
    logs = [world.log(one) for one in (world.anna, world.vale)]
    for log, one in zip(logs, (world.anna, world.vale), strict=True):
        world.read(log, one)
    shown = [[message.item_hash for message in log.messages] for log in logs]
    assert shown[0] == shown[1] and logs[0].spine.t == logs[1].spine.t
    assert [message.text for message in logs[1].messages][:2] == ["kept", "lost"]
