"""A person's session on one device: write, read, follow; nothing is believed unchecked."""

from etherapy.crypto.safety import safety_number
from etherapy.protocol import endpoints
from etherapy.protocol.messages import AskPreview, Explanation, ExplanationQuery, Previewed, ServiceClass
from etherapy.rules.layers import Rules
from etherapy.sdk.faults import NothingHeld, NotInThread
from etherapy.sdk.membership import Membership
from etherapy.sdk.messages.held import take_back
from etherapy.sdk.messages.replacing import find_waiting
from etherapy.sdk.messages.replacing import replace as replace_waiting
from etherapy.sdk.messages.sending import pack_body, write_body
from etherapy.sdk.messages.writing_kinds import Writing
from etherapy.sdk.own_threads import OwnThreads
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.sdk.verifying.message import SentMessage, Synced
from etherapy.sdk.verifying.promises import write_bundle
from etherapy.tep.envelope import TAG_BYTES, padded_size
from etherapy.tep.kinds import Text, kind_of
from etherapy.tep.payload import Payload, parse_payload

_VIEW_BYTES = 120
"""What a payload holds besides its text, roughly; a preview needs no more."""


class Session(Membership, Writing, OwnThreads):
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
            desk.expect_sound()
            if desk.log.n == 0:
                await desk.catch_up()
            await desk.load()
            return await write_body(
                desk,
                Text(text),
                urgent=urgent,
                service_class=service_class,
                zone=self.zone,
                reply_to=reply_to,
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

    async def replace(self, thread: bytes, mid: bytes, text: str) -> SentMessage:
        """Give a message that still waits another text. It keeps its time; nobody sees the old one.

        AlreadyPlaced: too late, and the old one stands (`edit` is for those). A returned one goes out again.

            await me.replace(thread, sent.mid, "Could we move Friday?")
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            old = await find_waiting(desk, mid)
            if not desk.state.sheets.r:
                await desk.follow_rules()
            before = parse_payload(old.payload)
            body = Text(text)
            fresh = Payload(kind_of(body), pack_body(body), self.device_time(), desk.view(), before.reply_to)
            return await replace_waiting(desk, old, fresh, zone=self.zone)

    async def send_urgently(self, thread: bytes, mid: bytes) -> SentMessage:
        """Send one of one's own waiting messages now, as urgent; the others go on waiting (D-24).

        for one in await me.waiting(thread): await me.send_urgently(thread, one.mid)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            old = await find_waiting(desk, mid)
            return await replace_waiting(desk, old, old.payload, zone=self.zone, urgent=True)

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
        """60 digits that both people of a thread compare in session; new devices do not change them.

        Where there are more than two, `comparison` says whose are meant.
        """
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
