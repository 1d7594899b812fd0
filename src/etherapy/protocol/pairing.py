"""New devices: how one asks to be linked, how an old one agrees, and what a passphrase is good for
(tep.md §5.9, §5.11)."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.people import ChainLink

DeviceClassNumber = Literal[1, 2, 3, 5]
"""1 phone, 2 desktop, 3 web, 5 command line; a recovery device is never linked this way."""

RequestState = Literal["waiting", "offered", "linked", "refused"]
LoginName = Annotated[str, Meta(min_length=1, max_length=200)]


class AskLink(Struct, frozen=True, forbid_unknown_fields=True):
    """A device nobody knows yet shows its public keys and waits. `lookup` follows from them (docs/tep.md)."""

    lookup: Id16
    sign_pk: Hash32
    hpke_pk: B64
    device_class: DeviceClassNumber


class LinkAsked(Struct, frozen=True):
    """The request waits until then."""

    expires_at: datetime


class LinkRequest(Struct, frozen=True):
    """What an active device reads before it agrees; it compares the keys with the code on the new device."""

    lookup: Id16
    sign_pk: Hash32
    hpke_pk: B64
    device_class: int
    asked_at: datetime
    by_passphrase: bool


class LinkRequests(Struct, frozen=True):
    """Requests by somebody who knew the caller's passphrase: at most one is open."""

    requests: list[LinkRequest]


class OfferLink(Struct, frozen=True, forbid_unknown_fields=True):
    """An active device agrees: the core of the next link of its chain with its signature. The new device
    signs as well.

    `confirmation` is there when the QR code was read, whose secret it proves to know.
    """

    core: B64
    signature: B64
    confirmation: Hash32 | None = None


class LinkOffer(Struct, frozen=True):
    """What the new device needs to check whose device it becomes, and to sign."""

    account: Id16
    chain: list[ChainLink]
    core: B64
    signature: B64
    confirmation: Hash32 | None


class LinkProgress(Struct, frozen=True):
    """Where a request stands; `offer` while it is offered."""

    state: RequestState
    offer: LinkOffer | None = None


class ProgressQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """With `wait`, the answer is held back so many seconds while the request is in `state`."""

    state: RequestState = "waiting"
    wait: Annotated[int, Meta(ge=0, le=25)] = 0


class CompleteLink(Struct, frozen=True, forbid_unknown_fields=True):
    """The offered link with both signatures."""

    link: B64


class SetPassphrase(Struct, frozen=True, forbid_unknown_fields=True):
    """A name and what the device derived from the passphrase (never the passphrase), under a salt the
    device drew."""

    name: LoginName
    salt: Id16
    auth: Hash32


class AskSalt(Struct, frozen=True, forbid_unknown_fields=True):
    """A name. The answer tells nothing about whether anybody has it."""

    name: LoginName


class Salt(Struct, frozen=True):
    """A salt and the parameters of Argon2id; a device refuses lower ones than it has pinned."""

    salt: Id16
    memory_kib: int
    passes: int
    lanes: int


class PassphraseLogin(Struct, frozen=True, forbid_unknown_fields=True):
    """Tie an open link request to the account behind a passphrase."""

    name: LoginName
    auth: Hash32
    lookup: Id16


class PendingSession(Struct, frozen=True):
    """A token that is good for nothing but being told apart: every call with it is refused (403) until
    the device is linked."""

    token: str
    expires_at: datetime
