"""Taking out a device for good, and closing the account (tep.md §5.9, tep_amendments.md A-5).

What the lost device had waiting is sealed anew first: once the link is taken, the server returns the rest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.devices.ending import end
from etherapy.sdk.devices.own_chain import expect_ordinary, grow, look_at_self
from etherapy.sdk.faults import NoSuchDevice, NotThisDevice, Revoked
from etherapy.tep.chain import Chain
from etherapy.tep.linking import close_chain, revoke_device
from etherapy.tep.links import DeviceClass

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


@dataclass(frozen=True, slots=True)
class Revocation:
    """A device that is out. `kept` of its waiting messages go on waiting in this device's name, with their
    times; `unsettled` threads get their new epoch at the next sync."""

    device: bytes
    kept: int
    unsettled: tuple[bytes, ...]


async def revoke(link: "Connection", device: bytes) -> Revocation:
    """Take a device out: keep what it has waiting, sign the link, begin new epochs. Repeatable.

    NoSuchDevice, NotThisDevice. What stopped half-way is finished by doing it again, or by the next sync.
    """
    me = link.keys.device_id
    chain = (await look_at_self(link)).chain
    _check_target(chain, me, device)
    kept = 0
    if chain.devices[device].active:
        if device != me:
            kept = await link.keep_waiting(device)
        try:
            await grow(link, lambda newest: _next_link(newest, link.keys, device, link.device_time()))
        except Revoked:
            if device != me:
                raise
            return Revocation(device, 0, ())  # it was this one; its keys are wiped already
    return Revocation(device, kept, await link.settle_threads())


def _check_target(chain: Chain, me: bytes, device: bytes) -> None:
    target = chain.devices.get(device)
    if target is None:
        raise NoSuchDevice("none of your devices has this id")
    if target.device_class == DeviceClass.RECOVERY:
        words = "the recovery code is not taken out, but replaced"
        raise NotThisDevice(words, "get a new recovery code instead")
    if device != me:
        expect_ordinary(chain, me)
    if target.active and chain.active() == [target]:
        raise NotThisDevice("this is the last device that you have", "close the account instead")


def _next_link(chain: Chain, keys: DeviceKeys, device: bytes, at: int) -> bytes:
    return revoke_device(chain, keys.sign, device, at)


async def close_account(link: "Connection") -> None:
    """End the account on the server, for all one's devices and the code; this profile is emptied.

    What waits is returned and nobody reads it; what was placed stays with those who read it. NotThisDevice.
    """
    chain = (await look_at_self(link)).chain
    expect_ordinary(chain, link.keys.device_id)
    try:
        await grow(link, lambda newest: close_chain(newest, link.keys.sign, link.device_time()))
    except Revoked:
        return
    end(link, "you closed this account")
