"""The secrets in invitation and staff links (tep_amendments.md A-10, A-15.6). The server never sees them."""

from collections.abc import Callable
from dataclasses import dataclass
from os import urandom

from etherapy.crypto.derivation import expand, extract
from etherapy.signing import SigningKey
from etherapy.tep.labels import label

SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class LinkKeys:
    """What a link secret gives: the id under which the server keeps the offer, and the key that takes it."""

    lookup_id: bytes
    signing: SigningKey


def new_link_secret(random: Callable[[int], bytes] = urandom) -> bytes:
    """16 random bytes for one link."""
    return random(SECRET_BYTES)


def invitation_keys(secret: bytes) -> LinkKeys:
    """The keys of an invitation to a thread."""
    return _keys(secret, "invite-id", "invite-sign")


def staff_keys(secret: bytes) -> LinkKeys:
    """The keys of a staff link, by which a practice's people enrol."""
    return _keys(secret, "staff-id", "staff-sign")


def _keys(secret: bytes, lookup: str, sign: str) -> LinkKeys:
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a link secret has {SECRET_BYTES} bytes")
    root = extract(b"tep1:invite", secret)
    return LinkKeys(expand(root, label(lookup), 16), SigningKey(expand(root, label(sign), 32)))
