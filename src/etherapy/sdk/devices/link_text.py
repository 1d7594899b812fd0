"""What a new device shows so that an old one can let it in: a QR code, or twenty characters to type.

`{origin}/d/{practice}#4.{hash of its keys}.{secret}`; what stands after the # never goes to a server
(tep.md §5.9). The typed code is the beginning of the same hash.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from etherapy.binary import b64, unb64
from etherapy.sdk.faults import BadLink
from etherapy.tep.malformed import Malformed
from etherapy.tep.pairing import SECRET_BYTES, code_of, parse_link_code

_SIGN = "4"
_MEND = "read it once more from the new device: it shows a QR code, and twenty characters in five groups"


@dataclass(frozen=True, slots=True)
class Scanned:
    """A whole QR code: where the device wants to be linked, the hash of its keys, and its secret."""

    origin: str
    practice: bytes
    request: bytes
    secret: bytes = field(repr=False)

    def text(self) -> str:
        """The link that the QR code holds."""
        return f"{self.origin}/d/{b64(self.practice)}#{_SIGN}.{b64(self.request)}.{b64(self.secret)}"


@dataclass(frozen=True, slots=True)
class ShownCode:
    """What was read off a new device: the typed 13 bytes of its hash, and all of it where it was scanned."""

    code: bytes
    scanned: Scanned | None = None


def read_shown_code(text: str) -> ShownCode:
    """What was scanned or typed. BadLink, without repeating it.

    shown = read_shown_code("7F3K-…")
    """
    if "#" in text or "/" in text:
        scanned = _read_link(text)
        return ShownCode(code_of(scanned.request), scanned)
    try:
        return ShownCode(parse_link_code(text))
    except Malformed as bad:
        raise BadLink(str(bad), _MEND) from None


def _read_link(text: str) -> Scanned:
    parts = urlsplit(text.strip())
    _, road, practice, *rest = [*parts.path.split("/"), "", "", ""]
    sign, request, secret, *more = [*parts.fragment.split("."), "", "", ""]
    if parts.scheme not in ("https", "http") or not parts.netloc or road != "d" or any((*rest, *more)):
        raise BadLink("this is not the code of a new device", _MEND)
    try:
        found = Scanned(f"{parts.scheme}://{parts.netloc}", unb64(practice), unb64(request), unb64(secret))
    except ValueError:
        raise BadLink("this code is damaged or incomplete", _MEND) from None
    lengths = (len(found.practice), len(found.request), len(found.secret))
    if sign != _SIGN or lengths != (16, 32, SECRET_BYTES):
        raise BadLink("this code is damaged or incomplete", _MEND)
    return found
