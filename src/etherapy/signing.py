"""Ed25519 through libsodium, and nothing else (decisions.md D-13, tep.md §2.2).

Other implementations accept signatures that libsodium refuses, among them one that "verifies" any
message. Everything signed here (links, commits, envelopes, receipts, checkpoints) is judged by this
one function, on the server and on devices alike.
"""

import os

from nacl import bindings
from nacl.exceptions import CryptoError

SIGNATURE_BYTES = 64


class SigningKey:
    """An Ed25519 key pair made from a 32-byte seed. `public` is 32 bytes."""

    __slots__ = ("_secret", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self.public, self._secret = bindings.crypto_sign_seed_keypair(seed)

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key from the operating system's randomness."""
        return cls(os.urandom(32))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte detached signature over `message`."""
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()[:16]}…)"


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` over `message` is by `public`. Never raises: a malformed key verifies nothing."""
    if len(signature) != SIGNATURE_BYTES or len(public) != 32:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError):
        return False
    return True
