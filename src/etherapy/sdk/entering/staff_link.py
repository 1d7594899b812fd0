"""Making the one-use link by which a member of staff enrols (tep_amendments.md A-15.6).

The operator's command line makes it, so that the secret is never where the server is: the server gets the
lookup id and the public enrolment key.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from os import urandom

from etherapy.binary import b64
from etherapy.crypto.invitation import new_link_secret, staff_keys
from etherapy.tep.invite import LinkText


@dataclass(frozen=True, slots=True)
class StaffLink:
    """`text` is the whole link, a secret for one person; the rest may be known to anybody."""

    text: str = field(repr=False)
    lookup_id: bytes
    staff_pk: bytes


def new_staff_link(
    origin: str, practice_id: bytes, server_id: bytes, random: Callable[[int], bytes] = urandom
) -> StaffLink:
    """A fresh link `{origin}/s/{practice}#3.…`; what comes after the # never reaches a server."""
    secret = new_link_secret(random)
    keys = staff_keys(secret)
    fragment = LinkText(True, server_id, secret).text()
    return StaffLink(f"{origin}/s/{b64(practice_id)}#{fragment}", keys.lookup_id, keys.signing.public)
