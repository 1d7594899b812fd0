"""HPKE (RFC 9180) with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305: suite 1 (tep.md §2.3, §5.1).

Single shot, base mode; all context is bound through `info`. X-Wing resists a quantum computer as well as
today's: it holds if either X25519 or ML-KEM-768 holds.
"""

from hashlib import shake_256

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from etherapy.crypto.errors import CannotSeal, RowBroken, SealingUnavailable
from etherapy.tep.xwing import PUBLIC_BYTES, well_formed

SEED_BYTES = 32
ADDED_BYTES = 1136
"""A sealed text is this much longer: encapsulation 1120, tag 16."""
_MLKEM_BYTES = 1184
_ADVICE = (
    "this installation cannot seal messages: the `cryptography` package lacks HPKE with X-Wing. "
    "Install cryptography 50 or newer from its published wheels (pip install 'cryptography>=50')."
)

try:
    from cryptography.hazmat.primitives import hpke
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
except ImportError:
    raise SealingUnavailable(_ADVICE) from None


class XWingKey:
    """An X-Wing key pair made from a 32-byte seed. `public` is 1216 bytes: ML-KEM-768, then X25519."""

    __slots__ = ("_private", "public", "seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"an X-Wing seed has {SEED_BYTES} bytes")
        wide = shake_256(seed).digest(96)
        try:
            mlkem = MLKEM768PrivateKey.from_seed_bytes(wide[:64])
        except UnsupportedAlgorithm:
            raise SealingUnavailable(_ADVICE) from None
        x25519 = X25519PrivateKey.from_private_bytes(wide[64:])
        self.seed = seed
        self.public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        self._private = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The text sealed to this key under `info`; RowBroken otherwise, whatever the cause."""
        try:
            return _suite().decrypt(sealed, self._private, info)
        except (InvalidTag, ValueError):
            raise RowBroken("the sealed secret does not open with this device's key") from None

    def __repr__(self) -> str:
        return f"XWingKey(public={self.public.hex()[:16]}…)"


def seal(hpke_pk: bytes, info: bytes, text: bytes) -> bytes:
    """`text` sealed to an X-Wing public key; CannotSeal when nothing can be sealed to it."""
    if len(hpke_pk) != PUBLIC_BYTES or not well_formed(hpke_pk):
        raise CannotSeal("a device's X-Wing key is malformed")
    try:
        return _suite().encrypt(text, _public(hpke_pk), info)
    except ValueError:
        raise CannotSeal("a device's X-Wing key cannot be sealed to") from None


def probe() -> None:
    """SealingUnavailable, with what to install, unless sealing and opening work here. Call it at start."""
    key = XWingKey(bytes(SEED_BYTES))
    try:
        opened = key.open(seal(key.public, b"probe", b"probe"), b"probe")
    except UnsupportedAlgorithm:
        raise SealingUnavailable(_ADVICE) from None
    if opened != b"probe":
        raise SealingUnavailable(_ADVICE)


def _suite() -> hpke.Suite:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def _public(hpke_pk: bytes) -> hpke.MLKEM768X25519PublicKey:
    mlkem = MLKEM768PublicKey.from_public_bytes(hpke_pk[:_MLKEM_BYTES])
    x25519 = X25519PublicKey.from_public_bytes(hpke_pk[_MLKEM_BYTES:])
    return hpke.MLKEM768X25519PublicKey(mlkem, x25519)
