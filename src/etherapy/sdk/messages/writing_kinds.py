"""What people say to each other beside plain texts: letters, changes, signs, appointments, plans, measures.

Each is sealed like any text; the server sees nothing of it but its service class (A-1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from etherapy.rules.calendar import milliseconds
from etherapy.sdk.faults import BadForm, NoSuchMessage, NotPlacedYet, TooLong
from etherapy.sdk.messages.reading import Reading
from etherapy.sdk.messages.sending import write_body
from etherapy.sdk.verifying.message import Message, SentMessage
from etherapy.tep.kinds import Act, Answer, Body, Change, Measure, Proposal, Reaction, SafetyPlan, Text
from etherapy.tep.kinds.care import MAX_VERSION
from etherapy.tep.kinds.writing import MAX_TEXT

LOGISTICS, NO_REPLY, LETTER, STRUCTURED = 2, 3, 4, 5
"""Service classes (A-1)."""
_ANSWERS: Mapping[str, Act] = {"accept": Act.ACCEPT, "decline": Act.DECLINE, "cancel": Act.CANCEL}


class Writing(Reading):
    """Everything that is written but a plain text. `Session` adds that."""

    async def send_letter(
        self, thread: bytes, text: str, subject: str | None = None, *, reply_to: bytes | None = None
    ) -> SentMessage:
        """Send a text as a letter, perhaps with a subject: rules may give letters more time, and more room.

        await me.send_letter(thread, text, "The summer")
        """
        if len(text.encode("utf-8", "surrogatepass")) > MAX_TEXT:
            raise TooLong("this letter is too long for one message")
        return await self._say(thread, Text(text, subject), LETTER, reply_to)

    async def edit(self, thread: bytes, mid: bytes, text: str, subject: str | None = None) -> SentMessage:
        """Give one's own message another wording. Who has read the old one can still see it.

        Without a subject a letter keeps its own. NotPlacedYet: use `replace`, which leaves no trace.

            await me.edit(thread, mid, "Thursday, not Tuesday.")
        """
        message = await self._own(thread, mid)
        if not isinstance(message.body, Text):
            raise BadForm("only texts and letters have another wording")
        change = Change(mid, text, subject or message.subject)
        return await self._say(thread, change, message.service_class)

    async def retract(self, thread: bytes, mid: bytes) -> SentMessage:
        """Take one's own message back after it was placed: it is shown as taken back, not as unsaid.

        NotPlacedYet: use `recall`, which leaves no trace.

            await me.retract(thread, mid)
        """
        message = await self._own(thread, mid)
        if isinstance(message.body, Change | Reaction | Answer):
            raise BadForm("this cannot be taken back: say something else in its place")
        return await self._say(thread, Change(mid), NO_REPLY)

    async def react(self, thread: bytes, mid: bytes, sign: str | None) -> SentMessage:
        """Put one sign beside a message, in the place of one's earlier one; None takes it away.

        await me.react(thread, mid, "👍")
        """
        await self._find(thread, mid)
        return await self._say(thread, Reaction(mid, sign), NO_REPLY)

    async def propose_appointment(
        self,
        thread: bytes,
        start: datetime,
        minutes: int = 50,
        *,
        zone: str = "",
        place: str | None = None,
        note: str | None = None,
    ) -> SentMessage:
        """Propose an appointment at an instant. `zone` (IANA) is the wall it is meant on; else one's own.

        await vale.propose_appointment(thread, datetime(2026, 6, 9, 10, tzinfo=ZoneInfo("America/New_York")))
        """
        if start.tzinfo is None:
            raise BadForm("the start of an appointment has no zone, so nobody knows when it is")
        named = zone or self.zone or getattr(start.tzinfo, "key", "") or "UTC"
        body = Proposal(Act.PROPOSE, milliseconds(start), named, minutes, place, note)
        return await self._say(thread, body, LOGISTICS)

    async def answer_appointment(
        self,
        thread: bytes,
        mid: bytes,
        answer: Literal["accept", "decline", "cancel"],
        note: str | None = None,
    ) -> SentMessage:
        """Answer a proposed appointment, or cancel one that was proposed or accepted by oneself.

        await me.answer_appointment(thread, mid, "accept")
        """
        body = Answer(_ANSWERS[answer], mid, note)
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            doubt = desk.log.letters.conversation.judge(self.chain, body)
        if doubt is not None:
            raise NoSuchMessage(doubt[1])
        return await self._say(thread, body, LOGISTICS)

    async def share_safety_plan(
        self, thread: bytes, steps: SafetyPlan | Mapping[str, Sequence[str]]
    ) -> SentMessage:
        """Share a safety plan as the next version of the one in force; a mapping has lists by field name.

        await me.share_safety_plan(thread, {"signs": ["I stop answering"], "coping": ["Walk"]})
        """
        before = await self.safety_plan(thread)
        version = 1
        if before is not None and isinstance(before.body, SafetyPlan):
            version = min(before.body.version + 1, MAX_VERSION)
        if isinstance(steps, SafetyPlan):
            made = replace(steps, version=version)
        else:
            unknown = set(steps) - set(SafetyPlan.step_names())
            if unknown:
                raise BadForm(f"a safety plan has no step {', '.join(sorted(unknown))}")
            made = SafetyPlan(version, **{name: tuple(entries) for name, entries in steps.items()})
        return await self._say(thread, made, STRUCTURED)

    async def safety_plan(self, thread: bytes) -> Message | None:
        """The safety plan in force in a thread, if there is one; also without a network."""
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            return desk.log.letters.conversation.newest_plan()

    async def check_in(
        self,
        thread: bytes,
        instrument: str,
        answers: Mapping[int, int] | None = None,
        scores: Mapping[str, int] | None = None,
        taken_at: datetime | None = None,
    ) -> SentMessage:
        """Share a questionnaire's answers by item number, and its scores by name. It holds no item's words.

        await me.check_in(thread, "phq-9", {1: 2, 2: 1}, {"total": 3})
        """
        at = self.device_time() if taken_at is None else milliseconds(taken_at)
        rows = tuple(sorted((answers or {}).items())), tuple(sorted((scores or {}).items()))
        return await self._say(thread, Measure(instrument, at, *rows), STRUCTURED)

    async def _say(
        self,
        thread: bytes,
        body: Body,
        service_class: int,
        reply_to: bytes | None = None,
        *,
        urgent: bool = False,
        at_once_because: str = "",
        card: str = "",
    ) -> SentMessage:
        """Write in a thread that holds, read up to its end once."""
        desk = self.desk(thread)
        async with desk.lock:
            desk.expect_sound()
            if desk.log.n == 0:
                await desk.catch_up()
            await desk.load()
            return await write_body(
                desk,
                body,
                service_class=service_class,
                urgent=urgent,
                zone=self.zone,
                reply_to=reply_to,
                language=self.language,
                at_once_because=at_once_because,
                card=card,
            )

    async def _find(self, thread: bytes, mid: bytes) -> Message:
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            found = desk.log.letters.conversation.find(mid)
        if found is None:
            own = desk.state.own.get(mid)
            if own is not None and own.state in ("outbox", "held"):
                raise NotPlacedYet("this message still waits; nobody has seen it")
            raise NoSuchMessage("there is no message with this id here")
        return found

    async def _own(self, thread: bytes, mid: bytes) -> Message:
        """One's own placed message, whichever of one's devices wrote it."""
        found = await self._find(thread, mid)
        if not found.mine:
            raise NoSuchMessage("this message is somebody else's: only its author changes it")
        if found.taken_back_at is not None:
            raise NoSuchMessage("this message was taken back")
        return found
