"""The keys of one device: an Ed25519 key for ever, an X-Wing key until it is rotated (tep.md §5.2)."""

from collections.abc import Callable
from os import urandom

from etherapy.crypto.sealing import SEED_BYTES, XWingKey, probe
from etherapy.signing import SigningKey
from etherapy.tep.links import device_id

__all__ = ["STORED_BYTES", "DeviceKeys", "probe"]

STORED_BYTES = 64


class DeviceKeys:
    """A device's two key pairs. `sign` signs, `hpke` opens what is sealed to the device."""

    __slots__ = ("device_id", "hpke", "sign")

    def __init__(self, sign_seed: bytes, hpke_seed: bytes) -> None:
        self.sign = SigningKey(sign_seed)
        self.hpke = XWingKey(hpke_seed)
        self.device_id = device_id(self.sign.public)

    @classmethod
    def generate(cls, random: Callable[[int], bytes] = urandom) -> "DeviceKeys":
        """New keys."""
        return cls(random(SEED_BYTES), random(SEED_BYTES))

    @classmethod
    def from_stored(cls, stored: bytes) -> "DeviceKeys":
        """The keys behind what `stored` gave."""
        if len(stored) != STORED_BYTES:
            raise ValueError(f"stored device keys have {STORED_BYTES} bytes")
        return cls(stored[:SEED_BYTES], stored[SEED_BYTES:])

    def stored(self) -> bytes:
        """The 64 secret bytes that make these keys again: signing seed, X-Wing seed."""
        return self.sign.seed + self.hpke.seed

    def rotated(self, random: Callable[[int], bytes] = urandom) -> "DeviceKeys":
        """The same device with a new X-Wing key, for a ROTATE link."""
        return DeviceKeys(self.sign.seed, random(SEED_BYTES))

    def __repr__(self) -> str:
        return f"DeviceKeys(device_id={self.device_id.hex()})"
