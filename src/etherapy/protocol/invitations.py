"""A therapist invites, a client joins at any hour (tep_amendments.md A-10)."""

from datetime import datetime

from msgspec import Struct

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.logs import Checkpoint, ConsistencyProof
from etherapy.protocol.people import ChainLink


class Invite(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed invitation with the charter it names. The link's secret stays with the therapist's device."""

    lookup: Id16
    invite: B64
    charter: B64
    charter_signature: B64


class Invited(Struct, frozen=True):
    """The invitation can be accepted until then, once."""

    expires_at: datetime


class Invitation(Struct, frozen=True):
    """All that a joining device verifies before it seals anything."""

    invite: B64
    charter: B64
    charter_signature: B64
    therapist_name: str
    therapist_account: Id16
    therapist_chain: list[ChainLink]
    practice_name: str
    generation: int
    keys: Checkpoint
    keys_consistency: ConsistencyProof
    """From the size that the invite names to the size of `keys`."""
    opens: bool = True
    """Whether its acceptance opens the thread (`Join`), or leads to a consent for one that is there
    (`AcceptMembership`)."""


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """A client joins: its chain, its acceptance, its signature under the charter, and epoch 0, in one
    command (A-15.4)."""

    links: list[B64]
    accept: B64
    charter_signature: B64
    commit: B64


class Joining(Struct, frozen=True):
    """How a thread came to be: what its epoch 0 names, for every member's device to check on first sight
    (A-10)."""

    invite: B64
    accept: B64
    therapist_name: str


class Joined(Struct, frozen=True):
    """The thread is open. Entries of the charter (n = 1) and of epoch 0 (n = 2), with the head over both."""

    account: Id16
    thread: Id16
    link_promises: list[B64]
    entries: list[B64]
    head: B64
    rules_hash: Hash32
