"""Leaves: somebody's own signed word that they go (tep.md §5.4).

The leaver cannot make the epoch that shuts them out, for they would know its secret: the next commit of any
other member leaves them out and names the Leave. Malformed codes are those of the profile, and signature.
"""

from dataclasses import dataclass

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.chain import Chain
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import instant, keyed, numbered, octets, version_one
from etherapy.tep.signed import pack_signed, parse_signed

MAX_LEAVE = 512


@dataclass(frozen=True, slots=True)
class Leave:
    """Who goes (a chain_id), out of which thread, and by which of their devices. `at` is its own time."""

    thread: bytes
    chain: bytes
    device: bytes
    at: int
    nonce: bytes
    home: bytes

    def pack(self) -> bytes:
        """The core bytes."""
        data = cbor.encode(numbered(1, self.thread, self.chain, self.device, self.at, self.nonce, self.home))
        _parse_core(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedLeave:
    """A parsed Leave, its signature not verified yet."""

    leave: Leave
    core: bytes
    sig: bytes
    whole: bytes
    leave_hash: bytes


def parse_leave(data: bytes) -> SignedLeave:
    """Split a Leave."""
    signed = parse_signed(data, MAX_LEAVE)
    if len(signed.signatures) != 1:
        raise Malformed("signature", "leave: one signature")
    leave, name = _parse_core(signed.core), digest("leave-hash", signed.core)
    return SignedLeave(leave, signed.core, signed.signatures[0], data, name)


def sign_leave(leave: Leave, key: SigningKey) -> bytes:
    """The whole Leave, signed by the device that it names."""
    core = leave.pack()
    return pack_signed(core, [key.sign(_signed_bytes(core))])


def leave_verifies(signed: SignedLeave, chain: Chain, since: int | None = None) -> bool:
    """Whether the leaver's own device signed it, one that is active now.

    With `since`, a device counts that was active after that link or came later: what was signed stays
    signed when its device is revoked afterwards.
    """
    leave = signed.leave
    device = chain.devices.get(leave.device)
    if chain.chain_id != leave.chain or device is None:
        return False
    gone = device.revoked_seq
    counts = device.active if since is None else gone is None or gone > since
    return counts and verify(device.sign_pk, _signed_bytes(signed.core), signed.sig)


def _signed_bytes(core: bytes) -> bytes:
    return label("leave") + plain_digest(core)


def _parse_core(data: bytes) -> Leave:
    core = keyed(cbor.decode(data, limit=MAX_LEAVE), range(7), what="leave")
    version_one(core[0])
    return Leave(
        octets(core[1], 16, "thread"),
        octets(core[2], 32, "chain_id"),
        octets(core[3], 16, "device_id"),
        instant(core[4], "time"),
        octets(core[5], 16, "nonce"),
        octets(core[6], 32, "home"),
    )
