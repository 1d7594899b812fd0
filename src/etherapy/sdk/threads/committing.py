"""New epochs: made on sight of a stale roster, never because something is written (A-5).

Before anything is sealed, the heads of all people in the roster are looked at, and their links are looked up
in the keys log.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from etherapy.binary import B64
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests
from etherapy.protocol.problems import NoSuchChain, NoSuchThread, StaleChain, StaleEpoch
from etherapy.protocol.threads import Commit as CommitBody
from etherapy.rules.calendar import instant
from etherapy.sdk.faults import LinkLost, NotInThread, Refuted
from etherapy.sdk.threads.causes import (
    MAX_AGE_MS,
    MAX_PLACED,
    NO_WISH,
    Change,
    Standing,
    Wish,
    next_change,
)
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.papers import papers_of
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.sdk.verifying.person import Person
from etherapy.tep.chain import DeviceClass
from etherapy.tep.epoch import Commit, Role, parse_commit

HEADS_AGE_MS = 15 * 60 * 1000
"""Heads of chains are looked at again after this time (tep.md §5.5)."""
_ATTEMPTS = 6
_MAY_NOT_COMMIT = frozenset({DeviceClass.RECOVERY})

Pause = Callable[[float], Awaitable[Any]]


async def settle_epoch(
    desk: ThreadDesk,
    *,
    age: int = HEADS_AGE_MS,
    keys: DeviceKeys | None = None,
    pause: Pause = asyncio.sleep,
    wish: Wish = NO_WISH,
    routine: bool = False,
) -> Commit:
    """The newest epoch, made anew by this device if its roster is stale; nothing is sealed before that.

    ThreadHalted, Refuted, NotInThread. `keys` are those of the committing device. With `routine` an epoch
    that served long enough is replaced too, if this is a therapist's device and the hours are open.
    """
    committer = keys or desk.link.keys
    for attempt in range(_ATTEMPTS):
        desk.expect_sound()
        try:
            standing = await stand(desk, age)
        except (NoSuchChain, NoSuchThread):  # others are hidden from who is out; from anybody else nobody is
            await _expect_part(desk)
            raise
        newcomers = await _newcomers(desk, standing, age)
        change = next_change(standing, newcomers, wish, routine=routine and _has_served(desk, standing))
        if change is None:
            if _is_outdated(desk, standing):
                continue
            if standing.newest.core.row_of(committer.device_id) is None:
                raise NotInThread("this device is not among those that read this thread")
            return standing.newest
        if attempt:
            await pause(random.uniform(0.5, min(8.0, 2.0**attempt)))
        try:
            await _commit(desk, standing.newest, change, committer)
        except StaleEpoch:
            pass  # somebody else was quicker: theirs may have settled it
        except StaleChain:
            age = 0
        except TooManyRequests:
            await pause(10.0)
        await desk.catch_up()
    raise NotInThread("the thread's epoch changed again and again")


async def _expect_part(desk: ThreadDesk) -> None:
    """NotInThread, and kept as that, when the server knows no part of this device in the thread any more."""
    try:
        await desk.catch_up()
    except NoSuchThread:
        desk.end()
        desk.expect_sound()


async def stand(desk: ThreadDesk, age: int = HEADS_AGE_MS) -> Standing:
    """The newest epoch beside everybody's chain, with heads at most `age` ms old. NotInThread."""
    epochs = desk.log.epochs
    newest = epochs.newest
    if newest is None or epochs.charter is None:
        raise NotInThread("this thread has no epoch yet")
    members = await _look_at_members(desk, newest, age)
    unused = papers_of(desk.state).without(epochs.spent())
    at = await desk.link.now()
    return Standing(newest, epochs.owner, tuple(members), unused, epochs.ends, epochs.charter.core, at)


def _is_outdated(desk: ThreadDesk, standing: Standing) -> bool:
    """Whether this app came to know more of somebody while it still looked at the others.

    Nothing waits between this and the sealing, so that nobody is sealed to who was seen to go (tep.md §5.5).
    """
    known = {one: desk.link.people.person(one) for one in standing.chains}
    return any(one is None or one.chain.head != standing.chains[name].head for name, one in known.items())


async def _look_at_members(desk: ThreadDesk, newest: Commit, age: int) -> list[tuple[Person, int]]:
    """Everybody in the newest roster with their role, with heads at most `age` ms old and in the keys log."""
    link = desk.link
    now = await link.now()
    found = [
        (await link.people.look(row.chain_id, now, at_least=row.chain_seq, age=age), row.role)
        for row in newest.core.roster
    ]
    link.profile.save()
    return found


async def _newcomers(desk: ThreadDesk, standing: Standing, age: int) -> dict[bytes, Person]:
    """The people whose consents are complete."""
    coming = {one.newcomer for one in standing.admitted().values()}
    return {one: await desk.link.people.look(one, standing.at, age=age) for one in coming}


def _has_served(desk: ThreadDesk, standing: Standing) -> bool:
    """Whether the epoch was used enough, or long enough, while the thread's hours are open (A-5).

    Only therapists' devices judge by this: of a client that opens the app only to write, an epoch at that
    moment would tell it.
    """
    own = standing.newest.core.user(desk.link.chain)
    rules = rules_of(desk.state.sheets)
    if own is None or own.role not in (Role.THERAPIST, Role.CO_THERAPIST) or rules is None:
        return False
    began = desk.log.epochs.commits[-1].n
    placed = sum(1 for one in reversed(desk.log.messages) if one.n > began)
    old = standing.at - desk.log.epochs.placed_at[-1] >= MAX_AGE_MS
    return (placed >= MAX_PLACED or (placed > 0 and old)) and rules.timetable.is_open(instant(standing.at))


async def _commit(desk: ThreadDesk, newest: Commit, change: Change, keys: DeviceKeys) -> None:
    members = change.members
    own = next((person.chain for person, _ in members if keys.device_id in person.chain.devices), None)
    device = None if own is None else own.devices[keys.device_id]
    if device is None or not device.active or device.device_class in _MAY_NOT_COMMIT:
        raise NotInThread("this device may not begin an epoch")
    await _expect_logged(desk, [person for person, _ in members])
    log = desk.log
    whole, secret = new_epoch(
        [(person.chain, role) for person, role in members],
        keys,
        thread=desk.thread,
        epoch=newest.core.epoch + 1,
        reason=change.reason,
        charter_hash=newest.core.charter_hash,
        view=(log.spine.n, log.spine.t),
        home=desk.link.home,
        prev=newest.commit_hash,
        consents=change.papers,
        before=newest.core,
        kept=change.kept,
    )
    desk.state.secrets[parse_commit(whole).commit_hash] = secret
    desk.link.profile.save_thread(desk.state)
    body = CommitBody(B64(whole))
    await desk.link.transport.call(endpoints.commit_epoch, body, thread=desk.thread)


async def _expect_logged(desk: ThreadDesk, people: list[Person]) -> None:
    """Refuted when a link that would be sealed to is not in the keys log and not freshly promised either.

    LinkLost where the server has forgotten one: it would refuse the epoch, and an older one is not sealed to.
    """
    link = desk.link
    if any(link.people.is_cut_off(person.chain.chain_id) for person in people):
        raise LinkLost("the server lost a change of devices when it was restored")
    await link.keys_log.follow()
    now = await link.now()
    for person in people:
        found = await link.people.prove(person.chain.chain_id, link.keys_log, now)
        if found:
            link.note(found)
            raise Refuted(found[0])
    link.profile.save()
