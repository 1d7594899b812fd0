"""A person's session on one device: write, read, follow; nothing is believed unchecked."""

from etherapy.crypto.safety import safety_number
from etherapy.protocol import endpoints
from etherapy.protocol.messages import AskPreview, Explanation, ExplanationQuery, Previewed, ServiceClass
from etherapy.rules.layers import Rules
from etherapy.sdk.faults import NothingHeld, NotInThread
from etherapy.sdk.held import take_back
from etherapy.sdk.message import SentMessage, Synced
from etherapy.sdk.promises import write_bundle
from etherapy.sdk.reading import Reading
from etherapy.sdk.rules_seen import rules_of
from etherapy.sdk.sending import write_text
from etherapy.tep.envelope import TAG_BYTES, padded_size

_VIEW_BYTES = 120
"""What a payload holds besides its text, roughly; a preview needs no more."""


class Session(Reading):
    """A client or a therapist on one device.

        async with await Session.open(profile) as me:
            await me.sync()
            for message in await me.messages(thread): print(message.placed_at, message.text)
            sent = await me.send(thread, "I will be late.")
            print(sent.promise.release_at, sent.promise.reply_by)

    `zone` is where the person is now (IANA name), for the words of answers; empty: on the practice's wall.
    """

    async def preview(
        self, thread: bytes, text: str, urgent: bool = False, *, service_class: ServiceClass = 1
    ) -> Previewed:
        """Who will read this, when, and by when an answer comes, if it is sent now. Only its size is told.

        print("\\n".join((await me.preview(thread, text)).words.lines))
        """
        size = padded_size(len(text.encode("utf-8", "replace")) + _VIEW_BYTES) + TAG_BYTES
        ask = AskPreview(service_class, urgent, size, self.zone)
        return await self.transport.call(endpoints.preview, ask, thread=thread)

    async def send(
        self,
        thread: bytes,
        text: str,
        urgent: bool = False,
        *,
        service_class: ServiceClass = 1,
        reply_to: bytes | None = None,
    ) -> SentMessage:
        """Seal and send a text; the promise in the answer was verified against what was sealed.

        NotSentYet: it stays in the outbox and goes out at the next sync, as the same message. Declined,
        ThreadClosed and other problems: it was not taken, and is not kept here.

            sent = await me.send(thread, "Could we move Thursday?")
        """
        desk = self.desk(thread)
        async with desk.lock:
            if desk.log.n == 0:
                await desk.catch_up()
            await desk.load()
            return await write_text(
                desk, text, urgent=urgent, service_class=service_class, zone=self.zone, reply_to=reply_to
            )

    async def retry_outbox(self) -> Synced:
        """Send what waits in the outbox, as `sync` does by itself."""
        sent, refused = await self._empty_outbox()
        return Synced(sent=tuple(sent), refused=tuple(refused))

    async def recall(self, thread: bytes, mid: bytes) -> SentMessage:
        """Take back a message that is still held; nobody else ever learns of it. AlreadyPlaced: too late.

        await me.recall(thread, sent.mid)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return await take_back(desk, mid, self.zone)

    async def explain(self, thread: bytes, mid: bytes) -> Explanation:
        """Why a message was decided as it was, in words and as a record."""
        query = ExplanationQuery(self.zone)
        return await self.transport.call(endpoints.explain_message, query=query, thread=thread, mid=mid)

    async def export_receipt(self, thread: bytes, mid: bytes) -> bytes:
        """The promise of one's own message as a file that anybody can verify offline (`verify_bundle`).

        Path("receipt.json").write_bytes(await me.export_receipt(thread, sent.mid))
        """
        desk = self.desk(thread)
        item = desk.state.own.get(mid)
        if item is None or item.receipt is None:
            raise NothingHeld("this device holds no receipt for such a message")
        links = self.profile.identity.server_links
        revisions = [item.newest] if item.newest else []
        async with desk.lock:
            await desk.load()
        placed = self.profile.items(thread)[item.n - 1].item if item.n else None
        return write_bundle(links, item.receipt, item.envelope or placed, revisions, item.status)

    async def safety_number(self, thread: bytes) -> str:
        """60 digits that both people of a thread compare in session; new devices do not change them."""
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
        newest = desk.log.epochs.newest
        others = [] if newest is None else [one.chain_id for one in newest.core.roster]
        other = next((one for one in others if one != self.chain), None)
        if other is None:
            raise NotInThread("there is nobody else in this thread yet", "sync once more")
        return safety_number(self.chain, other)

    async def thread_rules(self, thread: bytes) -> Rules:
        """The rules in force in a thread, verified up to the newest sheet."""
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            await desk.follow_rules()
        found = rules_of(desk.state.sheets)
        assert found is not None
        return found
