"""Another recovery code in the place of the old one (tep.md §5.2).

With the old code at hand it happens at once, for the recovery device may bring in its successor. Without it,
an ordinary device announces the replacement and completes it after 72 hours, in which any other device can
prevent it: otherwise whoever finds an unlocked phone could lock its owner out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.rules.calendar import instant
from etherapy.sdk.devices.approving import owe, pay
from etherapy.sdk.devices.own_chain import expect_ordinary, grow, look_at_self
from etherapy.sdk.devices.revoking import revoke
from etherapy.sdk.faults import NothingAnnounced, NotYourCode, TooEarly
from etherapy.sdk.keeping.kept import NewCode
from etherapy.sdk.verifying.person import Person
from etherapy.tep.chain import RECOVERY_DELAY_MS, Chain
from etherapy.tep.linking import add_device, announce_recovery, complete_recovery, revoke_device
from etherapy.tep.links import DeviceClass

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


@dataclass(frozen=True, slots=True)
class Replacement:
    """Where a replacement stands: the new `code`, to be shown once, or from when it can be had."""

    code: str | None = field(repr=False)
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What came of preventing a replacement: `revoked` devices had announced it and are out; `forgotten`: it
    was announced here, and this device will not complete it."""

    revoked: tuple[bytes, ...]
    forgotten: bool


async def replace_with_code(link: "Connection", old: str) -> Replacement:
    """A new code at once, by the old one. BadCode, NotYourCode. Repeat it if it was interrupted."""
    asleep = RecoveryCode.parse(old).keys()
    person = await look_at_self(link)
    fresh = _fresh_code(link)
    if asleep.device_id not in {one.device_id for one in person.chain.devices.values()}:
        raise NotYourCode("this recovery code is not yours")
    if not person.chain.devices[asleep.device_id].active and fresh.device_id not in person.chain.devices:
        raise NotYourCode("this recovery code was replaced before")
    at = link.device_time()
    if fresh.device_id not in person.chain.devices:
        person = await grow(link, lambda chain: _brought_in(chain, asleep, fresh, at))
    if person.chain.devices[asleep.device_id].active:
        await grow(link, lambda chain: revoke_device(chain, fresh.sign, asleep.device_id, at))
    return await _show(link)


async def replace_without_code(link: "Connection") -> Replacement:
    """Announce the replacement, or complete it when its time has come.

    TooEarly before that. NothingAnnounced when another device has prevented it.
    """
    person = await look_at_self(link)
    expect_ordinary(person.chain, link.keys.device_id)
    begun = link.profile.kept.new_code
    if begun is not None and RecoveryCode(begun.secret).keys().device_id in person.chain.devices:
        return await _show(link)  # completed before, only the answer was lost
    if not person.chain.recovery():
        fresh, at = _fresh_code(link), link.device_time()
        await grow(link, lambda chain: _brought_in(chain, link.keys, fresh, at))
        return await _show(link)
    if begun is None or not begun.announcement:
        return await _announce(link, person)
    return await _complete(link, person, begun)


async def _announce(link: "Connection", person: Person) -> Replacement:
    """Say so in the chain. The code that is kept now is the one that will be shown then."""
    _fresh_code(link)
    standing = {one.link_hash for one in person.chain.announced if one.announcer == link.keys.device_id}
    if not standing:
        target, at = person.chain.recovery()[0].device_id, link.device_time()
        person = await grow(link, lambda chain: announce_recovery(chain, link.keys.sign, target, at))
    mine = next(one for one in person.chain.announced if one.announcer == link.keys.device_id)
    begun = link.profile.kept.new_code
    assert begun is not None
    begun.announcement = mine.link_hash
    link.profile.save()
    return Replacement(None, _ready_at(mine.recorded_at))


async def _complete(link: "Connection", person: Person, begun: NewCode) -> Replacement:
    waiting = next((one for one in person.chain.announced if one.link_hash == begun.announcement), None)
    if waiting is None:
        link.profile.kept.new_code = None
        link.profile.save()
        words = "the new recovery code was prevented by another of your devices"
        raise NothingAnnounced(words, "if that was not you, look at your devices and call your practice")
    ready_at = _ready_at(waiting.recorded_at)
    if ready_at is not None and instant(await link.now()) < ready_at:
        raise TooEarly(f"the new recovery code can be had from {ready_at:%Y-%m-%d %H:%M} UTC on")
    fresh, at = RecoveryCode(begun.secret).keys(), link.device_time()
    await grow(
        link,
        lambda chain: complete_recovery(
            chain, link.keys.sign, waiting.link_hash, fresh.sign, fresh.hpke.public, at
        ),
    )
    return await _show(link)


async def cancel_replacement(link: "Connection") -> Cancelled:
    """Prevent a replacement that was announced: the device that announced it is taken out.

    NothingAnnounced. Where it was this device itself, it only gives up the intention.
    """
    chain = (await look_at_self(link)).chain
    announcers = {one.announcer for one in chain.announced}
    if not announcers:
        raise NothingAnnounced("no new recovery code was announced")
    me = link.keys.device_id
    for device in sorted(announcers - {me}):
        await revoke(link, device)
    if me in announcers:
        link.profile.kept.new_code = None
        link.profile.save()
    return Cancelled(tuple(sorted(announcers - {me})), me in announcers)


def _fresh_code(link: "Connection") -> DeviceKeys:
    """The keys of the new code, which is kept until it was shown."""
    kept = link.profile.kept
    if kept.new_code is None:
        kept.new_code = NewCode(secret=RecoveryCode.generate().secret)
        link.profile.save()
    return RecoveryCode(kept.new_code.secret).keys()


def _brought_in(chain: Chain, signer: DeviceKeys, fresh: DeviceKeys, at: int) -> bytes:
    return add_device(chain, signer.sign, fresh.sign, fresh.hpke.public, DeviceClass.RECOVERY, at)


async def _show(link: "Connection") -> Replacement:
    """Seal every thread to the new code and give it the history, so that it alone opens everything; then give
    it out and forget it."""
    kept = link.profile.kept
    assert kept.new_code is not None
    made = RecoveryCode(kept.new_code.secret)
    owe(link, made.keys().device_id)
    await pay(link)
    code, kept.new_code = made.text(), None
    link.profile.save()
    return Replacement(code)


def _ready_at(recorded_at: int | None) -> datetime | None:
    return None if recorded_at is None else instant(recorded_at + RECOVERY_DELAY_MS)
