"""One thread on this device: what is kept, what is fetched, and all that is checked between (A-3, A-5)."""

import asyncio
from collections.abc import Sequence

from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.threads import PageQuery
from etherapy.sdk.connection import Connection
from etherapy.sdk.epochs import Began
from etherapy.sdk.faults import Refuted, ThreadHalted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.kept import KeptItem, ThreadState
from etherapy.sdk.message import Message
from etherapy.sdk.own_items import judge_placed, overdue_by
from etherapy.sdk.people import Person
from etherapy.sdk.rules_seen import follow_sheets
from etherapy.sdk.spine import Pin
from etherapy.sdk.thread_log import Applied, Reader, ThreadLog, people_of
from etherapy.tep.epoch import parse_commit
from etherapy.tep.invite import parse_accept, parse_invite
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import View
from etherapy.tep.placing import Entry, ItemType

_PAGE = 100


class ThreadDesk:
    """Use `lock` around anything that changes it. `helpers` are further keys that open epochs (recovery)."""

    def __init__(self, link: Connection, state: ThreadState, helpers: Sequence[DeviceKeys] = ()) -> None:
        self.link = link
        self.state = state
        self.lock = asyncio.Lock()
        self._helpers = tuple(helpers)
        self.log = self._empty_log()
        self._loaded = False
        self.overdue: set[bytes] = set()
        """Own item hashes that were found late in this run of the app."""
        self.broken: Finding | None = None
        self._untold: list[Finding] = []

    @property
    def thread(self) -> bytes:
        """The thread's id."""
        return self.state.thread

    @property
    def halted(self) -> Finding | None:
        """Why nothing is sent to this thread; None when all is well."""
        return self.broken or self.log.halted

    def expect_sound(self) -> None:
        """ThreadHalted when nothing may be sent here."""
        if self.halted is not None:
            raise ThreadHalted(self.halted)

    async def load(self) -> None:
        """Read what is kept of the thread, once."""
        if self._loaded:
            return
        kept = self.link.profile.items(self.thread)
        try:
            await self._apply(kept, None)
        except Refuted:
            # The copy on this device is not the thread that was pinned: fetch the thread anew, under the pin.
            self.link.profile.drop_items(self.thread)
            self.log = self._empty_log()
        self._settle([one for one in self.log.messages if one.mine])
        self._loaded = True

    async def catch_up(self) -> Applied:
        """Fetch and verify everything placed since; messages and findings are new ones.

        What does not hold is not believed: it becomes a finding, and the thread stays as it was.
        """
        await self.load()
        messages: list[Message] = []
        findings: list[Finding] = []
        try:
            while await self._take_page(messages, findings):
                pass
            self.broken = None
        except Refuted as refuted:
            self.broken = refuted.finding
            findings.append(refuted.finding)
        findings += await self._compare_logs()
        for item in overdue_by(self.state.own.values(), self.log.spine.placed_at):
            if self.overdue.issuperset(item.attempts):
                continue
            head = {"placed_since": self.log.messages[-1].item_hash} if self.log.messages else {}
            findings.append(self._late(item.receipt or b"", head))
            self.overdue.update(item.attempts)
        self.link.note(findings)
        self._untold += findings
        return Applied(tuple(messages), tuple(findings))

    def tell(self) -> Applied:
        """What the person was not told of yet, once, whichever call fetched it."""
        state, untold = self.state, self._untold
        messages = tuple(one for one in self.log.messages if one.n > state.told)
        if state.told != self.log.n:
            state.told = self.log.n
            self.link.profile.save_thread(state)
        self._untold = []
        return Applied(messages, tuple(untold))

    async def _take_page(self, messages: list[Message], findings: list[Finding]) -> bool:
        """One page; whether there is another."""
        query = PageQuery(self.log.n, _PAGE)
        page = await self.link.transport.call(endpoints.read_page, query=query, thread=self.thread)
        self.log.spine.check_end(page.last_n)
        items = [
            KeptItem(
                bytes(one.entry),
                None if one.item is None else bytes(one.item),
                None if one.promise is None else bytes(one.promise),
            )
            for one in page.items
        ]
        if not items and page.last_n > self.log.n:
            words = "placed messages are withheld"
            raise Refuted(
                Finding(kind=Kind.BROKEN_LOG, words=words, proof={"head": page.head}, thread=self.thread)
            )
        applied = await self._apply(items, bytes(page.head))
        if items:
            self._keep(items)
        messages += applied.messages
        findings += applied.findings
        findings += self._settle(applied.messages)
        return self.log.n < page.last_n

    async def _apply(self, items: Sequence[KeptItem], head: bytes | None) -> Applied:
        people = await self._people(items)
        began = await self._began(items)
        openers = (self.link.keys, *self._helpers)
        return self.log.apply(items, head, people, openers, self.state.own, began)

    def _keep(self, items: Sequence[KeptItem]) -> None:
        """The chains that a page needs are kept before its items, and these before the position reached."""
        self.link.profile.save()
        self.link.profile.add_items(self.thread, items)
        spine = self.log.spine
        self.state.n, self.state.t, self.state.generation = spine.n, spine.t, spine.generation
        self.link.profile.save_thread(self.state)
        self.link.login.heard_of(spine.placed_at)

    def _settle(self, messages: Sequence[Message]) -> list[Finding]:
        """Mark own messages as placed; what is wrong about how."""
        found: list[Finding] = []
        changed = False
        for message in messages:
            item = self.state.own.get(message.mid)
            if (
                item is None
                or item.state == "placed"
                or message.item_hash not in item.attempts
                or message.promise is None
            ):
                continue
            found += judge_placed(item, message, self.link.receipt_keys)
            item.state, item.n, item.sealed, item.envelope = "placed", message.n, None, None
            self.overdue.difference_update(item.attempts)
            changed = True
        if changed:
            self.link.profile.save_thread(self.state)
        return found

    async def _compare_logs(self) -> list[Finding]:
        """Whether the keys log that senders saw is the one that this device sees."""
        found: list[Finding] = []
        for claim in self.log.claims():
            try:
                agreed = await self.link.keys_log.agrees(claim.size, claim.root)
            except Refuted as refuted:
                found.append(refuted.finding)
                continue
            if not agreed:
                note = self.link.keys_log.copy.note.encode()
                words = "the other side was shown another log of devices"
                proof = {"envelope": claim.envelope, "checkpoint": note}
                found.append(self.log.find(Kind.KEYS_FORK, words, claim.n, proof))
        return found

    async def _people(self, items: Sequence[KeptItem]) -> dict[bytes, Person]:
        """The chains of everybody in a roster so far, long enough for these items."""
        needed = {row.chain_id: 0 for one in self.log.epochs.commits for row in one.commit.core.roster}
        for chain, seq in people_of(items).items():
            needed[chain] = max(seq, needed.get(chain, 0))
        now = await self.link.now() if needed else 0
        found: dict[bytes, Person] = {}
        for chain, seq in needed.items():
            person = self.link.people.person(chain)
            if person is None or person.chain.seq < seq:
                person = await self.link.people.look(chain, now, at_least=seq)
            found[chain] = person
        return found

    async def _began(self, items: Sequence[KeptItem]) -> Began | None:
        """Invitation and answer behind epoch 0, when it is among the items."""
        if not any(_is_first_commit(one) for one in items):
            return None
        if not (self.state.invite and self.state.accept):
            answer = await self.link.transport.call(endpoints.read_joining, thread=self.thread)
            self.state.invite, self.state.accept = bytes(answer.invite), bytes(answer.accept)
            self.state.owner_name = self.state.owner_name or answer.therapist_name
        try:
            return Began(parse_invite(self.state.invite), parse_accept(self.state.accept))
        except Malformed:
            return None  # judged as missing where epoch 0 is judged

    async def follow_rules(self) -> None:
        """Read on in the thread's rule sheets. Refuted when they do not follow each other."""
        state = self.state
        fresh = await follow_sheets(self.link.transport, self.thread, self.link.chain, state.sheets)
        if self.log.letters.rules.setdefault(fresh.r, fresh.rules_hash) != fresh.rules_hash:
            words = "a promise or a message names other rules than the ones shown"
            proof = {"sheet": fresh.sheet}
            self.link.note([self.log.find(Kind.RULES_FORK, words, self.log.n, proof)])
        if fresh is not state.sheets:
            state.sheets = fresh
            self.link.profile.save_thread(state)

    def view(self) -> View:
        """What this device has seen, for the next payload."""
        copy, sheets = self.link.keys_log.copy, self.state.sheets
        return self.log.view(sheets.r, sheets.rules_hash, (copy.size, copy.root), sorted(self.overdue))

    def pin(self, pin: Pin) -> None:
        """Hold the thread to a verified head, also in later runs. Refuted if it contradicts what was seen."""
        self.log.pin(pin)

    def _empty_log(self) -> ThreadLog:
        link, state = self.link, self.state
        reader = Reader(link.chain, link.keys.device_id, link.receipt_keys, link.home)
        log = ThreadLog(state.thread, reader, state.secrets)
        if state.n:
            log.pin(Pin(state.n, state.t))
        return log

    def _late(self, receipt: bytes, proof: dict[str, bytes]) -> Finding:
        words = "a promised message was not placed in time"
        return self.log.find(Kind.LATE, words, self.log.n, {"receipt": receipt} | proof)


def _is_first_commit(item: KeptItem) -> bool:
    try:
        if item.item is None or Entry.unpack(item.entry).item_type != ItemType.COMMIT:
            return False
        return parse_commit(item.item).core.epoch == 0
    except Malformed:
        return False
