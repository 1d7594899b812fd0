"""A server in the hand: it accepts, holds, releases and places as an honest one would, and does what an
attack
asks of it. All it says is signed with real keys, which an attacker holds as well."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.sdk.keeping.kept import KeptItem
from etherapy.sdk.verifying.person import Person
from etherapy.sdk.verifying.spine import Pin
from etherapy.tep import linking
from etherapy.tep.chain import Chain
from etherapy.tep.charter import Charter, agreement_hash, charter_hash, sign_charter
from etherapy.tep.consent import parse_consent
from etherapy.tep.envelope import Envelope, envelope_verifies, parse_envelope
from etherapy.tep.epoch import Commit, Role
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import Papers, check_change
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next, thread_start
from etherapy.tep.recall import RecallMode, SignedRecall
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.serverkeys import home
from etherapy.tep.signed import pack_signed
from etherapy.tep.statements import Decision, Head, Promise, State, Status, StatusReason, promise_hash
from tests.tep.world import NOW, PRACTICE, THREAD, Dice, Server, server

if TYPE_CHECKING:
    from tests.simulator.phone import Phone

RULES = bytes([7]) * 32
HOUR = 3_600_000


class Stale(Exception):
    """The commit or message was made for an epoch that is not the newest."""


class TooLate(Exception):
    """The message is placed already, or has no seat to be sent from."""


@dataclass
class Somebody:
    """A person: every state of the chain with the time it was recorded, and the recovery code."""

    name: str
    role: int
    code: RecoveryCode
    history: list[Chain]
    recorded: list[int]

    @property
    def chain(self) -> Chain:
        return self.history[-1]

    def as_known(self, links: int | None = None) -> Person:
        """As a device knows them from their first `links` links (None: all)."""
        upto = len(self.history) if links is None else links
        return Person(self.chain.chain_id[:16], tuple(self.history[:upto]), tuple(self.recorded[:upto]))


@dataclass
class Item:
    """An accepted message. `state` is held, placed, recalled, replaced or returned."""

    author: bytes
    envelope: Envelope
    whole: bytes
    promise: Promise
    receipt: bytes
    order: int
    state: str = "held"
    status: bytes = b""


@dataclass(frozen=True)
class Admitted:
    """Somebody who came later: the position of the commit, what its author had seen, and when it is over."""

    n: int
    start: Pin
    until: int


@dataclass(frozen=True)
class Page:
    """Placed items in order, under the signed head of the last one."""

    items: list[KeptItem]
    head: bytes


@dataclass
class Host:
    """One thread on one server. `now` is its time in ms."""

    dice: Dice
    now: int = NOW
    keys: Server = field(default_factory=server)
    people: dict[bytes, Somebody] = field(default_factory=dict)
    items: list[KeptItem] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    accepted: dict[bytes, Item] = field(default_factory=dict)
    shown: dict[bytes, int] = field(default_factory=dict)
    """Where the links of a chain are hidden: how many are shown."""
    forked: dict[bytes, "Host"] = field(default_factory=dict)
    """Devices that are shown another history."""
    consents: dict[bytes, tuple[bytes, dict[bytes, bytes]]] = field(default_factory=dict)
    """Cores and signatures by hash."""
    admitted: dict[bytes, Admitted] = field(default_factory=dict)
    late: bool = False
    """An attacker who releases nothing any more."""

    def __post_init__(self) -> None:
        self.home = home(self.keys.keys.server_id, PRACTICE)
        self.receipt_keys = self.keys.keys.receipt_keys()
        self.ts = [thread_start(THREAD, self.home)]
        self.placed_at = 0
        self.charter_core = self.charter_whole = b""

    # --- people ---------------------------------------------------------------------------------------------

    def enrol(self, name: str, role: int) -> tuple[Somebody, DeviceKeys]:
        """Somebody new, with a first device and a recovery device."""
        keys, code = DeviceKeys.generate(self.dice), RecoveryCode.generate(self.dice)
        link0 = linking.begin_chain(keys.sign, keys.hpke.public, DeviceClass.PHONE, self.dice(16), self.now)
        first, asleep = Chain.begin(link0), code.keys()
        link1 = linking.add_device(
            first, keys.sign, asleep.sign, asleep.hpke.public, DeviceClass.RECOVERY, self.now
        )
        chain = first.add(link1, self.now)
        found = Somebody(name, role, code, [first, chain], [self.now, self.now])
        self.people[chain.chain_id] = found
        return found, keys

    def grow(self, chain_id: bytes, link: bytes) -> None:
        """Take a link, and return what a device that it removes has waiting (A-5)."""
        person = self.people[chain_id]
        self.now = max(self.now, self.placed_at)
        before, after = person.chain, person.chain.add(link, self.now)
        person.history.append(after)
        person.recorded.append(self.now)
        gone = {one.device_id for one in before.active()} - {one.device_id for one in after.active()}
        self._return(gone, StatusReason.DEVICE_REMOVED, after.head)

    def known(self) -> dict[bytes, Person]:
        """Everybody as the server shows them now."""
        return {chain: one.as_known(self.shown.get(chain)) for chain, one in self.people.items()}

    def _return(self, devices: set[bytes], reason: StatusReason, cause: bytes) -> None:
        for one in self.accepted.values():
            if one.state == "held" and one.envelope.header.device in devices:
                self._end(one, "returned", State.RETURNED, reason, cause)

    # --- time and placing -----------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return len(self.items)

    @property
    def newest(self) -> Commit:
        return self.commits[-1]

    def opens_at(self) -> int:
        """When a client's message of this moment is released: one hour in three is open."""
        hour = self.now // HOUR
        return self.now if hour % 3 == 0 else (hour + 3 - hour % 3) * HOUR

    def pass_time(self, ms: int) -> None:
        """Time goes by; what falls due meanwhile is placed in its time."""
        end = self.now + ms
        while True:
            waiting = [one.promise.release_at for one in self.accepted.values() if one.state == "held"]
            due = min(waiting, default=end)
            if due >= end or self.late:
                break
            self.now = max(self.now, due)
            self.release()
        self.now = end
        self.release()

    def release(self) -> None:
        """Place what is due, in the order of (counted_from, acceptance) (A-3)."""
        if self.late:
            return
        due = [
            one
            for one in self.accepted.values()
            if one.state == "held" and one.promise.release_at <= self.now
        ]
        for one in sorted(due, key=lambda one: (one.promise.counted_from, one.order)):
            reason = Reason.EARLIER_OPENING if one.promise.rev else Reason.DUE
            self.place_message(one, reason)

    def place_message(self, one: Item, reason: Reason) -> None:
        one.state = "placed"
        self.place(ItemType.ENVELOPE, one.whole, one.envelope.item_hash, reason, one.receipt)

    def place(
        self,
        kind: int,
        item: bytes,
        item_hash: bytes,
        reason: int = Reason.NONE,
        receipt: bytes | None = None,
    ) -> None:
        """The next position."""
        self.placed_at = max(self.now, self.placed_at)
        named = bytes(32) if receipt is None else promise_hash(receipt[: Promise.LAYOUT.size])
        entry = Entry(kind, reason, 1, self.n + 1, self.placed_at, item_hash, named)
        self.ts.append(thread_next(self.ts[-1], entry))
        self.items.append(KeptItem(entry.pack(), item, receipt))

    def page(self, phone: "Phone") -> "Page":
        """What is new to a device, as the server shows it."""
        if self.has_ended(phone.person.chain.chain_id):
            return Page([], self.head(phone.log.n))
        shown = self.forked.get(phone.device, self)
        for item in self.items[shown.n :]:
            shown.retake(item, Entry.unpack(item.entry))
        since = self.admitted.get(phone.person.chain.chain_id)
        bare = since.n - 1 if since else 0
        items = [
            KeptItem(item.entry, None, None) if n <= bare else item for n, item in enumerate(shown.items, 1)
        ]
        return Page(items[phone.log.n :], shown.head())

    def papers(self) -> Papers:
        """What people signed."""
        return Papers(consents=self.consents)

    def has_ended(self, chain_id: bytes) -> bool:
        """Whether somebody's time in the thread is over."""
        known = self.admitted.get(chain_id)
        return known is not None and 0 < known.until <= self.now

    def retake(self, item: KeptItem, entry: Entry) -> None:
        """Give an item of another history the next position here."""
        self.ts.append(thread_next(self.ts[-1], entry))
        self.items.append(KeptItem(entry.pack(), item.item, item.promise))

    def head(self, n: int | None = None) -> bytes:
        """The signed head at a position."""
        at = self.n if n is None else n
        placed_at = Entry.unpack(self.items[at - 1].entry).placed_at if at else 0
        return self.sign(Head(1, THREAD, at, self.ts[at], placed_at, self.keys.key_id))

    def sign(self, statement: Promise | Head | Status) -> bytes:
        return sign_receipt(statement, self.keys.receipts, self.keys.key_id)

    # --- commands -------------------------------------------------------------------------------------------

    def commit(self, whole: bytes, commit: Commit) -> None:
        """Place a commit if it follows the newest one; Stale otherwise."""
        if self.commits and commit.core.prev != self.newest.commit_hash:
            raise Stale
        for row in commit.core.roster:
            if row.chain_head != self.people[row.chain_id].chain.head:
                raise Stale
        before = set(self.newest.core.device_ids()) if self.commits else set()
        if self.commits:
            self._check_change(commit)
        self.release()
        self._admit(commit)
        self.place(ItemType.COMMIT, whole, commit.commit_hash)
        self.commits.append(commit)
        left_out = before - set(commit.core.device_ids())
        self._return(left_out, StatusReason.DEVICE_REMOVED, commit.commit_hash)

    def _check_change(self, commit: Commit) -> None:
        try:
            check_change(
                self.newest.core,
                commit,
                owner=next(chain for chain, one in self.people.items() if one.role == Role.THERAPIST),
                chains={chain: one.chain for chain, one in self.people.items()},
                papers=self.papers(),
                charter=self.charter_core,
                placed_at=max(self.now, self.placed_at),
                ends={chain: one.until for chain, one in self.admitted.items()},
                used={name for one in self.commits for name in one.core.consents},
                slack=0,
            )
        except Malformed:
            raise Stale from None

    def _admit(self, commit: Commit) -> None:
        for name in commit.core.consents:
            if name in self.consents:
                consent = parse_consent(self.consents[name][0])
                n, t = commit.core.view
                self.admitted[consent.newcomer] = Admitted(self.n + 1, Pin(n, t), consent.until)

    def accept(self, whole: bytes, counted_from: int | None = None, not_after: int | None = None) -> Item:
        """Promise, and hold or place (A-9). Stale: another epoch is the newest."""
        self.release()
        envelope = parse_envelope(whole)
        header = envelope.header
        known = self.accepted.get(header.mid)
        if known is not None and known.envelope.item_hash == envelope.item_hash:
            return known
        if header.commit_hash != self.newest.commit_hash:
            raise Stale
        if any(self.has_ended(row.chain_id) for row in self.newest.core.roster):
            raise Stale
        author = self._author(envelope)
        by_client = self.people[author].role == Role.CLIENT
        release_at = self.now if header.urgent or not by_client else self.opens_at()
        if not_after is not None and not_after > self.now:
            release_at = min(release_at, not_after)
        one = self.promise_for(whole, author, max(release_at, self.now), counted_from or self.now)
        self.accepted[header.mid] = one
        if one.promise.release_at <= self.now:
            self.place_message(one, Reason.URGENT if header.urgent else Reason.AT_ONCE)
        return one

    def promise_for(self, whole: bytes, author: bytes, release_at: int, counted_from: int) -> Item:
        """A signed promise for an envelope, whether it deserves one or not."""
        envelope = parse_envelope(whole)
        header = envelope.header
        at_once = release_at <= self.now
        kind = Decision.URGENT if header.urgent else Decision.AT_ONCE if at_once else Decision.HELD
        promise = Promise(
            kind, 0, 1, THREAD, header.mid, envelope.item_hash, self.n, header.epoch, 1, RULES,
            max(self.now, counted_from), counted_from, release_at, 0, self.keys.key_id,
        )  # fmt: skip
        return Item(author, envelope, whole, promise, self.sign(promise), len(self.accepted))

    def _author(self, envelope: Envelope) -> bytes:
        row = self.newest.core.row_of(envelope.header.device)
        if row is None:
            raise TooLate
        device = self.people[row.chain_id].chain.devices[envelope.header.device]
        if not device.active:
            raise TooLate
        assert envelope_verifies(envelope, device.sign_pk)
        return row.chain_id

    def recall(self, signed: SignedRecall, replacement: bytes | None = None) -> Item:
        """Take a held message back, or put another one in its place (A-4)."""
        self.release()
        one = self.accepted[signed.recall.mid]
        takes = ("held", "returned") if signed.recall.mode == RecallMode.REPLACE else ("held",)
        if one.state not in takes:
            raise TooLate
        if replacement is None:
            self._end(one, "recalled", State.RECALLED, StatusReason.SENDER, signed.recall_hash)
            return one
        made = self.accept(replacement, one.promise.counted_from, one.promise.release_at)
        self._end(one, "replaced", State.REPLACED, StatusReason.SENDER, signed.recall_hash)
        return made

    def open_earlier(self, at: int) -> None:
        """The rules open earlier: what is held moves forward, never back (D-4)."""
        for one in self.accepted.values():
            if one.state == "held" and max(at, self.now) < one.promise.release_at:
                one.promise = replace(
                    one.promise,
                    rev=one.promise.rev + 1,
                    release_at=max(at, self.now),
                    previous=promise_hash(one.promise),
                )
                one.receipt = self.sign(one.promise)

    def status_now(self, one: Item) -> bytes:
        """That a message still waits, as of this moment."""
        header = one.envelope.header
        held = (State.HELD, StatusReason.NONE, 1, THREAD, header.mid, one.envelope.item_hash, bytes(32))
        return self.sign(Status(*held, self.now, self.keys.key_id))

    def _end(self, one: Item, word: str, state: State, reason: StatusReason, cause: bytes) -> None:
        header = one.envelope.header
        status = Status(
            state, reason, 1, THREAD, header.mid, one.envelope.item_hash, cause, self.now, self.keys.key_id
        )
        one.state, one.status = word, self.sign(status)

    # --- the beginning --------------------------------------------------------------------------------------

    def charter(self, owner: Somebody, owner_key: DeviceKeys, client_key: DeviceKeys) -> bytes:
        """Both sign the charter, which is placed as n = 1."""
        core = Charter(
            self.home,
            THREAD,
            1,
            bytes(32),
            owner.chain.chain_id,
            365,
            35,
            {1: 1},
            agreement_hash("x"),
            self.dice(16),
        ).pack()
        signatures = [sign_charter(core, one.sign) for one in (owner_key, client_key)]
        self.charter_core, self.charter_whole = core, pack_signed(core, signatures)
        self.place(ItemType.CHARTER, self.charter_whole, charter_hash(core))
        return core
