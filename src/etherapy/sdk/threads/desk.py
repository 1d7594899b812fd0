"""One thread on this device: what is kept, what is fetched, and all that is checked between (A-3, A-5)."""

import asyncio
from collections.abc import Sequence

from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.membership import ThreadPeople
from etherapy.protocol.threads import PageQuery
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import NotInThread, Refuted, ThreadHalted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KeptItem, ThreadState
from etherapy.sdk.keeping.quarantine import expect_free
from etherapy.sdk.threads.gossip import compare_logs
from etherapy.sdk.threads.my_part import people_for, prepare
from etherapy.sdk.threads.papers import fetch_people, papers_of
from etherapy.sdk.threads.restored import set_aside
from etherapy.sdk.threads.rules_seen import follow_sheets
from etherapy.sdk.verifying.beginnings import Began
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.message import Message
from etherapy.sdk.verifying.own_items import judge_placed
from etherapy.sdk.verifying.spine import Pin
from etherapy.sdk.verifying.thread_log import Applied, Reader, ThreadLog, commits_among
from etherapy.tep.consent import Consent, parse_consent
from etherapy.tep.invite import parse_accept, parse_invite
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import View

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
        self._looked_for = 0
        self.overdue: set[bytes] = set()
        """Own item hashes that were found late in this run of the app."""
        self.broken: Finding | None = None
        self._untold: list[Finding] = []
        self._opened: list[Message] = []
        """Told of before, when they could not be read."""
        self.arrived: list[bytes] = []
        """Ids of messages that were found placed while they still waited in the outbox."""

    @property
    def thread(self) -> bytes:
        """The thread's id."""
        return self.state.thread

    @property
    def halted(self) -> Finding | None:
        """Why nothing is sent to this thread; None when all is well."""
        return self.broken or self.log.halted

    @property
    def is_awaited(self) -> bool:
        """Whether this person answered an invitation and was not let in yet."""
        return bool(self.state.invitation) and not self.state.joined and not self.state.n

    def expect_sound(self) -> None:
        """ThreadHalted, NotInThread or Quarantined, when nothing may be sent here."""
        expect_free(self.link.profile.kept)
        if self.is_awaited:
            words = "nothing can be sent to this thread yet: others have still to agree that you come in"
            raise NotInThread(words, "nothing is left for you to do; you can ask them in person")
        if self.state.ended:
            raise NotInThread("nothing can be sent to this thread: this device has no part in it any more")
        if self.halted is not None:
            raise ThreadHalted(self.halted)

    async def load(self) -> None:
        """Read what is kept of the thread, once; and once more after a restore of the server."""
        if self._loaded:
            await self._expect_generation()
            return
        kept = self._items()
        try:
            await self._apply(kept, None)
        except Refuted:
            # The copy on this device is not the thread that was pinned: fetch the thread anew, under the pin.
            self.link.profile.drop_items(self.thread)
            self.log = self._empty_log()
        self._settle([one for one in self.log.messages if one.mine])
        self._loaded = True
        await self._expect_generation()

    def _items(self) -> list[KeptItem]:
        """The items that are kept; what was set aside after a restore is not among them, whatever a crash
        left undone."""
        kept, lost = self.link.profile.items(self.thread), self.state.lost
        if not any(one in lost for one in kept):
            return kept
        return self.link.profile.keep_only(self.thread, [one for one in kept if one not in lost])

    async def _expect_generation(self) -> None:
        """Set aside what a restore gave up as soon as it is known of, before anything is sealed on it."""
        newest = self.link.profile.kept.generation
        if 0 < self.state.generation < newest and self._looked_for < newest:
            self._looked_for = newest
            await self._take_restore()

    async def _take_restore(self) -> bool:
        """Whether the server's restore accounts for what does not fit; the thread is then as it was
        restored."""
        if not await set_aside(self):
            return False
        self.overdue.clear()
        self.log, self._loaded = self._empty_log(), False
        await self.load()
        return True

    async def catch_up(self) -> Applied:
        """Fetch and verify everything placed since; messages and findings are new ones.

        What does not hold is not believed: it becomes a finding, and the thread stays as it was.
        """
        await self.load()
        messages: list[Message] = []
        findings: list[Finding] = []
        try:
            await self._take_pages(messages, findings)
            self.broken = None
        except Refuted as refuted:
            self.broken = refuted.finding
            findings.append(refuted.finding)
        findings += await compare_logs(self)
        self.link.note(findings)
        self._untold += findings
        return Applied(tuple(messages), tuple(findings))

    async def _take_pages(self, messages: list[Message], findings: list[Finding]) -> None:
        try:
            while await self._take_page(messages, findings):
                pass
        except Refuted:
            if not await self._take_restore():
                raise
            while await self._take_page(messages, findings):
                pass

    def tell(self) -> Applied:
        """What the person was not told of yet, once, whichever call fetched it."""
        state, untold = self.state, self._untold
        messages = (*self._opened, *(one for one in self.log.messages if one.n > state.told))
        if state.told != self.log.n:
            state.told = self.log.n
            self.link.profile.save_thread(state)
        self._untold, self._opened = [], []
        return Applied(messages, tuple(untold))

    def end(self) -> None:
        """Note that the server knows no part of this person, or of this device, in the thread any more.

        What is here stays here; that it ended is the server's word, and shown as that.
        """
        self.state.ended = True
        self.link.profile.save_thread(self.state)

    async def look_at_people(self, age: int = 0) -> ThreadPeople | None:
        """The thread's people and papers, unless they were looked at less than `age` ms ago."""
        now = await self.link.now()
        if age and now - self.state.looked_at <= age:
            return None
        epochs = self.log.epochs
        self.state.looked_at = now
        return await fetch_people(self.link, self.state, epochs.named() | epochs.users())

    def consent_to(self, user: bytes) -> Consent | None:
        """The consent by which somebody came in; None for who began the thread."""
        kept = self.state.consents.get(self.log.epochs.admitted.get(user, b""))
        return None if kept is None else parse_consent(kept.core)

    def begin_again(self) -> None:
        """Forget what is kept of the thread's items: it is read from where its state says."""
        self.link.profile.drop_items(self.thread)
        self.link.profile.save_thread(self.state)
        self.log = self._empty_log()

    async def read_anew(self) -> None:
        """Judge and open everything that is kept once more, with what this device can open by now."""
        closed = {one.n for one in self.log.messages if one.text is None}
        self.log, self._loaded = self._empty_log(), False
        await self.load()
        told = self.state.told
        self._opened += [
            one for one in self.log.messages if one.n in closed and one.n <= told and one.text is not None
        ]

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
        if items:
            await prepare(self, items)
        applied = await self._apply(items, bytes(page.head))
        if items:
            self._keep(items)
        messages += applied.messages
        findings += applied.findings
        findings += self._settle(applied.messages)
        return self.log.n < page.last_n

    async def _apply(self, items: Sequence[KeptItem], head: bytes | None) -> Applied:
        people = await people_for(self, items, fresh=head is not None)
        began = await self._began(items)
        openers = (*self.link.openers, *self._helpers)
        evidence = Evidence(people, openers, self.state.own, began, papers_of(self.state))
        return self.log.apply(items, head, evidence)

    def _keep(self, items: Sequence[KeptItem]) -> None:
        """The chains that a page needs are kept before its items, and these before the position reached."""
        self.link.profile.save()
        self.link.profile.add_items(self.thread, items)
        spine = self.log.spine
        self.state.n, self.state.t, self.state.generation = spine.n, spine.t, spine.generation
        self.state.owner = self.state.owner or self.log.epochs.owner
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
            if item.state == "outbox":
                self.arrived.append(item.mid)
            item.state, item.n, item.sealed, item.envelope = "placed", message.n, None, None
            self.overdue.difference_update(item.attempts)
            changed = True
        if changed:
            self.link.profile.save_thread(self.state)
        return found

    async def _began(self, items: Sequence[KeptItem]) -> Began | None:
        """Invitation and answer behind epoch 0, when it is among the items."""
        if all(one.core.epoch for one in commits_among(items)):
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
        late = bool(state.joined)
        fresh = await follow_sheets(self.link.transport, self.thread, self.link.chain, state.sheets, late)
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
        start = Pin(state.start_n, state.start_t) if state.start_n else None
        reader = Reader(
            link.chain,
            link.keys.device_id,
            link.receipt_keys,
            link.home,
            bool(state.joined),
            start,
            state.charter,
            link.generations,
            state.owner,
        )
        log = ThreadLog(state.thread, reader, state.secrets)
        if state.n:
            log.pin(Pin(state.n, state.t))
        return log
