"""Giving old epochs to a device that was not there (tep.md §5.9, §6.7)."""

from collections.abc import Callable, Mapping
from os import urandom

from etherapy.crypto.errors import GrantBroken, NotForThisDevice
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.sealing import seal
from etherapy.tep.chain import Device
from etherapy.tep.grant import Grant, SignedGrant, grant_info, pack_grant, pack_secrets, parse_secrets
from etherapy.tep.labels import plain_digest
from etherapy.tep.malformed import Malformed


def make_grant(
    thread: bytes,
    keys: DeviceKeys,
    to: Device,
    secrets: Mapping[int, bytes],
    random: Callable[[int], bytes] = urandom,
) -> bytes:
    """A whole grant of these epoch secrets (by epoch, at most 1000). CannotSeal when `to` has a bad key.

    Whether `to` may have them is for the caller: the newest roster by `tep.grant.check_grant`, the person by
    their consent or by a comparison in session.
    """
    grant = Grant(thread, keys.device_id, to.device_id, tuple(sorted(secrets)), random(16))
    core = grant.pack()
    blob = seal(to.hpke_pk, grant_info(plain_digest(core)), pack_secrets(secrets))
    return pack_grant(core, blob, keys.sign)


def open_grant(signed: SignedGrant, keys: DeviceKeys) -> dict[int, bytes]:
    """The epoch secrets inside, each still to be compared with its commit (`crypto.epochs.check_secret`).

    NotForThisDevice, RowBroken or GrantBroken otherwise.
    """
    if signed.grant.receiver != keys.device_id:
        raise NotForThisDevice("this history was given to another device")
    opened = keys.hpke.open(signed.blob, grant_info(signed.core_hash))
    try:
        found = parse_secrets(opened)
    except Malformed:
        raise GrantBroken("the history given to this device is not what its giver announced") from None
    if tuple(found) != signed.grant.epochs:
        raise GrantBroken("the history given to this device is not what its giver announced")
    return found
