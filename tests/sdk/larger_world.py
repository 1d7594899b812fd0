"""The server in the hand with a third person: consents, leaves, and a reader who joins later."""

from dataclasses import dataclass, field
from os import urandom
from typing import Any

from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.person import Person as Known
from etherapy.sdk.verifying.spine import Pin
from etherapy.sdk.verifying.thread_log import Applied, Reader, ThreadLog
from etherapy.tep.chain import Chain
from etherapy.tep.charter import sign_charter
from etherapy.tep.consent import Consent, consent_hash, sign_consent
from etherapy.tep.epoch import Commit, CommitReason, Role
from etherapy.tep.leaving import Leave, parse_leave, sign_leave
from etherapy.tep.membership import Papers
from etherapy.tep.signed import pack_signed
from tests.sdk.small_world import SmallWorld
from tests.tep.world import THREAD, Person, person


@dataclass
class LargerWorld(SmallWorld):
    """Anna, Vale, and Lind, who is no member at first. `papers` are what the server shows of papers."""

    consents: dict[bytes, tuple[bytes, dict[bytes, bytes]]] = field(default_factory=dict)
    leaves: dict[bytes, Any] = field(default_factory=dict)
    charter_signatures: dict[bytes, bytes] = field(default_factory=dict)
    inside: list[tuple[Person, int]] = field(default_factory=list)
    others: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lind = person(self.seed + "-lind")
        super().__post_init__()
        self.inside = [(self.vale, Role.THERAPIST), (self.anna, Role.CLIENT)]

    @property
    def papers(self) -> Papers:
        return Papers(self.consents, self.leaves, self.charter_signatures)

    def members(self) -> list[tuple[Chain, int]]:
        return [(one.chain, role) for one, role in self.inside] if self.inside else super().members()

    def people(self) -> dict[bytes, Known]:
        everybody = (self.anna, self.vale, self.lind, *self.others)
        return {one.chain.chain_id: self.known(one) for one in everybody}

    def agree(
        self, *signers: Person, role: int = Role.CO_THERAPIST, to: Person | None = None, **changed: Any
    ) -> bytes:
        """The hash of a consent to Lind, or somebody else, signed by these."""
        terms: dict[str, Any] = {"history": False, "since": self.at, "until": 0, "home": self.home}
        terms |= {"thread": THREAD, "nonce": urandom(16)} | changed
        core = Consent(newcomer=(to or self.lind).chain.chain_id, role=role, **terms).pack()
        signed = {one.chain.chain_id: sign_consent(core, one.keys.sign) for one in signers}
        self.consents[consent_hash(core)] = (core, signed)
        return consent_hash(core)

    def sign_charter(self) -> None:
        """Lind signs the charter, as a new client must."""
        signature = sign_charter(self.charter, self.lind.keys.sign)
        self.charter_signatures[self.lind.chain.chain_id] = signature

    def leave(self, who: Person) -> bytes:
        """The hash of somebody's Leave."""
        word = Leave(THREAD, who.chain.chain_id, who.keys.device_id, self.at, urandom(16), self.home)
        signed = parse_leave(sign_leave(word, who.keys.sign))
        self.leaves[signed.leave_hash] = signed
        return signed.leave_hash

    def let_in(self, *papers: bytes, by: Person | None = None, role: int = Role.CO_THERAPIST) -> Commit:
        """The epoch that brings Lind in."""
        self.inside.append((self.lind, role))
        return self.next(by or self.vale, CommitReason.USER_ADDED, papers)

    def let_go(self, who: Person, *papers: bytes, by: Person | None = None) -> Commit:
        """The epoch that leaves somebody out."""
        self.inside = [(one, role) for one, role in self.inside if one is not who]
        return self.next(by or self.vale, CommitReason.USER_REMOVED, papers)

    def next(self, by: Person, reason: int, papers: tuple[bytes, ...] = (), **changed: Any) -> Commit:
        """The next epoch, as an honest device would make it."""
        before = self.commits[-1][0].core
        return self.commit(by, reason=reason, consents=papers, before=before, **changed)

    def newcomer(
        self, start: int, secrets: dict[bytes, bytes] | None = None, owner: bytes = b""
    ) -> ThreadLog:
        """An empty device of Lind's, which is told that its thread begins after `start`; 0: with history."""
        container = pack_signed(self.charter, (sign_charter(self.charter, self.vale.keys.sign),))
        pin = Pin(start, self.ts[start]) if start else None
        chain, device = self.lind.chain.chain_id, self.lind.keys.device_id
        keys = self.host.keys.receipt_keys()
        told = container if start else b""
        reader = Reader(chain, device, keys, self.home, True, pin, told, owner=owner)
        return ThreadLog(THREAD, reader, {} if secrets is None else secrets)

    def show(self, log: ThreadLog, one: Person, upto: int | None = None) -> Applied:
        """Show everything new to a device, with all papers."""
        page = self.items[log.n : upto]
        head = self.head(log.n + len(page))
        began = None if log.spine.start.n else self.began
        return log.apply(page, head, Evidence(self.people(), [one.keys], {}, began, self.papers))
