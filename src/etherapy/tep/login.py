"""Login: what a device signs to open a session (tep_amendments.md A-15.3)."""

import unicodedata

from etherapy.tep.labels import label
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import MAX_TIME, octets, uint

MAX_ORIGIN = 255


def challenge_bytes(origin: str, nonce: bytes, at: int) -> bytes:
    """The bytes under a login signature. `nonce` 32 and `at` (ms) are the server's own, echoed.

    The origin is the server's public one (`https://host[:port]`), so that a signature given to one
    server opens nothing on another.
    """
    name = origin.encode("utf-8")
    if not 0 < len(name) <= MAX_ORIGIN:
        raise Malformed("length", f"origin: 1 to {MAX_ORIGIN} bytes")
    octets(nonce, 32, "nonce")
    uint(at, "at", 0, MAX_TIME)
    return label("auth") + len(name).to_bytes(2, "big") + name + nonce + at.to_bytes(8, "big")


def folded(name: str) -> str:
    """A login name as it is compared and hashed: compatible forms, capitals and white space do not matter."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(plain.split())
