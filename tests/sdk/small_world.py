"""A server in the hand: it places what it is told to, honestly or not, and two devices read what it shows."""

from dataclasses import dataclass, field, replace
from os import urandom
from typing import Any

from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.sdk.keeping.kept import KeptItem, KnownLinks, OwnItem
from etherapy.sdk.verifying.beginnings import Began
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.person import Person as Known
from etherapy.sdk.verifying.person import read_person
from etherapy.sdk.verifying.thread_log import Applied, Reader, ThreadLog
from etherapy.tep.charter import Charter, agreement_hash, charter_hash, sign_charter
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Commit, CommitReason, Role, parse_commit
from etherapy.tep.invite import Invite, InviteAccept, parse_accept, parse_invite, sign_accept, sign_invite
from etherapy.tep.leaves import chain_link_leaf, leaf_hash
from etherapy.tep.payload import Kind, Payload, View
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next, thread_start
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.serverkeys import home
from etherapy.tep.signed import pack_signed
from etherapy.tep.statements import Decision, Head, LinkPromise, LogName, Promise, promise_hash
from tests.tep.world import NOW, PRACTICE, THREAD, Person, Server, person, server

RULES = bytes([7]) * 32
HOUR = 3_600_000


@dataclass
class SmallWorld:
    """A thread of Anna (client) and Vale (therapist). `at` is the server's time, moved by each placing."""

    seed: str = "small"
    at: int = NOW
    generation: int = 1
    host: Server = field(default_factory=server)
    items: list[KeptItem] = field(default_factory=list)
    ts: list[bytes] = field(default_factory=list)
    commits: list[tuple[Commit, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.anna, self.vale = person(self.seed + "-anna"), person(self.seed + "-vale")
        self.home = home(self.host.keys.server_id, PRACTICE)
        self.ts = [thread_start(THREAD, self.home)]
        self._join()

    # --- the two people -------------------------------------------------------------------------------------

    def _join(self) -> None:
        keys, vale, anna = invitation_keys(new_link_secret()), self.vale.chain, self.anna.chain
        charter = Charter(
            self.home, THREAD, 1, bytes(32), vale.chain_id, 365, 35, {1: 1}, agreement_hash("x"), urandom(16)
        ).pack()
        invite = sign_invite(
            Invite(
                self.host.keys.server_id, PRACTICE, THREAD, vale.chain_id, vale.seq, vale.head, 0, bytes(32),
                Role.CLIENT, charter_hash(charter), keys.signing.public, NOW + 7 * 24 * HOUR, urandom(16),
            ),
            self.vale.keys.sign,
        )  # fmt: skip
        named = parse_invite(invite)
        accept = sign_accept(
            InviteAccept(named.invite_hash, anna.chain_id, anna.seq, anna.head, urandom(16)),
            self.anna.keys.sign,
            keys.signing,
        )
        self.began = Began(named, parse_accept(accept))
        self.charter = charter
        signatures = (sign_charter(charter, self.vale.keys.sign), sign_charter(charter, self.anna.keys.sign))
        self.place(ItemType.CHARTER, pack_signed(charter, signatures), charter_hash(charter))
        consents = (named.invite_hash, self.began.accept.accept_hash)
        self.commit(self.anna, view=(0, self.ts[0]), consents=consents)

    def members(self) -> list[tuple[Any, int]]:
        return [(self.vale.chain, Role.THERAPIST), (self.anna.chain, Role.CLIENT)]

    def make_commit(self, by: Person, **changed: Any) -> tuple[bytes, bytes]:
        fields: dict[str, Any] = {
            "thread": THREAD,
            "epoch": len(self.commits),
            "reason": CommitReason.REQUEST if self.commits else CommitReason.CREATE,
            "charter_hash": charter_hash(self.charter),
            "view": (self.n, self.ts[-1]),
            "home": self.home,
            "prev": self.commits[-1][0].commit_hash if self.commits else bytes(32),
        }
        members = changed.pop("members", None) or self.members()
        return new_epoch(members, changed.pop("keys", None) or by.keys, **(fields | changed))

    def commit(self, by: Person, **changed: Any) -> Commit:
        """The next epoch, placed at once."""
        whole, secret = self.make_commit(by, **changed)
        self.commits.append((parse_commit(whole), secret))
        self.place(ItemType.COMMIT, whole, self.commits[-1][0].commit_hash)
        return self.commits[-1][0]

    # --- the server -----------------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return len(self.ts) - 1

    def place(
        self,
        item_type: int,
        item: bytes | None,
        item_hash: bytes,
        reason: int = Reason.NONE,
        promise: bytes | None = None,
        **entry: Any,
    ) -> Entry:
        """Give something the next position."""
        self.at += 1000
        core = None if promise is None else promise[: Promise.LAYOUT.size]
        made = Entry(
            item_type, reason, self.generation, self.n + 1, self.at, item_hash,
            bytes(32) if core is None else promise_hash(core),
        )  # fmt: skip
        made = replace(made, **entry)
        self.ts.append(thread_next(self.ts[-1], made))
        self.items.append(KeptItem(made.pack(), item, promise))
        return made

    def promise(self, envelope: bytes, **changed: Any) -> bytes:
        """A promise for an envelope, accepted now and released at once unless said otherwise."""
        found = parse_envelope(envelope)
        plain = Promise(
            Decision.AT_ONCE, 0, self.generation, THREAD, found.header.mid, found.item_hash, self.n,
            found.header.epoch, 1, RULES, self.at, self.at, self.at, 0, self.host.key_id,
        )  # fmt: skip
        changed.setdefault("counted_from", changed.get("accepted_at", plain.counted_from))
        return sign_receipt(replace(plain, **changed), self.host.receipts, self.host.key_id)

    def deliver(
        self, envelope: bytes, promise: bytes | None = None, reason: int = Reason.AT_ONCE, **entry: Any
    ) -> Entry:
        """Place an envelope under a promise."""
        receipt = promise or self.promise(envelope)
        return self.place(
            ItemType.ENVELOPE, envelope, parse_envelope(envelope).item_hash, reason, receipt, **entry
        )

    def head(self, n: int | None = None, **changed: Any) -> bytes:
        """The signed head at a position."""
        at = self.n if n is None else n
        placed_at = Entry.unpack(self.items[at - 1].entry).placed_at if at else 0
        core = Head(self.generation, THREAD, at, self.ts[at], placed_at, self.host.key_id)
        return sign_receipt(replace(core, **changed), self.host.receipts, self.host.key_id)

    # --- devices --------------------------------------------------------------------------------------------

    def write(self, text: str, by: Person | None = None, view: View | None = None, **changed: Any) -> bytes:
        """An envelope in the newest epoch, with the writer's honest view unless another one is given."""
        author = by or self.anna
        commit, secret = changed.pop("epoch", None) or self.commits[-1]
        keys: DeviceKeys = changed.pop("keys", None) or author.keys
        seen = view or View(self.n, self.ts[-1], 1, RULES)
        payload = changed.pop("payload", None) or Payload(changed.pop("kind", Kind.TEXT), text, NOW, seen)
        return seal_message(payload, secret=secret, commit=commit, key=keys.sign, **changed)

    def people(self) -> dict[bytes, Known]:
        return {one.chain.chain_id: self.known(one) for one in (self.anna, self.vale)}

    def known(self, one: Person, recorded: dict[int, int] | None = None) -> Known:
        """A person with LinkPromises by this server; `recorded` sets when a link was taken."""
        account = one.chain.chain_id[:16]
        promises = []
        for seq, name in enumerate(one.chain.hashes):
            leaf = leaf_hash(chain_link_leaf(account, one.chain.chain_id, seq, name))
            at = (recorded or {}).get(seq, NOW)
            core = LinkPromise(LogName.KEYS, 1, PRACTICE, leaf, at, at + 600_000, self.host.key_id)
            promises.append(sign_receipt(core, self.host.receipts, self.host.key_id))
        links = KnownLinks(account=account, links=list(one.links), promises=promises)
        return read_person(links, self.host.keys.receipt_keys(), PRACTICE)

    def log(self, one: Person, secrets: dict[bytes, bytes] | None = None) -> ThreadLog:
        """An empty device of this person."""
        reader = Reader(one.chain.chain_id, one.keys.device_id, self.host.keys.receipt_keys(), self.home)
        return ThreadLog(THREAD, reader, {} if secrets is None else secrets)

    def read(
        self,
        log: ThreadLog,
        one: Person,
        *,
        own: dict[bytes, OwnItem] | None = None,
        people: dict[bytes, Known] | None = None,
        head: bytes | None = None,
        began: Began | None = None,
        upto: int | None = None,
    ) -> Applied:
        """Show everything new to a device."""
        page = self.items[log.n : upto]
        shown = head or self.head(log.n + len(page))
        return log.apply(
            page, shown, Evidence(people or self.people(), [one.keys], own or {}, began or self.began)
        )
