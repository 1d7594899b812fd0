"""The secret in a new device's QR code (tep.md §5.9). The server never sees it."""

import hmac
from collections.abc import Callable
from os import urandom

from etherapy.crypto.derivation import authenticate, expand, extract
from etherapy.tep.labels import label
from etherapy.tep.pairing import SECRET_BYTES, confirmed_bytes


def new_pairing_secret(random: Callable[[int], bytes] = urandom) -> bytes:
    """16 random bytes for one request."""
    return random(SECRET_BYTES)


def confirmation(secret: bytes, core: bytes) -> bytes:
    """32 bytes by which the new device knows that whoever read its QR code made this link."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a pairing secret has {SECRET_BYTES} bytes")
    key = expand(extract(b"tep1:link", secret), label("link-confirm"), 32)
    return authenticate(key, confirmed_bytes(core))


def confirms(given: bytes | None, secret: bytes, core: bytes) -> bool:
    """Whether this is the confirmation of this link."""
    return given is not None and hmac.compare_digest(given, confirmation(secret, core))
