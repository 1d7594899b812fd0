"""A person's session on one device: write, read, follow; nothing is believed unchecked."""

from datetime import datetime

from etherapy.crypto.safety import safety_number
from etherapy.protocol import endpoints
from etherapy.protocol.alerts import AlertStatus, AlertStatusQuery
from etherapy.protocol.messages import AskPreview, Explanation, ExplanationQuery, Previewed, ServiceClass
from etherapy.protocol.threads import Notice, NoticeQuery
from etherapy.rules.calendar import instant
from etherapy.rules.languages import words_in
from etherapy.rules.replay import Replayed
from etherapy.rules.resolved import Rules
from etherapy.rules.sheet import SheetInWords, rule_sheet
from etherapy.sdk.faults import NothingHeld, NotInThread
from etherapy.sdk.membership import Membership
from etherapy.sdk.messages.agreed import expect_length
from etherapy.sdk.messages.held import take_back
from etherapy.sdk.messages.offering import Offering
from etherapy.sdk.messages.replacing import find_waiting
from etherapy.sdk.messages.replacing import replace as replace_waiting
from etherapy.sdk.messages.replaying import replay_message
from etherapy.sdk.messages.sending import pack_body
from etherapy.sdk.messages.writing_kinds import Writing
from etherapy.sdk.own_rules import OwnRules
from etherapy.sdk.own_threads import OwnThreads
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.sdk.verifying.message import SentMessage, Synced
from etherapy.sdk.verifying.promises import write_bundle
from etherapy.tep.envelope import TAG_BYTES, padded_size
from etherapy.tep.epoch import Role
from etherapy.tep.kinds import Text, kind_of
from etherapy.tep.payload import Payload, parse_payload

_VIEW_BYTES = 120
"""What a payload holds besides its text, roughly; a preview needs no more."""


