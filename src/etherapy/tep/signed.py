"""The container of every signed CBOR structure: `{0: core, 1: [signature, …]}` (tep_amendments.md A-15.1).

Signatures cover the carried bytes of the core, never a re-encoding of it, and stand in the order in which
the format names its signers.
"""

from dataclasses import dataclass

from etherapy.signing import SIGNATURE_BYTES
from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import items, keyed, octets

MAX_SIGNATURES = 9
"""Eight users of a thread and one more."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Core bytes, their signatures, and the container they came in. Nothing is verified yet."""

    core: bytes
    signatures: tuple[bytes, ...]
    whole: bytes


def pack_signed(core: bytes, signatures: list[bytes] | tuple[bytes, ...]) -> bytes:
    """The container's bytes."""
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise Malformed("signature", f"1 to {MAX_SIGNATURES} signatures are allowed")
    return cbor.encode({0: core, 1: [octets(one, SIGNATURE_BYTES, "signature") for one in signatures]})


def parse_signed(data: bytes, limit: int) -> Signed:
    """Split a container of at most `limit` bytes; its core is not looked into."""
    found = keyed(cbor.decode(data, limit=limit), (0, 1), what="container")
    if not isinstance(found[0], bytes):
        raise Malformed("type", "core: expected bytes")
    listed = items(found[1], "signatures", 1, MAX_SIGNATURES)
    return Signed(found[0], tuple(octets(one, SIGNATURE_BYTES, "signature") for one in listed), data)
