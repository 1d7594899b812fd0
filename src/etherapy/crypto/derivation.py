"""HKDF with SHA-256 (RFC 5869), from the standard library's HMAC."""

import hmac


def extract(salt: bytes, secret: bytes) -> bytes:
    """HKDF-Extract: a 32-byte key from a secret."""
    return hmac.digest(salt, secret, "sha256")


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand: `length` bytes (at most 8160) for the use named in `info`."""
    made = block = b""
    for counter in range(1, (length + 31) // 32 + 1):
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        made += block
    return made[:length]


def authenticate(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, message, "sha256")
