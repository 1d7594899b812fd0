"""What makes a new epoch due (tep_amendments.md A-5): the roster is compared with the people, by heads.

Pure. Whether something is to be written plays no part in it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.person import Person
from etherapy.signing import verify
from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_signed_bytes
from etherapy.tep.consent import CLOCK_SLACK_MS, Consent, consent_verifies, parse_consent
from etherapy.tep.epoch import Commit, CommitCore, CommitReason, Role, RosterRow
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import Papers, must_go, signers_of

Member = tuple[Person, int]
MAX_PLACED = 200
MAX_AGE_MS = 7 * 24 * 3600 * 1000
"""After so many messages, or so long, an epoch that was used is replaced by a therapist's device."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for: users to leave out (chain ids), and devices."""

    users: frozenset[bytes] = frozenset()
    devices: frozenset[bytes] = frozenset()


NO_WISH = Wish()


@dataclass(frozen=True, slots=True)
class Change:
    """The next epoch: who is in it, why it begins, the papers it names, the devices a narrowing keeps."""

    reason: CommitReason
    members: tuple[Member, ...]
    papers: tuple[bytes, ...] = ()
    kept: Mapping[bytes, Collection[bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """A thread's people at `at` (ms): the newest epoch, everybody's chain, papers not used yet."""

    newest: Commit
    owner: bytes
    members: tuple[Member, ...]
    papers: Papers
    ends: Mapping[bytes, int]
    charter: bytes
    at: int

    @property
    def chains(self) -> dict[bytes, Chain]:
        """Everybody's chain as it is now."""
        return {person.chain.chain_id: person.chain for person, _ in self.members}

    def going(self) -> set[bytes]:
        """Whom the next epoch must leave out."""
        return must_go(
            self.newest.core, ends=self.ends, leaves=self.papers.leaves, chains=self.chains, at=self.at
        )

    def admitted(self) -> dict[bytes, Consent]:
        """The consents that are complete and in force for people who are not in yet, by hash."""
        found: dict[bytes, Consent] = {}
        for name, (core, signatures) in self.papers.consents.items():
            try:
                consent = parse_consent(core)
            except Malformed:
                continue
            known = {one.newcomer for one in found.values()} | self.newest.core.users()
            wanted = consent.newcomer not in known and is_current(consent, self.at)
            if wanted and not self.missing(core, signatures):
                found[name] = consent
        return found

    def missing(self, core: bytes, signatures: Mapping[bytes, bytes]) -> list[bytes]:
        """Who has still to sign a consent."""
        chains = self.chains
        return [
            one
            for one in signers_of(self.newest.core, self.owner)
            if one not in chains or not consent_verifies(core, signatures.get(one, b""), chains[one])
        ]


def is_current(consent: Consent, at: int) -> bool:
    """Whether a consent admits somebody at this moment, though its author's clock may go a little before."""
    return consent.since <= at + CLOCK_SLACK_MS and (consent.until == 0 or at < consent.until)


def next_change(
    standing: Standing, newcomers: Mapping[bytes, Person], wish: Wish = NO_WISH, *, routine: bool = False
) -> Change | None:
    """What the next epoch has to be; None when the newest one is as it should be.

    Who goes, goes first: the signatures of those who stay are then asked of those who stay. `newcomers` are
    the people of `standing.admitted()` as far as they could be looked up; `routine`: count or age is due.
    """
    core = standing.newest.core
    going = standing.going() | (wish.users & core.users())
    if going:
        stay = tuple(one for one in standing.members if one[0].chain.chain_id not in going)
        named = [name for name, one in standing.papers.leaves.items() if one.leave.chain in going]
        return Change(CommitReason.USER_REMOVED, stay, tuple(named))
    coming = {
        name: one
        for name, one in standing.admitted().items()
        if one.newcomer in newcomers and _may_enter(one, newcomers[one.newcomer].chain, standing)
    }
    if coming:
        new = tuple((newcomers[one.newcomer], one.role) for one in coming.values())
        return Change(CommitReason.USER_ADDED, (*standing.members, *new), tuple(coming))
    if is_stale(standing.newest, standing.members):
        return Change(_what_chains_did(core, standing.members), standing.members)
    if wish.devices & set(core.device_ids()):
        kept = {
            row.chain_id: [one for one in row.device_ids() if one not in wish.devices]
            for row in core.roster
            if wish.devices & set(row.device_ids())
        }
        return Change(CommitReason.NARROWING, standing.members, kept=kept)
    return Change(CommitReason.COUNT, standing.members) if routine else None


def is_stale(commit: Commit, members: Collection[Member]) -> bool:
    """Whether a head differs from the roster; heads are compared, never sets of devices (tep.md §5.5)."""
    heads = {person.chain.chain_id: person.chain.head for person, _ in members}
    return any(heads[row.chain_id] != row.chain_head for row in commit.core.roster)


def _may_enter(consent: Consent, newcomer: Chain, standing: Standing) -> bool:
    """A new client has signed the charter, and nobody comes with a closed account."""
    if newcomer.closed or consent.role != Role.CLIENT:
        return not newcomer.closed
    sig = standing.papers.charter_signatures.get(newcomer.chain_id, b"")
    message = charter_signed_bytes(standing.charter)
    return any(verify(device.sign_pk, message, sig) for device in newcomer.active())


def _what_chains_did(core: CommitCore, members: Collection[Member]) -> CommitReason:
    """A revocation weighs most, then a device that came, then a new key."""
    gone = came = False
    for person, role in members:
        row = core.user(person.chain.chain_id)
        old = set(row.device_ids()) if row else set()
        new = set(RosterRow.of(person.chain, role).device_ids())
        gone, came = gone or bool(old - new), came or bool(new - old)
    if gone:
        return CommitReason.DEVICE_REVOKED
    return CommitReason.DEVICE_ADDED if came else CommitReason.KEY_ROTATED


def is_time_up(desk: ThreadDesk, at: int) -> bool:
    """Whether somebody's time in a thread began or ended by itself, so that its epoch is stale (A-6)."""
    epochs = desk.log.epochs
    if any(until and until <= at for until in epochs.ends.values()):
        return True
    if epochs.newest is None:
        return False
    known, used = set(epochs.since), epochs.spent()
    signers = set(signers_of(epochs.newest.core, epochs.owner))
    waiting = (
        parse_consent(one.core)
        for name, one in desk.state.consents.items()
        if name not in used and signers <= one.signatures.keys()
    )
    return any(one.newcomer not in known and is_current(one, at) for one in waiting)
