"""What a server that turns against its people can try, and the findings by which honest devices must notice.

An attack answers whether the moment allowed it. The attacker signs with the server's own keys, holds every
row and every envelope, and may have a removed device at hand.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.own_items import GRACE_MS
from etherapy.tep.epoch import Commit, Role
from etherapy.tep.placing import Entry, ItemType, Reason
from etherapy.tep.statements import Promise
from tests.simulator.host import HOUR, Host, Item
from tests.simulator.phone import Phone
from tests.simulator.scene import Scene


@dataclass(frozen=True)
class Attack:
    """`noticed` are the findings of which at least one must come to an honest device."""

    strike: Callable[[Scene, Random], bool]
    noticed: frozenset[Kind]


def drop(scene: Scene, dice: Random) -> bool:
    """Never place a promised message."""
    waiting = _held(scene)
    if not waiting:
        return False
    one = dice.choice(waiting)
    one.state = "dropped"
    scene.host.pass_time(max(0, one.promise.release_at - scene.host.now) + GRACE_MS + 1)
    return True


def show_early(scene: Scene, dice: Random) -> bool:
    """Place a held message before its time."""
    waiting = [one for one in _held(scene) if one.promise.release_at > scene.host.now]
    if not waiting:
        return False
    scene.host.place_message(dice.choice(waiting), Reason.DUE)
    return True


def show_recalled(scene: Scene, dice: Random) -> bool:
    """Place a message that its sender took back."""
    gone = [one for one in scene.host.accepted.values() if one.state == "recalled"]
    if not gone:
        return False
    one = dice.choice(gone)
    scene.host.now = max(scene.host.now, one.promise.release_at)
    scene.host.place_message(one, Reason.DUE)
    return any(phone.device == one.envelope.header.device for phone in scene.alive())


def overtake(scene: Scene, dice: Random) -> bool:
    """Place a later message of a person before an earlier one, although both were due."""
    host = scene.host
    if host.opens_at() <= host.now:
        host.pass_time(HOUR)
    phone = dice.choice(scene.alive(Role.CLIENT))
    first = phone.write("first")
    host.pass_time(1000)
    second = phone.write("second")
    if first is None or second is None or first.state != "held" or second.state != "held":
        return False
    host.late = True
    host.pass_time(3 * HOUR)
    host.place_message(second, Reason.DUE)
    host.place_message(first, Reason.DUE)
    host.late = False
    return True


def place_twice(scene: Scene, dice: Random) -> bool:
    """Show a placed message once more."""
    placed = [one for one in scene.host.accepted.values() if one.state == "placed"]
    if not placed:
        return False
    scene.host.place_message(dice.choice(placed), Reason.DUE)
    return True


def promise_two_things(scene: Scene, dice: Random) -> bool:
    """Show readers another promise than the sender holds."""
    waiting = _held(scene)
    if not waiting:
        return False
    one = dice.choice(waiting)
    one.promise = replace(one.promise, accepted_at=one.promise.accepted_at + 1, release_at=scene.host.now)
    one.receipt = scene.host.sign(one.promise)
    scene.host.place_message(one, Reason.DUE)
    return any(phone.device == one.envelope.header.device for phone in scene.alive())


def plant_from_removed(scene: Scene, dice: Random) -> bool:
    """Place what a removed device sealed, as if it had been held since before (A-5 rule 3; AT-91)."""
    gone = [one for one in scene.phones if one.gone and one.log.epochs.newest is not None]
    excluded = [one for one in gone if _left_out(scene.host, one)]
    for phone in dice.sample(excluded, len(excluded)):
        commit = phone.log.epochs.newest
        if commit is None or commit.commit_hash not in phone.secrets:
            continue
        host = scene.host
        sealed = phone.seal_under(commit, "planted")
        position = next(n for n, item in enumerate(host.items, 1) if _is_commit(item.entry, commit))
        made = _promised(host, phone, sealed, n_acc=position, at=host.now - 1)
        host.place_message(made, Reason.DUE)
        return True
    return False


def accept_under_old_epoch(scene: Scene, dice: Random) -> bool:
    """Take a message that was sealed under an epoch which is not the newest any more, dated now."""
    host = scene.host
    for phone in dice.sample(scene.alive(), len(scene.alive())):
        commit = phone.log.epochs.newest
        if commit is None or commit is host.newest or commit.commit_hash == host.newest.commit_hash:
            continue
        if commit.commit_hash not in phone.secrets or commit.core.row_of(phone.device) is None:
            continue
        sealed = phone.seal_under(commit, "stale")
        host.place_message(_promised(host, phone, sealed, n_acc=host.n, at=host.now), Reason.AT_ONCE)
        return True
    return False


def fork(scene: Scene, dice: Random) -> bool:
    """Show one device another history from here on: what comes next is said to be placed later."""
    victims = [
        one for one in scene.alive() if one.log.n == scene.host.n and one.person.role != Role.CO_THERAPIST
    ]
    if not victims:
        return False
    other = copy(scene.host)
    other.items, other.ts, other.forked = list(scene.host.items), list(scene.host.ts), {}
    other.accepted, other.commits = dict(scene.host.accepted), scene.host.commits
    victim = dice.choice(victims)
    before = scene.host.n
    for phone in scene.alive():
        if (
            phone is not victim
            and phone.write("on one side", urgent=phone.person.role == Role.CLIENT) is not None
        ):
            break
    if scene.host.n == before:
        return False
    for item in scene.host.items[before:]:
        entry = Entry.unpack(item.entry)
        other.retake(item, replace(entry, placed_at=entry.placed_at + 1))
    scene.host.forked[victim.device] = other
    return True


def hide_revocation(scene: Scene, dice: Random) -> bool:
    """Show nobody that a device was revoked, but the one who did it (tests 17, 33)."""
    host = scene.host
    for phone in dice.sample(scene.alive(), len(scene.alive())):
        others = [one for one in scene.alive() if one.person is phone.person and one is not phone]
        if not others or host.known()[phone.person.chain.chain_id].chain.seq < phone.person.chain.seq:
            continue
        phone.read()
        phone.revoke(dice.choice(others))
        phone.sync()
        if host.newest.core.committer != phone.device:
            continue
        host.shown[phone.person.chain.chain_id] = len(phone.person.history) - 1
        return True
    return False


def _held(scene: Scene) -> list[Item]:
    alive = {phone.device for phone in scene.alive()}
    return [
        one
        for one in scene.host.accepted.values()
        if one.state == "held" and one.envelope.header.device in alive
    ]


def _left_out(host: Host, phone: Phone) -> bool:
    return host.newest.core.row_of(phone.device) is None


def _is_commit(entry: bytes, commit: Commit) -> bool:
    found = Entry.unpack(entry)
    return found.item_type == ItemType.COMMIT and found.item_hash == commit.commit_hash


def _promised(host: Host, phone: Phone, sealed: bytes, *, n_acc: int, at: int) -> Item:
    """A perfectly signed promise for anything."""
    made = host.promise_for(sealed, phone.person.chain.chain_id, at, at)
    promise: Promise = replace(made.promise, n_acc=n_acc)
    return replace(made, promise=promise, receipt=host.sign(promise))


ATTACKS: Final[dict[str, Attack]] = {
    "drop": Attack(drop, frozenset({Kind.LATE})),
    "show early": Attack(show_early, frozenset({Kind.EARLY})),
    "show recalled": Attack(show_recalled, frozenset({Kind.PLACED_AFTER_RECALL})),
    "overtake": Attack(overtake, frozenset({Kind.INVERSION})),
    "place twice": Attack(place_twice, frozenset({Kind.PLACED_AGAIN, Kind.REMOVED_DEVICE})),
    "promise two things": Attack(promise_two_things, frozenset({Kind.OTHER_PROMISE})),
    "plant from removed": Attack(plant_from_removed, frozenset({Kind.REMOVED_DEVICE})),
    "accept under old epoch": Attack(accept_under_old_epoch, frozenset({Kind.ACCEPTANCE})),
    "fork": Attack(fork, frozenset({Kind.FORK, Kind.VIEW, Kind.BAD_COMMIT, Kind.BROKEN_LOG})),
    "hide revocation": Attack(hide_revocation, frozenset({Kind.CHAIN, Kind.ROLLBACK})),
}
"""By name."""
