"""What a device makes of a passphrase (tep.md §5.11). It opens a pending session and wraps nothing.

Half of the work is done here, with parameters that this program pins: a server that asks for less learns
nothing but that it was refused. The server stores a slow hash of the 32 bytes that come out.
"""

import unicodedata
from dataclasses import dataclass

from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13

from etherapy.crypto.derivation import expand
from etherapy.crypto.errors import WeakParameters
from etherapy.tep.labels import label
from etherapy.tep.login import folded

SALT_BYTES = 16
AUTH_BYTES = 32
MAX_PASSPHRASE = 1024


@dataclass(frozen=True, slots=True)
class Parameters:
    """Of Argon2id. Only one lane: libsodium knows no other, and both ends must compute alike."""

    memory_kib: int
    passes: int
    lanes: int


PINNED = Parameters(memory_kib=64 * 1024, passes=3, lanes=1)


def check_parameters(memory_kib: int, passes: int, lanes: int) -> None:
    """WeakParameters unless the server asks for the pinned derivation.

    More than the pinned work is refused as well: this program would not know how to do it, and somebody who
    may choose any cost can stop a phone.
    """
    if (memory_kib, passes, lanes) != (PINNED.memory_kib, PINNED.passes, PINNED.lanes):
        raise WeakParameters(
            "the server asks for another handling of the passphrase than this program allows"
        )


def derive_auth(passphrase: str, salt: bytes, origin: str, name: str) -> bytes:
    """The 32 bytes to log in with, for this name at this server. Takes 64 MiB and some tenths of a second."""
    said = unicodedata.normalize("NFKC", passphrase).encode("utf-8")
    if not 0 < len(said) <= MAX_PASSPHRASE:
        raise ValueError(f"a passphrase has 1 to {MAX_PASSPHRASE} bytes")
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    slow = crypto_pwhash_alg(
        AUTH_BYTES, said, salt, PINNED.passes, PINNED.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
    )
    info = label("login") + origin.encode("utf-8") + b"\0" + folded(name).encode("utf-8")
    return expand(slow, info, AUTH_BYTES)
