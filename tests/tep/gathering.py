"""A thread whose people come and go: commits, consents and leaves as honest devices would make them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etherapy.crypto.epochs import new_epoch
from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_hash, sign_charter
from etherapy.tep.consent import Consent, consent_hash, sign_consent
from etherapy.tep.epoch import Commit, CommitReason, Role, parse_commit
from etherapy.tep.epoch_rules import check_follows, check_roster
from etherapy.tep.leaving import Leave, SignedLeave, parse_leave, sign_leave
from etherapy.tep.membership import Changes, Papers, check_change
from etherapy.tep.placing import thread_start
from tests.tep.vectors import the_charter
from tests.tep.world import NOW, THREAD, Dice, Person, person, thread

HOUR = 3_600_000
CHARTER = the_charter()


@dataclass
class Gathering:
    """Everybody by role, the newest commit, and the papers that were signed."""

    people: list[tuple[Person, int]]
    home: bytes
    commit: Commit
    consents: dict[bytes, tuple[bytes, dict[bytes, bytes]]] = field(default_factory=dict)
    leaves: dict[bytes, SignedLeave] = field(default_factory=dict)
    charter_signatures: dict[bytes, bytes] = field(default_factory=dict)
    known: list[Person] = field(default_factory=list)

    @property
    def client(self) -> Person:
        return self.people[0][0]

    @property
    def owner(self) -> Person:
        return self.people[1][0]

    def chains(self) -> dict[bytes, Chain]:
        return {one.chain.chain_id: one.chain for one in (*(one for one, _ in self.people), *self.known)}

    def papers(self) -> Papers:
        return Papers(self.consents, self.leaves, self.charter_signatures)

    def propose(self, newcomer: Person, role: int = Role.FAMILY, **changed: Any) -> bytes:
        """A consent without signatures."""
        terms: dict[str, Any] = {"history": False, "since": NOW, "until": 0, "home": self.home}
        terms |= {"thread": THREAD, "nonce": Dice("consent")(16)} | changed
        core = Consent(newcomer=newcomer.chain.chain_id, role=role, **terms).pack()
        self.consents[consent_hash(core)] = (core, {})
        self.known.append(newcomer)
        return core

    def sign(self, core: bytes, *people: Person) -> bytes:
        """The hash of a consent that these people signed now."""
        for one in people:
            self.consents[consent_hash(core)][1][one.chain.chain_id] = sign_consent(core, one.keys.sign)
        return consent_hash(core)

    def agreed(self, newcomer: Person, role: int = Role.FAMILY, **changed: Any) -> bytes:
        """The hash of a consent that every client and the owner signed."""
        clients = [one for one, part in self.people if part == Role.CLIENT]
        if role == Role.CLIENT:
            signed = sign_charter(CHARTER, newcomer.keys.sign)
            self.charter_signatures[newcomer.chain.chain_id] = signed
        return self.sign(self.propose(newcomer, role, **changed), *clients, self.owner)

    def leave(self, leaver: Person, **changed: Any) -> bytes:
        """The hash of somebody's Leave."""
        terms: dict[str, Any] = {"thread": THREAD, "at": NOW, "nonce": bytes(16), "home": self.home}
        terms |= {"chain": leaver.chain.chain_id, "device": leaver.keys.device_id} | changed
        made = Leave(**terms)
        signed = parse_leave(sign_leave(made, leaver.keys.sign))
        self.leaves[signed.leave_hash] = signed
        return signed.leave_hash

    def next(
        self,
        by: Person,
        people: Iterable[tuple[Person, int]] | None = None,
        *,
        reason: int = CommitReason.REQUEST,
        consents: Sequence[bytes] = (),
        kept: Mapping[bytes, Collection[bytes]] | None = None,
    ) -> Commit:
        """The next epoch as `by` makes it, of these people."""
        members = [(one.chain, role) for one, role in (self.people if people is None else people)]
        before = self.commit.core
        whole, _ = new_epoch(
            members,
            by.keys,
            thread=THREAD,
            epoch=before.epoch + 1,
            reason=reason,
            charter_hash=before.charter_hash,
            view=(before.view[0] + 1, thread_start(THREAD, self.home)),
            home=self.home,
            prev=self.commit.commit_hash,
            consents=consents,
            before=before,
            kept=kept or {},
        )
        return parse_commit(whole)

    def judge(self, commit: Commit, at: int = NOW, **changed: Any) -> Changes:
        """What every member's device does with a commit; Malformed."""
        chains = self.chains()
        owner = self.owner.chain.chain_id
        given: dict[str, Any] = {"papers": self.papers(), "charter": CHARTER, "placed_at": at} | changed
        check_follows(commit.core, self.commit)
        found = check_change(self.commit.core, commit, owner=owner, chains=chains, **given)
        check_roster(commit, chains, self.commit.core, owner)
        return found

    def take(
        self, commit: Commit, people: Iterable[tuple[Person, int]] | None = None, **changed: Any
    ) -> None:
        """The commit is valid and is the newest now."""
        self.judge(commit, **changed)
        self.commit = commit
        if people is not None:
            self.known += [one for one, _ in self.people]
            self.people = list(people)


def gathering() -> Gathering:
    """A client and the owning therapist in epoch 0, under the charter of the vectors."""
    made = thread()
    made.commits.clear()
    first = made.commit(charter_hash=charter_hash(CHARTER))
    people = [(made.client, int(Role.CLIENT)), (made.therapist, int(Role.THERAPIST))]
    return Gathering(people, made.home, first)


def joined(newcomer: Person, role: int = Role.FAMILY, **terms: Any) -> Gathering:
    """The same with a third person, who came by everybody's consent in epoch 1."""
    made = gathering()
    named = made.agreed(newcomer, role, **terms)
    people = [*made.people, (newcomer, role)]
    made.take(made.next(made.owner, people, reason=CommitReason.USER_ADDED, consents=[named]), people)
    return made


def partner() -> Person:
    """Somebody who may come in."""
    return person("partner")
