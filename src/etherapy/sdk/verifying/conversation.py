"""A thread as people see it: changes, reactions and answers applied to what they belong to. Pure.

A fold over what is believed, in the order of the thread, so that every device comes to the same result with
or without a network. Only an author changes what they wrote; what does not hold changes nothing, stays
visible, and says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from etherapy.rules.calendar import instant
from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.kind_words import TAKEN_BACK
from etherapy.sdk.verifying.message import Meeting, MeetingState, Message, Reacted, Reply, Wording
from etherapy.tep.kinds import Act, Answer, Body, Change, Proposal, Reaction, SafetyPlan, Text

Doubt = tuple[Kind, str]
"""What is to be said of something that cannot be applied."""


@dataclass(slots=True)
class _Kept:
    """One message with what was added to it. `wordings` ends with the present one."""

    message: Message
    wordings: list[Wording] = field(default_factory=list)
    taken_back_at: datetime | None = None
    reactions: dict[bytes, Reacted] = field(default_factory=dict)
    replies: dict[bytes, Reply] = field(default_factory=dict)

    @property
    def author(self) -> bytes:
        return self.message.author

    @property
    def body(self) -> Body | None:
        return self.message.body


class Conversation:
    """The messages of one thread, taken in their order. `judge` before, `take` after a message was made."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._kept: list[_Kept] = []
        self._by_author: dict[tuple[bytes, bytes], _Kept] = {}
        self._by_mid: dict[bytes, _Kept] = {}
        for message in messages:
            self.take(message)

    def judge(self, author: bytes, body: Body | None) -> Doubt | None:
        """Why what this author says cannot be applied; None when it can be, or is about nothing else."""
        if isinstance(body, Change):
            return self._judge_change(author, body)
        if isinstance(body, Reaction):
            target = self._by_mid.get(body.mid)
            if target is None or isinstance(target.body, Change | Reaction):
                return Kind.LOOSE_CHANGE, "a reaction to something that is not here"
        if isinstance(body, Answer):
            return self._judge_answer(author, body)
        return None

    def _judge_change(self, author: bytes, body: Change) -> Doubt | None:
        target = self._by_author.get((author, body.mid))
        if target is None:
            if body.mid in self._by_mid:
                return Kind.FOREIGN_CHANGE, "a change to a message that somebody else wrote"
            return Kind.LOOSE_CHANGE, "a change to a message that is not here, or cannot be read here"
        if not _may_change(target.body, body):
            return Kind.LOOSE_CHANGE, "a change to something that cannot be changed"
        if target.taken_back_at is not None:
            return Kind.LOOSE_CHANGE, "a change to a message that was taken back"
        return None

    def _judge_answer(self, author: bytes, body: Answer) -> Doubt | None:
        target = self._by_mid.get(body.mid)
        if target is None or not isinstance(target.body, Proposal):
            return Kind.LOOSE_CHANGE, "an answer to an appointment that is not here"
        if target.taken_back_at is not None or _state(target) == "cancelled":
            return Kind.LOOSE_CHANGE, "an answer to an appointment that was cancelled"
        if body.act != Act.CANCEL and author == target.author:
            return Kind.FOREIGN_CHANGE, "an appointment is not accepted by who proposed it"
        reply = target.replies.get(author)
        if body.act == Act.CANCEL and author != target.author and (reply is None or reply.act != Act.ACCEPT):
            return Kind.FOREIGN_CHANGE, "an appointment is cancelled by who proposed or accepted it"
        return None

    def take(self, message: Message) -> None:
        """Take the next message, and apply what it says about an earlier one."""
        kept = _Kept(message)
        body = message.body
        applies = self.judge(message.author, body) is None
        self._kept.append(kept)
        if message.payload is None:
            return
        if isinstance(body, Text):
            kept.wordings.append(Wording(body.text, body.subject, message.placed_at))
        self._by_author.setdefault((message.author, message.mid), kept)
        self._by_mid.setdefault(message.mid, kept)
        if applies:
            self._apply(message, body)

    def _apply(self, message: Message, body: Body | None) -> None:
        if isinstance(body, Change):
            target = self._by_author[message.author, body.mid]
            if body.text is None:
                target.taken_back_at = message.placed_at
            else:
                target.wordings.append(Wording(body.text, body.subject, message.placed_at))
        elif isinstance(body, Reaction):
            reactions = self._by_mid[body.mid].reactions
            reactions.pop(message.author, None)
            if body.sign is not None:
                who = (message.author, message.role, message.mine)
                reactions[message.author] = Reacted(*who, body.sign, message.placed_at)
        elif isinstance(body, Answer):
            who = (message.author, message.role, message.mine)
            made = Reply(*who, Act(body.act), body.note, message.placed_at)
            self._by_mid[body.mid].replies[message.author] = made

    def shown(self) -> list[Message]:
        """The messages with all changes. A change or reaction that was applied, and about which nothing is to
        be said, is not one of them."""
        return [_show(one) for one in self._kept if not self._is_applied(one)]

    def _is_applied(self, one: _Kept) -> bool:
        return one.message.standing == "good" and isinstance(one.body, Change | Reaction)

    def find(self, mid: bytes) -> Message | None:
        """A message that can be read, with all changes."""
        kept = self._by_mid.get(mid)
        return None if kept is None else _show(kept)

    def newest_plan(self) -> Message | None:
        """The safety plan in force: the highest version, of equal ones the last placed; none taken back."""
        plans = [
            (one.body.version, one.message.n, one)
            for one in self._kept
            if isinstance(one.body, SafetyPlan) and one.taken_back_at is None
        ]
        return _show(max(plans, key=lambda row: row[:2])[2]) if plans else None


def fold(messages: Iterable[Message]) -> list[Message]:
    """The conversation that these placed messages make."""
    return Conversation(messages).shown()


def _may_change(said: Body | None, change: Change) -> bool:
    """Texts get other wordings. Anything is taken back, but what is about something else: that has its own
    ways, such as another sign or a cancellation."""
    if change.text is not None:
        return isinstance(said, Text)
    return not isinstance(said, Change | Reaction | Answer)


def _show(one: _Kept) -> Message:
    found = replace(
        one.message,
        reactions=tuple(one.reactions.values()),
        taken_back_at=one.taken_back_at,
        meeting=_meeting(one),
    )
    if len(one.wordings) > 1:
        now = one.wordings[-1]
        found = replace(
            found,
            text=now.text,
            subject=now.subject,
            edited_at=now.since,
            history=tuple(one.wordings[:-1]),
        )
    if one.taken_back_at is not None:
        found = replace(found, text=TAKEN_BACK, subject=None, history=tuple(one.wordings), meeting=None)
    return found


def _meeting(one: _Kept) -> Meeting | None:
    body = one.body
    if not isinstance(body, Proposal):
        return None
    replies = tuple(one.replies.values())
    start = instant(body.start)
    return Meeting(_state(one), start, body.zone, body.minutes, body.place, body.note, replies)


def _state(one: _Kept) -> MeetingState:
    acts = {reply.act for reply in one.replies.values()}
    if Act.CANCEL in acts:
        return "cancelled"
    if Act.DECLINE in acts:
        return "declined"
    return "accepted" if Act.ACCEPT in acts else "proposed"
