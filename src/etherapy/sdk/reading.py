"""Reading on one device: sync, follow, and what is there (A-3, D-5, D-7)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, Literal

from etherapy.clock import Clock
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.threads import Changes, SyncQuery
from etherapy.sdk.committing import settle_epoch
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import NoSuchThreadHere, NotInThread, Refuted, ThreadHalted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.held import look_after
from etherapy.sdk.kept import ThreadState
from etherapy.sdk.letters import by_therapist
from etherapy.sdk.message import Message, RefusedDraft, SentMessage, Synced, ThreadView, WaitingMessage
from etherapy.sdk.profile import Profile
from etherapy.sdk.promises import PromiseView, read_promise
from etherapy.sdk.sending import read_own, send_again
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Role
from etherapy.tep.malformed import Malformed

RoleName = Literal["client", "therapist", "co_therapist", "family"]
_ROLES: Final[dict[int, RoleName]] = {
    Role.CLIENT: "client",
    Role.THERAPIST: "therapist",
    Role.CO_THERAPIST: "co_therapist",
    Role.FAMILY: "family",
}
_POLL = 25


class Reading(Connection):
    """What a member of threads reads on one device. `Session` adds writing.

    `zone` is where the person is now (IANA name), for the words of answers; empty: on the practice's wall.
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
        self._desks: dict[bytes, ThreadDesk] = {}
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
        sent, refused = await self._empty_outbox()
        while (changes := await self._changes(0)).threads:
            for change in changes.threads:
                threads.append(bytes(change.thread))
                findings += await self._read_on(self._desk_of(bytes(change.thread), change.role))
            self.profile.kept.cursor = changes.cursor
            self.profile.save()
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
            await desk.catch_up()
            return [*await self._settle(desk), *await self._follow_rules(desk)]

    async def _changes(self, wait: int) -> Changes:
        query = SyncQuery(after=self.profile.kept.cursor, wait=wait)
        return await self.transport.call(endpoints.read_changes, query=query, time_out=30.0 + wait)

    async def _settle(self, desk: ThreadDesk) -> list[Finding]:
        """Begin a new epoch where the roster is stale, whether or not anything is to be sent (A-5)."""
        try:
            await settle_epoch(desk)
        except Refuted as refuted:
            return self.note([refuted.finding])
        except (NotInThread, ThreadHalted):
            pass  # shown where somebody writes
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
        views = [await self._view(self.desk(thread)) for thread in self.profile.thread_ids()]
        return sorted(views, key=lambda one: (one.last_placed_at is None, one.last_placed_at), reverse=True)

    async def _view(self, desk: ThreadDesk) -> ThreadView:
        async with desk.lock:
            await desk.load()
        state, messages = desk.state, desk.log.messages
        therapist = state.role in (Role.THERAPIST, Role.CO_THERAPIST)
        return ThreadView(
            thread=state.thread,
            role=_ROLES.get(state.role, "client"),
            with_name=(state.label or f"client {state.thread.hex()[:6]}") if therapist else state.owner_name,
            last_n=desk.log.n,
            messages=len(messages),
            last_placed_at=messages[-1].placed_at if messages else None,
            seen_by_practice=any(by_therapist(one) for one in messages if one.standing != "refused"),
            halted=desk.halted,
        )

    async def messages(self, thread: bytes) -> list[Message]:
        """All placed messages of a thread that this device has, in their order.

        for message in await me.messages(thread): print(message.mine, message.text)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return list(desk.log.messages)

    async def waiting(self, thread: bytes) -> list[WaitingMessage]:
        """One's own messages that are held and can still be taken back, oldest first."""
        desk = self.desk(thread)
        answer = await self.transport.call(endpoints.read_waiting, thread=thread)
        async with desk.lock:
            await desk.load()
            found: list[WaitingMessage] = []
            for one in answer.messages:
                promise = self._promise(desk, bytes(one.promise))
                text = read_own(desk, bytes(one.envelope))
                odd = self._foreign(desk, bytes(one.envelope), bytes(one.promise))
                found.append(WaitingMessage(thread, bytes(one.mid), text, promise, one.decision, odd))
            return found

    def _promise(self, desk: ThreadDesk, receipt: bytes) -> PromiseView:
        try:
            return read_promise(receipt, self.receipt_keys)
        except Malformed as bad:
            words = f"a promise does not hold: {bad}"
            raise Refuted(desk.log.find(Kind.BAD_PROMISE, words, desk.log.n, {"receipt": receipt})) from None

    def _foreign(self, desk: ThreadDesk, envelope: bytes, receipt: bytes) -> tuple[Finding, ...]:
        """An alarm when something waits under this device's name that it did not make (A-3)."""
        try:
            read = parse_envelope(envelope)
        except Malformed:
            return ()
        own = desk.state.own.get(read.header.mid)
        if read.header.device != self.keys.device_id or (own and read.item_hash in own.attempts):
            return ()
        words = "a message waits that this device signed but did not make: a copy of it may exist"
        proof = {"envelope": envelope, "receipt": receipt}
        return tuple(self.note([desk.log.find(Kind.NOT_MINE, words, desk.log.n, proof)]))

    async def _empty_outbox(self) -> tuple[list[SentMessage], list[RefusedDraft]]:
        sent: list[SentMessage] = []
        refused: list[RefusedDraft] = []
        for thread in self.profile.thread_ids():
            desk = self.desk(thread)
            if not any(one.state == "outbox" for one in desk.state.own.values()):
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
        if state.role != role:
            state.role = role
            self.profile.save_thread(state)
        return self.desk(thread)
