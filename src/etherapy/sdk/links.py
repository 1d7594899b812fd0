"""Links that let people in: `{origin}/j/{practice}#2.…` for clients, `{origin}/s/{practice}#3.…` for staff.

What stands after the # is a secret and what is pinned. It never goes to a server (tep_amendments.md A-10).
"""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from etherapy.binary import b64, unb64
from etherapy.sdk.faults import BadLink
from etherapy.tep.invite import LinkText, parse_link_text
from etherapy.tep.malformed import Malformed

_ROADS: dict[str, bool] = {"j": False, "s": True}


@dataclass(frozen=True, slots=True)
class WayIn:
    """A link that was read. `pinned` is the invite's hash (clients) or the server's id (staff)."""

    origin: str
    practice: bytes
    staff: bool
    pinned: bytes
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class InviteLink:
    """An invitation to hand over: `text` is the whole link, and what a QR code holds.

    It is a secret for one person until it was used. `expires_at` in milliseconds.
    """

    text: str = field(repr=False)
    thread: bytes
    expires_at: int


def read_link(text: str, kind: Literal["client", "staff"]) -> WayIn:
    """The parts of a link; BadLink for everything else, without repeating it.

    way = read_link("https://therapy.example/j/…#2.…", "client")
    """
    parts = urlsplit(text.strip())
    _, road, practice, *rest = [*parts.path.split("/"), "", "", ""]
    if parts.scheme not in ("https", "http") or not parts.netloc or any(rest) or road not in _ROADS:
        raise BadLink("this is not a link to a practice")
    try:
        fragment, place = parse_link_text(parts.fragment), unb64(practice)
    except (Malformed, ValueError):
        raise BadLink("this link is damaged or incomplete") from None
    if len(place) != 16 or _ROADS[road] != fragment.staff:
        raise BadLink("this link is damaged or incomplete")
    if fragment.staff != (kind == "staff"):
        raise BadLink("this link is for a member of staff" if fragment.staff else "this link is for a client")
    origin = f"{parts.scheme}://{parts.netloc}"
    return WayIn(origin, place, fragment.staff, fragment.pinned, fragment.secret)


def write_invite_link(origin: str, practice: bytes, invite_hash: bytes, secret: bytes) -> str:
    """The whole link of an invitation."""
    return f"{origin}/j/{b64(practice)}#{LinkText(False, invite_hash, secret).text()}"


def practice_id(practice: bytes | str) -> bytes:
    """A practice's 16 bytes, from its text where that is given; BadLink."""
    try:
        found = unb64(practice) if isinstance(practice, str) else practice
    except ValueError:
        found = b""
    if len(found) != 16:
        raise BadLink("this is not the id of a practice", "copy it from a link, or ask your practice")
    return found
