"""How people get in: links, logins, chains, and the practice they get into."""

from datetime import datetime

from msgspec import Struct

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.endpoint import Role


class ServerKeys(Struct, frozen=True):
    """The server's own key chain, from link 0 on (tep_amendments.md A-8)."""

    links: list[B64]


class AskChallenge(Struct, frozen=True, forbid_unknown_fields=True):
    """A device asks for something to sign."""

    practice: Id16
    device: Id16


class Challenge(Struct, frozen=True):
    """Sign these within a minute, together with the origin (A-15.3). The same answer for any device,
    known or not."""

    origin: str
    nonce: Hash32
    time: int
    """The server's own milliseconds since 1970, to be echoed."""


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed challenge."""

    practice: Id16
    device: Id16
    nonce: Hash32
    time: int
    signature: B64


class Session(Struct, frozen=True):
    """A bearer token and how long it is good for. It is shown once and stored only as a hash."""

    token: str
    expires_at: datetime


class Person(Struct, frozen=True):
    """Who the caller is in its practice."""

    account: Id16
    device: Id16
    chain: Hash32
    chain_seq: int
    chain_head: Hash32
    roles: list[Role]
    display_name: str
    practice_name: str


class Enrol(Struct, frozen=True, forbid_unknown_fields=True):
    """A new member of staff: genesis and recovery device, and the staff link's own signature (A-15.6)."""

    links: list[B64]
    signature: B64


class Enrolled(Struct, frozen=True):
    """The person exists now. One LinkPromise receipt for each link (A-6)."""

    account: Id16
    link_promises: list[B64]


class ChainLink(Struct, frozen=True):
    """One link of a device chain with what proves its place in the keys log."""

    link: B64
    link_promise: B64
    index: int | None
    """Leaf index in the `keys` log; None while it waits for the sequencer."""


class Chain(Struct, frozen=True):
    """A device chain, or its end from the asked link on."""

    account: Id16
    links: list[ChainLink]


class AddLink(Struct, frozen=True, forbid_unknown_fields=True):
    """One more link for the caller's own chain."""

    link: B64


class LinkAdded(Struct, frozen=True):
    """The link counts from now on."""

    link_promise: B64
