"""New epochs: made on sight of a stale roster, never because something is written (A-5).

Before anything is sealed, the heads of all people in the roster are looked at, and their links are looked up
in the keys log.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from etherapy.binary import B64
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.problems import StaleChain, StaleEpoch
from etherapy.protocol.threads import Commit as CommitBody
from etherapy.sdk.faults import NotInThread, Refuted
from etherapy.sdk.people import Person
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.tep.chain import DeviceClass
from etherapy.tep.epoch import Commit, CommitReason, RosterRow, parse_commit

HEADS_AGE_MS = 15 * 60 * 1000
"""Heads of chains are looked at again after this time (tep.md §5.5)."""
_ATTEMPTS = 5
_MAY_NOT_COMMIT = frozenset({DeviceClass.RECOVERY})

Pause = Callable[[float], Awaitable[None]]


async def settle_epoch(
    desk: ThreadDesk,
    *,
    age: int = HEADS_AGE_MS,
    keys: DeviceKeys | None = None,
    pause: Pause = asyncio.sleep,
) -> Commit:
    """The newest epoch, made anew by this device if its roster is stale; nothing is sealed before that.

    ThreadHalted, Refuted, NotInThread. `keys` are those of the committing device.
    """
    committer = keys or desk.link.keys
    for attempt in range(_ATTEMPTS):
        desk.expect_sound()
        newest = desk.log.epochs.newest
        if newest is None:
            raise NotInThread("this thread has no epoch yet")
        members = await look_at_members(desk, newest, age)
        if not is_stale(newest, members):
            if newest.core.row_of(committer.device_id) is None:
                raise NotInThread("this device is not among those that read this thread")
            return newest
        if attempt:
            await pause(random.uniform(0.5, min(8.0, 2.0**attempt)))
        try:
            await _commit(desk, newest, members, committer)
        except StaleEpoch:
            pass  # somebody else was quicker: theirs may have settled it
        except StaleChain:
            age = 0
        await desk.catch_up()
    raise NotInThread("the thread's epoch changed again and again")


async def look_at_members(desk: ThreadDesk, newest: Commit, age: int) -> list[tuple[Person, int]]:
    """Everybody in the newest roster with their role, with heads at most `age` ms old and in the keys log."""
    link = desk.link
    now = await link.now()
    found = [
        (await link.people.look(row.chain_id, now, at_least=row.chain_seq, age=age), row.role)
        for row in newest.core.roster
    ]
    link.profile.save()
    return found


def is_stale(commit: Commit, members: list[tuple[Person, int]]) -> bool:
    """Whether a head differs from the roster; heads are compared, never sets of devices (tep.md §5.5)."""
    heads = {person.chain.chain_id: person.chain.head for person, _ in members}
    return any(heads[row.chain_id] != row.chain_head for row in commit.core.roster)


async def _commit(
    desk: ThreadDesk, newest: Commit, members: list[tuple[Person, int]], keys: DeviceKeys
) -> None:
    own = next((person.chain for person, _ in members if keys.device_id in person.chain.devices), None)
    device = None if own is None else own.devices[keys.device_id]
    if device is None or not device.active or device.device_class in _MAY_NOT_COMMIT:
        raise NotInThread("this device may not begin an epoch")
    await _expect_logged(desk, members)
    log = desk.log
    whole, secret = new_epoch(
        [(person.chain, role) for person, role in members],
        keys,
        thread=desk.thread,
        epoch=newest.core.epoch + 1,
        reason=_reason(newest, members),
        charter_hash=newest.core.charter_hash,
        view=(log.spine.n, log.spine.t),
        home=desk.link.home,
        prev=newest.commit_hash,
    )
    desk.state.secrets[parse_commit(whole).commit_hash] = secret
    desk.link.profile.save_thread(desk.state)
    body = CommitBody(B64(whole))
    await desk.link.transport.call(endpoints.commit_epoch, body, thread=desk.thread)


async def _expect_logged(desk: ThreadDesk, members: list[tuple[Person, int]]) -> None:
    """Refuted when a link that would be sealed to is not in the keys log and not freshly promised either."""
    link = desk.link
    await link.keys_log.follow()
    now = await link.now()
    for person, _ in members:
        found = await link.people.prove(person.chain.chain_id, link.keys_log, now)
        if found:
            link.note(found)
            raise Refuted(found[0])
    link.profile.save()


def _reason(newest: Commit, members: list[tuple[Person, int]]) -> CommitReason:
    """What the chains did since: a revocation weighs most, then a device that came, then a new key."""
    before = {row.chain_id: row for row in newest.core.roster}
    rows = [RosterRow.of(person.chain, role) for person, role in members]
    gone = came = False
    for row in rows:
        old = {device for device, _ in before[row.chain_id].devices}
        new = {device for device, _ in row.devices}
        gone, came = gone or bool(old - new), came or bool(new - old)
    if gone:
        return CommitReason.DEVICE_REVOKED
    return CommitReason.DEVICE_ADDED if came else CommitReason.KEY_ROTATED
