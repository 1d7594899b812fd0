"""Reading on one device: sync, follow, and what is there (A-3, D-5, D-7)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from etherapy.clock import Clock
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.problems import NoSuchThread, ThreadClosed, Unverified
from etherapy.protocol.threads import Changes, SyncQuery
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import NoSuchThreadHere, NotInThread, Quarantined, Refuted, ThreadHalted
from etherapy.sdk.findings import Finding
from etherapy.sdk.keeping.kept import ThreadState
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.messages.healing import has_lost, heal_chain, heal_thread
from etherapy.sdk.messages.held import look_after
from etherapy.sdk.messages.outbox import send_again
from etherapy.sdk.messages.resealing import reseal_own
from etherapy.sdk.messages.waiting import read_waiting
from etherapy.sdk.threads.causes import is_time_up
from etherapy.sdk.threads.committing import HEADS_AGE_MS, settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.glance import at_a_glance
from etherapy.sdk.threads.granting import take_grants
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.sdk.verifying.message import (
    Message,
    RefusedDraft,
    SentMessage,
    Synced,
    ThreadView,
    WaitingMessage,
)

_POLL = 25


class Reading(Connection):
    """What a member of threads reads on one device. `Session` adds writing.

    `zone` is where the person is now (IANA name), for the words of answers; empty: on the practice's wall.
    `language` is that of those words: `en` or `de`.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Transport,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        keys: DeviceKeys | None = None,
    ) -> None:
        super().__init__(profile, transport, clock, monotonic, keys=keys)
        self.zone = ""
        self.language = "en"
        self._desks: dict[bytes, ThreadDesk] = {}
        self._looked_around = False
        self._syncing = asyncio.Lock()

    async def sync(self, wait: int = 0) -> Synced:
        """Fetch and verify all that is new in all threads; send what waits in the outbox.

        With `wait` the server holds the answer back up to so many seconds (at most 25) until there is
        something. Nothing that was placed is ever skipped: the cursor moves after a thread was read.

            news = await me.sync()
            for finding in news.findings: print(finding)
        """
        async with self._syncing:
            news = await self._sync()
        if wait <= 0 or news != Synced():
            return news
        await self._changes(min(wait, _POLL))  # a hint; what came is fetched below, with nobody kept waiting
        async with self._syncing:
            return await self._sync()

    async def wait(self) -> bool:
        """Whether there may be something new; the server holds its answer back until there is, up to 25 s.

        Nothing is fetched or kept: the profile may be closed meanwhile, and be another process's.
        """
        return bool((await self._changes(_POLL)).threads)

    async def _sync(self) -> Synced:
        findings: list[Finding] = []
        threads: list[bytes] = []
        await self.watch.after_login()
        while (changes := await self._changes(0)).threads:
            await heal_chain(self)
            for change in changes.threads:
                threads.append(bytes(change.thread))
                findings += await self._read_on(self._desk_of(bytes(change.thread), change.role))
            self.profile.kept.cursor = changes.cursor
            self.profile.save()
        for thread in self.profile.thread_ids():
            if thread not in threads and has_lost(self.desk(thread)):
                findings += await self._read_on(self.desk(thread))
        findings += await self._look_around(threads)
        sent, refused = await self._empty_outbox()  # last, so that a draft changes nothing about epochs
        messages: list[Message] = []
        for desk in list(self._desks.values()):
            async with desk.lock:
                findings += await look_after(desk)
                news = desk.tell()
                messages += news.messages
                findings += news.findings
        if threads:
            findings += await self.check_logs()
        return Synced(tuple(messages), tuple(findings), tuple(threads), tuple(sent), tuple(refused))

    async def _read_on(self, desk: ThreadDesk) -> list[Finding]:
        """A thread with something new, and what follows from it."""
        async with desk.lock:
            try:
                await desk.catch_up()
                await desk.look_at_people()
                found = [*await heal_thread(desk), *await self._settle(desk), *await self._follow_rules(desk)]
                if desk.log.epochs.closed:
                    await take_grants(desk)
                if self.profile.kept.quarantine is None:
                    await reseal_own(desk)
            except NoSuchThread:
                desk.end()
                return []
            return found

    async def _look_around(self, seen: Sequence[bytes]) -> list[Finding]:
        """Once in a run of the app, at every thread whose people were not looked at lately; after that, at
        those in which somebody's time begins or ends by itself (A-5: on sight, at app start)."""
        now, first, self._looked_around = await self.now(), not self._looked_around, True
        found: list[Finding] = []
        for thread in self.profile.thread_ids():
            desk = self.desk(thread)
            if thread in seen or desk.state.ended or desk.is_awaited:
                continue
            due = first and now - desk.state.looked_at > HEADS_AGE_MS
            if due or is_time_up(desk, now):
                found += await self._read_on(desk)
        return found

    async def _changes(self, wait: int) -> Changes:
        query = SyncQuery(after=self.profile.kept.cursor, wait=wait)
        return await self.transport.call(endpoints.read_changes, query=query, time_out=30.0 + wait)

    async def _settle(self, desk: ThreadDesk) -> list[Finding]:
        """Begin a new epoch where the roster is stale, whether or not anything is to be sent (A-5)."""
        try:
            await settle_epoch(desk, routine=True)
        except Refuted as refuted:
            return self.note([refuted.finding])
        except (NotInThread, ThreadHalted, Quarantined, ThreadClosed, Unverified):
            pass  # shown where somebody writes; what the server refuses now it may take at the next look
        return []

    async def _follow_rules(self, desk: ThreadDesk) -> list[Finding]:
        """Read the rules that somebody else has named already."""
        if max(desk.log.letters.rules, default=0) <= desk.state.sheets.r:
            return []
        try:
            await desk.follow_rules()
        except Refuted as refuted:
            return self.note([refuted.finding])
        return []

    async def follow(self) -> AsyncIterator[Message]:
        """Messages as they are placed, for ever. Waits out a server that is away.

        async for message in me.follow(): print(message.text)
        """
        pause = 1.0
        while True:
            try:
                news = await self.sync(_POLL)
                pause = 1.0
            except (Unreachable, Unavailable, TooManyRequests):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 30.0)
                continue
            for message in news.messages:
                yield message

    async def threads(self) -> list[ThreadView]:
        """The threads that this device knows, the newest first; `sync` brings further ones.

        thread = (await me.threads())[0].thread
        """
        views = [await at_a_glance(self.desk(thread)) for thread in self.profile.thread_ids()]
        return sorted(views, key=lambda one: (one.last_placed_at is None, one.last_placed_at), reverse=True)

    async def messages(self, thread: bytes, *, as_placed: bool = False) -> list[Message]:
        """All messages of a thread that this device has, in their order, with later wordings and reactions.

        With `as_placed` each as it was placed, changes and reactions as messages of their own.

            for message in await me.messages(thread): print(message.mine, message.text)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return list(desk.log.messages) if as_placed else desk.log.letters.conversation.shown()

    async def waiting(self, thread: bytes) -> list[WaitingMessage]:
        """One's own messages that are held and can still be taken back, oldest first."""
        desk = self.desk(thread)
        answer = await self.transport.call(endpoints.read_waiting, thread=thread)
        async with desk.lock:
            await desk.load()
            return [read_waiting(desk, one) for one in answer.messages]

    async def _empty_outbox(self) -> tuple[list[SentMessage], list[RefusedDraft]]:
        sent: list[SentMessage] = []
        refused: list[RefusedDraft] = []
        if self.profile.kept.quarantine is not None:
            return sent, refused  # what was written stays here until that is over
        for thread in self.profile.thread_ids():
            desk = self.desk(thread)
            if not desk.arrived and all(one.state != "outbox" for one in desk.state.own.values()):
                continue
            async with desk.lock:
                await desk.load()
                arrived, not_taken = await send_again(desk)
            sent += arrived
            refused += not_taken
        return sent, refused

    def desk(self, thread: bytes) -> ThreadDesk:
        """One thread's inner workings; NoSuchThreadHere."""
        if thread not in self._desks:
            state = self.profile.thread(thread)
            if state is None:
                raise NoSuchThreadHere("this device knows no such thread")
            self._desks[thread] = ThreadDesk(self, state)
        return self._desks[thread]

    def _desk_of(self, thread: bytes, role: int) -> ThreadDesk:
        """The desk of a thread that the server names, made when it is new."""
        state = self.profile.thread(thread)
        if state is None:
            state = ThreadState(thread=thread, label=self.profile.kept.labels.get(thread, ""))
        if state.role != role or state.ended:
            state.role, state.ended = role, False
            self.profile.save_thread(state)
        return self.desk(thread)
