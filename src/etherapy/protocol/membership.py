"""Who is in a thread, by whose consent, since when and until when (tep.md §5.4, tep_amendments.md A-6)."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from etherapy.binary import B64, Hash32, Id16


class ThreadMember(Struct, frozen=True):
    """A member, now or once. `name` is what the practice calls staff; clients have none here.

    `start_n`: what was placed up to there is not shown to this member (0: all is); `start_t` is T_n there,
    told to that member alone, who begins to read from it.
    """

    account: Id16
    chain: Hash32
    role: int
    name: str
    start_n: int
    until: datetime | None
    ended_at: datetime | None
    consent: Hash32 | None
    start_t: Hash32 | None = None


class MemberSignature(Struct, frozen=True):
    """A signature by a device of this chain."""

    chain: Hash32
    signature: B64


class ConsentPaper(Struct, frozen=True):
    """A consent as far as it is signed. `name` is what the practice calls the newcomer, where it is staff."""

    core: B64
    signatures: list[MemberSignature]
    name: str = ""


class Admission(Struct, frozen=True):
    """Somebody accepted an invitation to this thread; a consent for them may follow, or did."""

    invite: B64
    accept: B64
    account: Id16
    chain: Hash32
    charter_signature: B64


class ThreadPeople(Struct, frozen=True):
    """Everybody and every paper that commits of this thread name, for each member's device to check.

    `charter` is the container with the signatures of those who began the thread.
    """

    members: list[ThreadMember]
    charter: B64
    consents: list[ConsentPaper]
    leaves: list[B64]
    admissions: list[Admission]


class SignConsent(Struct, frozen=True, forbid_unknown_fields=True):
    """Propose a consent, or add one's own signature to it."""

    core: B64
    signature: B64


class ConsentSigned(Struct, frozen=True):
    """Whether everybody who must sign has signed; if so, the next commit may bring the newcomer in."""

    complete: bool


class LeaveThread(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed Leave."""

    leave: B64


class AcceptMembership(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody new accepts an invitation to a thread that is there: a chain, the accept, a signature
    under the charter."""

    links: list[B64]
    accept: B64
    charter_signature: B64


class MembershipAccepted(Struct, frozen=True):
    """The person exists now and waits for the consents."""

    account: Id16
    thread: Id16
    link_promises: list[B64]


class GiveHistory(Struct, frozen=True, forbid_unknown_fields=True):
    """HistoryGrants (tep.md §6.7), each sealed to one device of the newest roster."""

    grants: Annotated[list[B64], Meta(min_length=1, max_length=16)]


class Grants(Struct, frozen=True):
    """What was granted to the calling device in this thread."""

    grants: list[B64]


class Colleague(Struct, frozen=True):
    """A therapist of the practice."""

    account: Id16
    chain: Hash32
    name: str


class Colleagues(Struct, frozen=True):
    """The therapists of the practice, oneself included, and their chains."""

    colleagues: list[Colleague]