class Session(Membership, Writing, OwnThreads, OwnRules, Offering):
    """A client or a therapist on one device.

        async with await Session.open(profile) as me:
            await me.sync()
            for message in await me.messages(thread): print(message.placed_at, message.text)
            sent = await me.send(thread, "I will be late.")
            print(sent.promise.release_at, sent.promise.reply_by)

    `zone` is where the person is now (IANA name), for the words of answers; empty: on the practice's wall.
    """

    async def preview(
        self,
        thread: bytes,
        text: str,
        urgent: bool = False,
        *,
        service_class: ServiceClass = 1,
        at_once_because: str = "",
    ) -> Previewed:
        """Who will read this, when, and by when an answer comes, if it is sent now. Only its size is told.

        print("\\n".join((await me.preview(thread, text)).words.lines))
        """
        size = padded_size(len(text.encode("utf-8", "replace")) + _VIEW_BYTES) + TAG_BYTES
        ask = AskPreview(service_class, urgent, size, self.zone, self.language, at_once_because)
        return await self.transport.call(endpoints.preview, ask, thread=thread)

    async def send(
        self,
        thread: bytes,
        text: str,
        urgent: bool = False,
        *,
        service_class: ServiceClass = 1,
        reply_to: bytes | None = None,
        at_once_because: str = "",
        card: str = "",
    ) -> SentMessage:
        """Seal and send a text; the promise in the answer was verified against what was sealed.

        NotSentYet: it stays in the outbox and goes out at the next sync, as the same message. Declined,
        ThreadClosed and other problems: it was not taken, and is not kept here. `at_once_because`: a
        therapist's reason code for sending now what their own rules would send later. `card`: the crisis
        card that was shown, where CardNotShown asks for one.

            sent = await me.send(thread, "Could we move Thursday?")
        """
        return await self._say(
            thread,
            Text(text),
            service_class,
            reply_to,
            urgent=urgent,
            at_once_because=at_once_because,
            card=card,
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
            return await take_back(desk, mid, self.zone, self.language)

    async def replace(self, thread: bytes, mid: bytes, text: str) -> SentMessage:
        """Give a message that still waits another text. It keeps its time; nobody sees the old one.

        AlreadyPlaced: too late, and the old one stands (`edit` is for those). A returned one goes out again.
        TooLong: longer than was agreed.

            await me.replace(thread, sent.mid, "Could we move Friday?")
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            old = await find_waiting(desk, mid)
            if not desk.state.sheets.r:
                await desk.follow_rules()
            expect_length(desk, text, old.item.mid)
            before = parse_payload(old.payload)
            body = Text(text)
            fresh = Payload(kind_of(body), pack_body(body), self.device_time(), desk.view(), before.reply_to)
            return await replace_waiting(desk, old, fresh, zone=self.zone, language=self.language)

    async def send_urgently(self, thread: bytes, mid: bytes, *, card: str = "") -> SentMessage:
        """Send one of one's own waiting messages now, as urgent; the others go on waiting (D-24). `card` as
        in `send`.

        for one in await me.waiting(thread): await me.send_urgently(thread, one.mid)
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            old = await find_waiting(desk, mid)
            return await replace_waiting(
                desk, old, old.payload, zone=self.zone, urgent=True, language=self.language, card=card
            )

    async def send_now(self, thread: bytes, mid: bytes, because: str) -> SentMessage:
        """Send one of one's own scheduled messages now, for this reason (a code), where one's rules allow
        that.

            await therapist.send_now(thread, sent.mid, "crisis_follow_up")
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            old = await find_waiting(desk, mid)
            return await replace_waiting(
                desk, old, old.payload, zone=self.zone, language=self.language, at_once_because=because
            )

    async def notices(self, since: datetime | None = None) -> list[Notice]:
        """What there was to be told, newest first, never a word of content: a client's own quiet hours are
        kept, by the clock of where `zone` says they are."""
        query = NoticeQuery(since, self.zone)
        return (await self.transport.call(endpoints.read_notices, query=query)).notices

    async def replay(self, thread: bytes, mid: bytes) -> Replayed:
        """Decide about one of one's own messages once more, here, from its record and the rules that were
        promised; `same` says whether that gives the decision to the byte (G9).

            assert (await me.replay(thread, sent.mid)).same
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return await replay_message(desk, mid)

    async def explain(self, thread: bytes, mid: bytes) -> Explanation:
        """Why a message was decided as it was, in words and as a record."""
        query = ExplanationQuery(self.zone, self.language)
        return await self.transport.call(endpoints.explain_message, query=query, thread=thread, mid=mid)

    async def alert_status(self, thread: bytes, mid: bytes) -> AlertStatus:
        """What became of the alerts of one's own urgent message: who was called and who has seen it.

        print("\n".join((await me.alert_status(thread, sent.mid)).lines))
        """
        query = AlertStatusQuery(self.zone, self.language)
        return await self.transport.call(endpoints.read_alert_status, query=query, thread=thread, mid=mid)

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
        """The rules in force in a thread, verified up to the newest sheet, as they hold for this person."""
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            await desk.follow_rules()
        found = rules_of(desk.state.sheets)
        assert found is not None
        return found

    async def rules_in_words(
        self, thread: bytes, language: str = "en", at: datetime | None = None
    ) -> SheetInWords:
        """What holds in a thread, who set it, when it is open and how long an answer can take, computed here
        from the verified sheet; languages are `en` and `de`. `at`: as of then, and not of now.

            sheet = await me.rules_in_words(thread, "de")
            print("\n".join(sheet_lines(sheet, words_in(sheet.language))))
        """
        rules = await self.thread_rules(thread)
        newest = self.desk(thread).log.epochs.newest
        own = None if newest is None else newest.core.user(self.chain)
        reads = own is not None and own.role in (Role.THERAPIST, Role.CO_THERAPIST)
        as_of = at or instant(self.device_time())
        return rule_sheet(rules, as_of, self.zone, words_in(language), "therapist" if reads else "client")
