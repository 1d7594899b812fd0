"""A device in the simulator: the real reader, the real rule for stale rosters, real keys; no network."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from etherapy.crypto.epochs import new_epoch, open_epoch
from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.threads import causes
from etherapy.sdk.verifying.beginnings import Began
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.own_items import judge_placed, judge_status, overdue_by
from etherapy.sdk.verifying.person import Person
from etherapy.sdk.verifying.thread_log import Reader, ThreadLog
from etherapy.tep import linking
from etherapy.tep.consent import Consent, consent_hash, sign_consent
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Commit, Role, parse_commit
from etherapy.tep.links import DeviceClass
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload
from etherapy.tep.recall import Recall, RecallMode, parse_recall, sign_recall
from tests.simulator.host import RULES, Host, Item, Somebody, Stale, TooLate
from tests.tep.world import THREAD

_TRIES = 4


@dataclass
class Letter:
    """A message somebody made: what was written, and which devices its writer knew to be removed."""

    text: str
    item_hash: bytes
    commit_hash: bytes
    writer: bytes
    removed: frozenset[bytes]


@dataclass
class Phone:
    """One device of `person`. `eager_grants`: secrets go to a new device before it is in a roster, the
    old way."""

    host: Host
    person: Somebody
    keys: DeviceKeys
    began: Began
    eager_grants: bool = False
    secrets: dict[bytes, bytes] = field(default_factory=dict)
    own: dict[bytes, OwnItem] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    alarms: list[Finding] = field(default_factory=list)
    to_grant: list["Phone"] = field(default_factory=list)
    known: dict[bytes, Person] = field(default_factory=dict)
    revoked: bool = False
    old_keys: list[DeviceKeys] = field(default_factory=list)

    granted: set[bytes] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._empty_log()

    def _empty_log(self) -> None:
        chain = self.person.chain.chain_id
        since = self.host.admitted.get(chain)
        reader = Reader(
            chain,
            self.device,
            self.host.receipt_keys,
            self.host.home,
            joined=self.person.role == Role.CO_THERAPIST,
            start=since.start if since else None,
            charter=self.host.charter_whole,
        )
        self.log = ThreadLog(THREAD, reader, self.secrets)

    @property
    def device(self) -> bytes:
        return self.keys.device_id

    @property
    def gone(self) -> bool:
        """Revoked, or of somebody who is not in the thread, or not any more."""
        outside = (
            self.person.role == Role.CO_THERAPIST and self.person.chain.chain_id not in self.host.admitted
        )
        return self.revoked or outside or self.host.has_ended(self.person.chain.chain_id)

    # --- reading --------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Read on, put the roster right if it is stale, grant what is owed."""
        self.read()
        self.settle()
        self.give_grants()

    def read(self) -> None:
        """Fetch and verify what was placed since, and ask after what is late."""
        if self.gone:
            return
        if self.log.n == 0:
            self._empty_log()  # somebody who was brought in meanwhile begins there
        self._look()
        page = self.host.page(self)
        try:
            applied = self.log.apply(
                page.items,
                page.head,
                Evidence(self.known, self.every_key(), self.own, self.began, self.host.papers()),
            )
        except Refuted as refuted:
            self._note([refuted.finding])
            return
        self._note([one for one in applied.findings if one.grave])
        self._settle_own([one for one in applied.messages if one.mine])
        self._look_after()

    def _look(self) -> None:
        """The chains as the server shows them; none may get shorter."""
        for chain, person in self.host.known().items():
            before = self.known.get(chain)
            if before is not None and person.chain.seq < before.chain.seq:
                self._note([Finding(kind=Kind.ROLLBACK, words="a device chain became shorter")])
                continue
            self.known[chain] = person
        for placed in self.host.commits:
            for row in placed.core.roster:
                if row.chain_seq > self.known[row.chain_id].chain.seq:
                    self._note(
                        [Finding(kind=Kind.CHAIN, words="a roster names a link that the chain does not have")]
                    )

    def _settle_own(self, messages: list[Message]) -> None:
        for message in messages:
            item = self.own.get(message.mid)
            if item is None or item.state == "placed" or message.promise is None:
                continue
            self._note(judge_placed(item, message, self.host.receipt_keys))
            item.state, item.n = "placed", message.n

    def _look_after(self) -> None:
        """Ask about own messages whose time is over: they were ended by a sibling or a removal, or they
        are late."""
        for item in overdue_by(self.own.values(), self.host.now):
            there = self.host.accepted[item.mid]
            if there.status:
                item.state = "recalled" if there.state == "recalled" else "returned"
                continue
            status = self.host.status_now(there)
            found = judge_status(item, status, self.host.now, self.host.receipt_keys)
            if found is not None:
                self._note([Finding(kind=found[0], words=found[1], proof={"mid": item.mid})])

    def _note(self, found: list[Finding]) -> None:
        for one in found:
            if all(known.kind != one.kind or known.n != one.n for known in self.alarms):
                self.alarms.append(one)

    # --- epochs ---------------------------------------------------------------------------------------------

    def settle(self) -> Commit | None:
        """The newest epoch, made anew where it is not as it should be. None: no seat here, or not now."""
        for _ in range(_TRIES):
            newest, charter = self.log.epochs.newest, self.log.epochs.charter
            if newest is None or charter is None or self.log.halted or self.gone:
                return None
            change = causes.next_change(self._stand(newest, charter.core), self.known)
            if change is None:
                return newest if newest.core.row_of(self.device) else None
            whole, secret = new_epoch(
                [(person.chain, role) for person, role in change.members],
                self.keys,
                thread=THREAD,
                epoch=newest.core.epoch + 1,
                reason=change.reason,
                charter_hash=newest.core.charter_hash,
                view=(self.log.n, self.log.spine.t),
                home=self.host.home,
                prev=newest.commit_hash,
                consents=change.papers,
                before=newest.core,
                random=self.host.dice,
            )
            commit = parse_commit(whole)
            try:
                self.host.commit(whole, commit)
                self.secrets[commit.commit_hash] = secret
            except Stale:
                pass  # a winner's commit, or a chain that is hidden from this device
            self.read()
        return None

    def _stand(self, newest: Commit, charter: bytes) -> causes.Standing:
        epochs = self.log.epochs
        members = tuple((self.known[row.chain_id], row.role) for row in newest.core.roster)
        unused = self.host.papers().without(epochs.named())
        return causes.Standing(newest, epochs.owner, members, unused, epochs.ends, charter, self.host.now)

    # --- writing --------------------------------------------------------------------------------------------

    def write(self, text: str, urgent: bool = False) -> Item | None:
        """Seal and send under the newest epoch. None: not possible from here now."""
        self.read()
        sealed = self._seal(text, urgent)
        return None if sealed is None else self._send(text, sealed, lambda: self.host.accept(sealed))

    def take_back(self, mid: bytes) -> None:
        """Recall an own message, unless it is too late."""
        item = self.own[mid]
        signed = self._sign_recall(RecallMode.RECALL, mid, bytes(32))
        try:
            ended = self.host.recall(parse_recall(signed))
        except TooLate:
            return
        item.recall, item.status, item.state = signed, ended.status, "recalled"

    def replace(self, mid: bytes, text: str) -> Item | None:
        """Put another text in the place of a waiting message of this person, whichever device sent it."""
        self.read()
        sealed = self._seal(text, self.host.accepted[mid].envelope.header.urgent)
        if sealed is None:
            return None
        signed = self._sign_recall(RecallMode.REPLACE, mid, parse_envelope(sealed).item_hash)
        made = self._send(text, sealed, lambda: self.host.recall(parse_recall(signed), sealed))
        item = self.own.get(mid)
        if made is not None and item is not None:
            item.recall, item.state = signed, "recalled"
        return made

    def _seal(self, text: str, urgent: bool) -> bytes | None:
        commit = self.settle()
        if commit is None or commit.commit_hash not in self.secrets:
            return None
        return self.seal_under(commit, text, urgent)

    def seal_under(self, commit: Commit, text: str, urgent: bool = False) -> bytes:
        """An envelope under an epoch that this device can open, whether it should or not."""
        payload = Payload(PayloadKind.TEXT, text, self.host.now, self.log.view(1, RULES, None))
        return seal_message(
            payload,
            secret=self.secrets[commit.commit_hash],
            commit=commit,
            key=self.keys.sign,
            urgent=urgent,
            mid=self.host.dice(16),
        )

    def _send(self, text: str, sealed: bytes, deliver: Callable[[], Item]) -> Item | None:
        envelope = parse_envelope(sealed)
        header = envelope.header
        item = OwnItem(mid=header.mid, attempts=[envelope.item_hash], state="held")
        self.own[header.mid] = item
        try:
            made = deliver()
        except (Stale, TooLate):
            del self.own[header.mid]
            return None
        item.receipt = made.receipt
        self.letters.append(
            Letter(text, envelope.item_hash, header.commit_hash, self.device, self._knows_removed())
        )
        return made

    def _knows_removed(self) -> frozenset[bytes]:
        return frozenset(
            device.device_id
            for chain, person in self.known.items()
            for device in person.chain.devices.values()
            if not device.active or self.host.has_ended(chain)
        )

    def _sign_recall(self, mode: RecallMode, mid: bytes, new_item_hash: bytes) -> bytes:
        old = self.host.accepted[mid].envelope.item_hash
        recall = Recall(mode, THREAD, mid, self.device, old, new_item_hash, self.host.now)
        return sign_recall(recall, self.keys.sign)

    # --- people ---------------------------------------------------------------------------------------------

    def ask_for_cover(self, cover: Somebody, until: int) -> None:
        """The owner's consent to a cover from now on, to be signed by the client as well (A-6)."""
        terms = Consent(
            THREAD, cover.chain.chain_id, Role.CO_THERAPIST, False, self.host.now, until, self.host.dice(16),
            self.host.home,
        )  # fmt: skip
        core = terms.pack()
        self.host.consents[consent_hash(core)] = (core, {})
        self.agree(core)

    def agree(self, core: bytes) -> None:
        """One's own signature under a consent; the first one stays."""
        signatures = self.host.consents[consent_hash(core)][1]
        signatures.setdefault(self.person.chain.chain_id, sign_consent(core, self.keys.sign))

    # --- devices --------------------------------------------------------------------------------------------

    def link(self) -> "Phone":
        """Bring in a new device of the same person; it gets the history once it is in a roster."""
        keys = DeviceKeys.generate(self.host.dice)
        chain = self.person.chain
        link = linking.add_device(
            chain, self.keys.sign, keys.sign, keys.hpke.public, DeviceClass.PHONE, self.host.now
        )
        self.host.grow(chain.chain_id, link)
        made = Phone(self.host, self.person, keys, self.began, self.eager_grants)
        self.to_grant.append(made)
        if self.eager_grants:
            self.give_grants()
        return made

    def give_grants(self) -> None:
        """Commit first, grant afterwards: only to devices in the newest roster (tep.md §5.5)."""
        newest = self.log.epochs.newest
        for other in list(self.to_grant):
            seated = newest is not None and newest.core.row_of(other.device) is not None
            if seated or self.eager_grants:
                self.to_grant.remove(other)
                other.receive(self.secrets)

    def receive(self, secrets: Mapping[bytes, bytes]) -> None:
        """Take granted secrets, and read everything again with them."""
        self.secrets.update(secrets)
        self.granted.update(secrets)
        self._empty_log()
        self.read()

    def revoke(self, other: "Phone") -> None:
        """Take a device of this person out."""
        chain = self.person.chain
        self.host.grow(
            chain.chain_id, linking.revoke_device(chain, self.keys.sign, other.device, self.host.now)
        )
        other.revoked = True

    def rotate(self) -> None:
        """Another X-Wing key from now on; what the old one opened stays open here."""
        fresh = self.keys.rotated(self.host.dice)
        chain = self.person.chain
        self.host.grow(
            chain.chain_id, linking.rotate_key(chain, self.keys.sign, fresh.hpke.public, self.host.now)
        )
        self.old_keys.append(self.keys)
        self.keys = fresh

    def every_key(self) -> list[DeviceKeys]:
        """The keys this device has ever had, as a thief may have copied them."""
        return [self.keys, *self.old_keys]


def opens(secrets: dict[bytes, bytes], commits: Iterable[Commit], keys: Iterable[DeviceKeys]) -> set[bytes]:
    """Which epochs, by commit hash, open with these secrets, these keys and all of the server's rows."""
    found = set(secrets)
    for commit in commits:
        for one in keys:
            try:
                open_epoch(commit, one)
            except CannotOpen:
                continue
            found.add(commit.commit_hash)
    return found
