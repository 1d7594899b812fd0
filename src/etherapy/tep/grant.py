"""History grants: old epochs' secrets, sealed by one device to another (tep.md §6.7).

Commit first, grant afterwards: a grant counts only between devices of the newest roster (tep.md §5.5).
What is inside is opened by `crypto.grants` and compared with each epoch's `es_com`. Malformed codes beyond
those of the profile: sealed, grant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from etherapy.signing import SIGNATURE_BYTES, SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.chain import Chain
from etherapy.tep.epoch import CommitCore
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import ZEROS_32, items, keyed, numbered, octets, uint, version_one

MAX_GRANT = 64 * 1024
MAX_EPOCHS = 1000
SEALING_BYTES = 1136
"""A sealed text is this much longer: encapsulation 1120, tag 16."""


@dataclass(frozen=True, slots=True)
class Grant:
    """From which device to which, and the epochs (ascending) whose secrets are inside."""

    thread: bytes
    giver: bytes
    receiver: bytes
    epochs: tuple[int, ...]
    nonce: bytes

    def pack(self) -> bytes:
        """The core bytes."""
        place = (self.thread, self.giver, self.receiver)
        data = cbor.encode(numbered(1, *place, list(self.epochs), self.nonce))
        _parse_core(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedGrant:
    """A parsed grant, its signature not verified yet."""

    grant: Grant
    core: bytes
    blob: bytes
    sig: bytes
    whole: bytes
    core_hash: bytes
    grant_hash: bytes


def parse_grant(data: bytes) -> SignedGrant:
    """Split a grant of at most 64 KiB; its blob is exactly as long as its epochs need."""
    found = keyed(cbor.decode(data, limit=MAX_GRANT), (0, 1, 2), what="grant")
    if not isinstance(found[0], bytes) or not isinstance(found[1], bytes):
        raise Malformed("type", "grant: core and blob are bytes")
    grant = _parse_core(found[0])
    if len(found[1]) != SEALING_BYTES + len(pack_secrets(dict.fromkeys(grant.epochs, ZEROS_32))):
        raise Malformed("sealed", "grant: what is sealed has not the length of its epochs")
    sig = octets(found[2], SIGNATURE_BYTES, "signature")
    name = digest("grant-hash", data)
    return SignedGrant(grant, found[0], found[1], sig, data, plain_digest(found[0]), name)


def pack_grant(core: bytes, blob: bytes, key: SigningKey) -> bytes:
    """The whole grant around what is sealed already, signed by the giver."""
    sig = key.sign(_signed_bytes(plain_digest(core), blob))
    data = cbor.encode({0: core, 1: blob, 2: sig})
    parse_grant(data)
    return data


def grant_verifies(signed: SignedGrant, sign_pk: bytes) -> bool:
    """Whether the device with this key signed the grant."""
    return verify(sign_pk, _signed_bytes(signed.core_hash, signed.blob), signed.sig)


def grant_info(core_hash: bytes) -> bytes:
    """What binds the sealed secrets to their grant."""
    return label("grant") + core_hash


def check_grant(signed: SignedGrant, newest: CommitCore, chains: Mapping[bytes, Chain]) -> None:
    """Malformed (grant) unless giver and receiver are in the newest roster and the giver signed.

    Giver and receiver both ask this: the one before sending, the other before opening. `chains` by chain_id.
    """
    grant = signed.grant
    giver = newest.row_of(grant.giver)
    if grant.thread != newest.thread or giver is None or newest.row_of(grant.receiver) is None:
        raise Malformed("grant", "grant: not between devices of the newest epoch")
    if any(epoch > newest.epoch for epoch in grant.epochs):
        raise Malformed("grant", "grant: of an epoch that does not exist yet")
    chain = chains.get(giver.chain_id)
    device = chain.devices.get(grant.giver) if chain else None
    if device is None or not grant_verifies(signed, device.sign_pk):
        raise Malformed("grant", "grant: not signed by the device that it names")


def pack_secrets(secrets: Mapping[int, bytes]) -> bytes:
    """The text to seal: epochs ascending, each with its secret."""
    return cbor.encode([[epoch, secrets[epoch]] for epoch in sorted(secrets)])


def parse_secrets(data: bytes) -> dict[int, bytes]:
    """The secrets behind an opened blob, by epoch."""
    listed = items(cbor.decode(data, limit=MAX_GRANT), "secrets", 1, MAX_EPOCHS)
    pairs = [
        (epoch, octets(secret, 32, "secret"))
        for epoch, secret in (items(one, "secret", 2, 2) for one in listed)
    ]
    _rising([uint(epoch, "epoch", 0, 2**32 - 1) for epoch, _ in pairs])
    return dict(pairs)


def _parse_core(data: bytes) -> Grant:
    core = keyed(cbor.decode(data, limit=MAX_GRANT), range(6), what="grant core")
    version_one(core[0])
    listed = items(core[4], "epochs", 1, MAX_EPOCHS)
    epochs = tuple(uint(one, "epoch", 0, 2**32 - 1) for one in listed)
    _rising(epochs)
    grant = Grant(
        octets(core[1], 16, "thread"),
        octets(core[2], 16, "giver"),
        octets(core[3], 16, "receiver"),
        epochs,
        octets(core[5], 16, "nonce"),
    )
    if grant.giver == grant.receiver:
        raise Malformed("grant", "grant: from a device to itself")
    return grant


def _rising(epochs: tuple[int, ...] | list[int]) -> None:
    if any(a >= b for a, b in pairwise(epochs)):
        raise Malformed("order", "grant: epochs not ascending, or one occurs twice")


def _signed_bytes(core_hash: bytes, blob: bytes) -> bytes:
    return label("grant") + core_hash + plain_digest(blob)
