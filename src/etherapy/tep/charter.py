"""The charter: the few terms of a thread that both sides accepted and every epoch names (A-7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.chain import Chain
from etherapy.tep.labels import digest, label
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import ZEROS_32, keyed, numbered, octets, uint, version_one
from etherapy.tep.signed import Signed

MAX_CHARTER = 2048
MAX_SIGNED_CHARTER = 4096
"""With its signatures around it."""
MAX_DAYS = 36_525
ERASE_OWN, ERASE_ALL, ERASE_EPOCHS = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Charter:
    """Terms of a thread. `version` counts from 1 and `previous` is zeros in the first.

    Times in days. `may_erase` maps a role to the bits ERASE_OWN, ERASE_ALL, ERASE_EPOCHS. `agreement_hash`
    names the agreement's text (`agreement_hash()`).
    """

    home: bytes
    thread: bytes
    version: int
    previous: bytes
    owner: bytes
    retention_days: int
    backup_days: int
    may_erase: Mapping[int, int]
    agreement_hash: bytes
    nonce: bytes

    def pack(self) -> bytes:
        """The charter's bytes, which are what is signed, kept and shown."""
        place = (self.home, self.thread, self.version, self.previous, self.owner)
        days = {0: self.retention_days, 1: self.backup_days}
        data = cbor.encode(numbered(1, *place, days, dict(self.may_erase), self.agreement_hash, self.nonce))
        parse_charter(data)
        return data


def parse_charter(data: bytes) -> Charter:
    """The charter behind at most 2 KiB."""
    found = keyed(cbor.decode(data, limit=MAX_CHARTER), range(10), what="charter")
    version_one(found[0])
    days = keyed(found[6], (0, 1), what="retention")
    erase = keyed(found[7], (), range(1, 5), "may erase")
    charter = Charter(
        octets(found[1], 32, "home"),
        octets(found[2], 16, "thread"),
        uint(found[3], "version", 1, 2**32 - 1),
        octets(found[4], 32, "previous"),
        octets(found[5], 32, "owner"),
        uint(days[0], "retention", 0, MAX_DAYS),
        uint(days[1], "backup", 0, MAX_DAYS),
        MappingProxyType({role: uint(bits, "may erase", 0, 7) for role, bits in erase.items()}),
        octets(found[8], 32, "agreement"),
        octets(found[9], 16, "nonce"),
    )
    if (charter.version == 1) != (charter.previous == ZEROS_32):
        raise Malformed("version", "charter: the first one follows nothing, the others follow one")
    return charter


def charter_hash(data: bytes) -> bytes:
    """The name of a charter, in Invites and commits."""
    return digest("charter", data)


def agreement_hash(text: str) -> bytes:
    """The name of an agreement's text, over its UTF-8 bytes as they are."""
    return digest("agreement", text.encode("utf-8"))


def charter_signed_bytes(data: bytes) -> bytes:
    """What each party signs."""
    return label("charter-sig") + charter_hash(data)


def sign_charter(data: bytes, key: SigningKey) -> bytes:
    """One party's signature over a charter."""
    return key.sign(charter_signed_bytes(data))


def charter_in_force(signed: Signed, parties: Sequence[Chain]) -> bool:
    """Whether each party signed with one of its active devices. Order: the owner, then the clients."""
    if len(signed.signatures) != len(parties):
        return False
    message = charter_signed_bytes(signed.core)
    return all(
        any(verify(device.sign_pk, message, sig) for device in party.active())
        for party, sig in zip(parties, signed.signatures, strict=True)
    )
