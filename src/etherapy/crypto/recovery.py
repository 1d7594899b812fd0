"""The recovery code: one more device, asleep on paper (tep.md §5.3).

128 random bits and a 12-bit checksum, 28 characters of Crockford's base32 in 7 groups of 4. The checksum is a
CRC, which misses no single wrong character and no two neighbours swapped. Since every epoch is sealed to the
recovery device as to any other, the code alone opens everything that is kept.
"""

from collections.abc import Callable
from os import urandom

from etherapy.crypto.derivation import expand, extract
from etherapy.crypto.errors import BadCode
from etherapy.crypto.keys import DeviceKeys
from etherapy.tep.base32 import number_of, spell, strange_in, typed
from etherapy.tep.labels import label

CODE_BYTES = 16
CHARACTERS = 28
_CHECK_BITS = 12
_POLYNOMIAL = 0x180F


class RecoveryCode:
    """A recovery code. It opens all of its owner's threads: show it once, keep it nowhere."""

    __slots__ = ("secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != CODE_BYTES:
            raise ValueError(f"a recovery code has {CODE_BYTES} bytes")
        self.secret = secret

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = urandom) -> "RecoveryCode":
        """A new code."""
        return cls(random(CODE_BYTES))

    @classmethod
    def parse(cls, text: str) -> "RecoveryCode":
        """The code behind what somebody typed; BadCode before anything else happens."""
        plain = typed(text)
        if len(plain) != CHARACTERS:
            raise BadCode(f"a recovery code has {CHARACTERS} characters, this one has {len(plain)}")
        strange = strange_in(plain)
        if strange:
            raise BadCode(f"a recovery code never contains {' or '.join(strange)}")
        number = number_of(plain)
        secret = (number >> _CHECK_BITS).to_bytes(CODE_BYTES, "big")
        if number & (1 << _CHECK_BITS) - 1 != _checksum(secret):
            raise BadCode("this recovery code has a typing mistake: please compare it with the paper")
        return cls(secret)

    def text(self) -> str:
        """7 groups of 4 characters."""
        number = int.from_bytes(self.secret, "big") << _CHECK_BITS | _checksum(self.secret)
        return spell(number, CHARACTERS)

    def keys(self) -> DeviceKeys:
        """The recovery device's keys, the same whenever and wherever the code is typed."""
        root = extract(b"tep1:recovery", self.secret)
        return DeviceKeys(expand(root, label("rec-sign"), 32), expand(root, label("rec-hpke"), 32))

    def __repr__(self) -> str:
        return "RecoveryCode(…)"


def _checksum(secret: bytes) -> int:
    """CRC-12 (x^12 + x^11 + x^3 + x^2 + x + 1), all bits inverted."""
    number = int.from_bytes(secret, "big") << _CHECK_BITS
    for at in range(8 * CODE_BYTES - 1, -1, -1):
        if number >> at + _CHECK_BITS & 1:
            number ^= _POLYNOMIAL << at
    return number ^ (1 << _CHECK_BITS) - 1
