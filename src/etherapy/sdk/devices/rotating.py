"""A new X-Wing key for this device, every 90 days and on demand (tep.md §5.2, A-5).

The new key is kept before anybody hears of it, and the old one is erased only when every thread was read past
the link: whatever was sealed before that still opens. Interrupted anywhere, it is finished at the next sync.
"""

from typing import TYPE_CHECKING, Final

from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.devices.own_chain import grow, key_since, look_at_self, own_device
from etherapy.sdk.verifying.person import Person
from etherapy.tep.linking import rotate_key

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection

KEY_LIFE_MS: Final = 90 * 24 * 3600 * 1000


def is_due(person: Person, device: bytes, now: int) -> bool:
    """Whether the device's X-Wing key has had its 90 days, by the log's time."""
    found = person.chain.devices.get(device)
    return found is not None and found.active and now - key_since(person, device) >= KEY_LIFE_MS


async def rotate(link: "Connection") -> tuple[bytes, ...]:
    """Give this device a new X-Wing key; the threads that keep the old one needed until the next sync."""
    identity = link.profile.identity
    if not identity.next_keys:
        identity.next_keys = link.keys.rotated().stored()
        link.profile.save()
    return await finish_rotation(link)


async def finish_rotation(link: "Connection") -> tuple[bytes, ...]:
    """Go on with a rotation that was begun, from wherever it stopped."""
    fresh = DeviceKeys.from_stored(link.profile.identity.next_keys)
    chain = (await look_at_self(link)).chain
    if own_device(chain, fresh.device_id).hpke_pk != fresh.hpke.public:
        at = link.device_time()
        await grow(link, lambda newest: rotate_key(newest, fresh.sign, fresh.hpke.public, at))
    unsettled = await link.settle_threads()
    if not unsettled:
        identity = link.profile.identity
        identity.keys, identity.next_keys = fresh.stored(), b""  # the old key ends here
        link.profile.save()
        link.keys = fresh
    return unsettled
