"""The bare calls of libsodium and `cryptography` beside which TEP/1 is measured. They check nothing."""

from collections.abc import Sequence
from hashlib import sha256

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nacl import bindings

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_MLKEM, _X25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
_OPENS = hpke.MLKEM768X25519PrivateKey(_MLKEM, _X25519)
_SEALS = hpke.MLKEM768X25519PublicKey(_MLKEM.public_key(), _X25519.public_key())
_PUBLIC, _SECRET = bindings.crypto_sign_seed_keypair(bytes(32))
_KEY, _NONCE, _AAD = bytes(32), bytes(24), bytes(157)
_HASHED = bytes(80)
_SIGNED = bindings.crypto_sign(_HASHED, _SECRET)


def sign(count: int = 1) -> None:
    """Ed25519 signatures over the few hashes that are signed everywhere."""
    for _ in range(count):
        bindings.crypto_sign(_HASHED, _SECRET)


def verify(count: int = 1) -> None:
    """Their verifications."""
    for _ in range(count):
        bindings.crypto_sign_open(_SIGNED, _PUBLIC)


def seal(count: int = 1, text: bytes = bytes(32)) -> None:
    """HPKE with X-Wing."""
    for _ in range(count):
        _SUITE.encrypt(text, _SEALS, b"info")


class Opening:
    """HPKE with X-Wing the other way, and what is opened."""

    def __init__(self, text: bytes = bytes(32)) -> None:
        self._sealed = _SUITE.encrypt(text, _SEALS, b"info")

    def __call__(self) -> None:
        _SUITE.decrypt(self._sealed, _OPENS, b"info")


class Cipher:
    """XChaCha20-Poly1305 over so many bytes."""

    def __init__(self, size: int) -> None:
        self._plain = bytes(size)
        self._ct = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(self._plain, _AAD, _NONCE, _KEY)

    def encrypt(self) -> None:
        bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(self._plain, _AAD, _NONCE, _KEY)

    def decrypt(self) -> None:
        bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(self._ct, _AAD, _NONCE, _KEY)


def digest(sizes: Sequence[int]) -> None:
    """SHA-256 over texts of these sizes."""
    for size in sizes:
        sha256(bytes(size)).digest()


def stretch() -> None:
    """Argon2id as a passphrase is stretched on a device."""
    bindings.crypto_pwhash_alg(
        32, b"a passphrase", bytes(16), 3, 64 * 2**20, bindings.crypto_pwhash_ALG_ARGON2ID13
    )
