"""What can go wrong with secrets, each with its own class, because each means something else to a person."""


class CryptoError(Exception):
    """Of this room. Messages never contain secrets."""


class SealingUnavailable(CryptoError):
    """This installation cannot seal: its cryptography package lacks HPKE with X-Wing."""


class CannotSeal(CryptoError):
    """A recipient's key cannot be sealed to. Nothing was made, so nothing may be uploaded."""


class CannotOpen(CryptoError):
    """Something sealed does not open. One of the classes below says why."""


class NotForThisDevice(CannotOpen):
    """The epoch has no row for this device: it joined later, or was left out."""


class RowBroken(CannotOpen):
    """This device's row does not open: damaged, sealed to an older key, or taken from another epoch."""


class SecretMismatch(CannotOpen):
    """The row opens, but not to the secret that the commit promised to everybody: report the committer."""


class GrantBroken(CannotOpen):
    """A history grant opens, but does not hold the epochs that it names: report the giver."""


class WrongEpoch(CannotOpen):
    """The envelope belongs to another epoch, thread or suite, or its device is not in the roster."""


class MessageBroken(CannotOpen):
    """The ciphertext is not what the sender sealed under this header."""


class PaddingBroken(CannotOpen):
    """It opens, but its length or padding is not the one allowed form: report the sender."""


class CommitmentBroken(CannotOpen):
    """It opens, but not to the text its sender committed to: report the sender."""


class BadCode(CryptoError):
    """A recovery code was mistyped. The message says what to look at; nothing was sent anywhere."""


class WeakParameters(CryptoError):
    """A server asks for another derivation of the passphrase than is pinned here: nothing was made."""
