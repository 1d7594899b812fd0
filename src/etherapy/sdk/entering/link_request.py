"""A new device leaves its public keys with the server, under the name that its code shows (tep.md §5.9).

Keys and secret are kept before anybody hears of them: an interrupted linking shows the same code again.
"""

from datetime import datetime
from typing import cast

from etherapy.binary import B64, Hash32, Id16
from etherapy.crypto.pairing import new_pairing_secret
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import AskLink, DeviceClassNumber
from etherapy.sdk.entering.way_in import fetch_server, start_over
from etherapy.sdk.keeping.kept import Linking
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.transport import Transport
from etherapy.tep.links import DeviceClass
from etherapy.tep.pairing import code_of, lookup_id, request_hash


def linking_of(profile: Profile) -> Linking:
    """What is kept of the linking that goes on."""
    found = profile.kept.linking
    assert found is not None
    return found


def name_of(profile: Profile) -> bytes:
    """The hash of the new device's keys and class, which its code shows."""
    keys = profile.identity.device_keys
    return request_hash(keys.sign.public, keys.hpke.public, linking_of(profile).device_class)


async def ask(
    profile: Profile, transport: Transport, practice: bytes, device_class: DeviceClass | None
) -> datetime:
    """Ask to be linked there, anew or once more; until when the request waits.

    As another class of device it is another request, unless this one has signed already: what the code stands
    for includes the class. None: as before, or as a command line.
    """
    identity, linking = profile.kept.identity, profile.kept.linking
    here = identity is not None and (identity.practice, identity.origin) == (practice, transport.origin)
    asked = linking.device_class if linking and device_class is None else int(device_class or DeviceClass.CLI)
    signed = identity is not None and bool(identity.chain)
    if linking is None or not here or (linking.device_class != asked and not signed):
        if asked == DeviceClass.RECOVERY:
            raise ValueError("a recovery device is never linked")
        _, links = await fetch_server(transport)
        start_over(profile, transport, practice, links)
        profile.kept.linking = Linking(secret=new_pairing_secret(), device_class=asked)
        profile.save()
    keys = profile.identity.device_keys
    body = AskLink(
        Id16(lookup_id(code_of(name_of(profile)))),
        Hash32(keys.sign.public),
        B64(keys.hpke.public),
        cast(DeviceClassNumber, linking_of(profile).device_class),
    )
    return (await transport.call(endpoints.ask_link, body, practice=practice)).expires_at
