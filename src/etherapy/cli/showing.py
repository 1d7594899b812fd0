"""How messages, promises and findings are shown to a person in a terminal."""

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby

from etherapy.cli.profiles import typed
from etherapy.cli.saying import count
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone as zone_named
from etherapy.rules.explain import Preview
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.verifying.message import (
    Message,
    Reacted,
    Reply,
    SentMessage,
    ThreadView,
    WaitingMessage,
)
from etherapy.tep.kinds import Act

_NOTICEABLE = timedelta(minutes=1)
NOBODY: Mapping[bytes, str] = {}
_AUTHORS = {1: "the client", 2: "the therapist", 3: "the co-therapist", 4: "family"}
_ACTS: Mapping[int, str] = {Act.ACCEPT: "accepted", Act.DECLINE: "declined", Act.CANCEL: "cancelled"}
_LETTER = 4
_REFUSED = "[not shown: this is not to be taken for a message]"
_NOT_SHOWN: Mapping[Kind | None, str] = {
    Kind.GONE: "[a gap: there was a message here]",
    Kind.BEFORE_JOINING: "[from before you belonged to this thread]",
    Kind.UNREADABLE: "[cannot be opened on this device]",
}
_UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def local_zone() -> str:
    """The zone of this machine's wall, as far as it can be known; UTC otherwise."""
    link = os.path.realpath("/etc/localtime")
    for name in (os.environ.get("TZ", "").lstrip(":"), link.rpartition("zoneinfo/")[2]):
        try:
            return zone_named(name).key or "UTC"
        except BadRule:
            continue
    return "UTC"


def show_time(at: datetime | None, zone: str) -> str:
    """An instant on the wall of the reader."""
    return "—" if at is None else f"{at.astimezone(zone_named(zone)):%a %-d %b %Y, %H:%M}"


def show_message(message: Message, zone: str, names: Mapping[bytes, str] = NOBODY) -> Iterator[str]:
    """A message, what is wrong with it first, and what was added to it last.

    `names`: what authors are called, where their role alone does not say who it was.
    """
    who = _author(message, names)
    sent = message.promise.counted_from if message.mine and message.promise else None
    waited = sent is not None and message.placed_at - sent > _NOTICEABLE
    since = f", sent {show_time(sent, zone)}" if waited else ""
    urgent = "  URGENT" if message.urgent else ""
    letter = "  (letter)" if message.service_class == _LETTER else ""
    edited = f"  (edited {show_time(message.edited_at, zone)})" if message.edited_at else ""
    mid = message.mid.hex()[:8] or "(no id) "
    yield f"{mid}  {show_time(message.placed_at, zone)}  {who}{since}{urgent}{letter}{edited}"
    for finding in message.findings:
        yield f"      ! {finding.words}"
        yield f"        {finding.kind.mend}"
    if message.reply_to is not None:
        yield f"      > answers {message.reply_to.hex()[:8]}"
    if message.subject:
        yield f"      {printable(message.subject)}"
        yield ""
    text = message.text if message.text is not None else _NOT_SHOWN.get(_first_kind(message), _REFUSED)
    for line in printable(text).splitlines() or [""]:
        yield f"      {line}"
    yield from _additions(message, zone, names)


def _author(one: Message | Reacted | Reply, names: Mapping[bytes, str]) -> str:
    if one.mine:
        return "me"
    return printable(names.get(one.author) or _AUTHORS.get(one.role, "somebody unknown"))


def _additions(message: Message, zone: str, names: Mapping[bytes, str]) -> Iterator[str]:
    """What others said to it, and how an appointment stands."""
    if message.meeting is not None:
        start = show_time(message.meeting.start, zone)
        yield f"      = {message.meeting.state}; on your wall it is {start}"
    for reply in message.meeting.replies if message.meeting else ():
        yield f"        {_author(reply, names)}: {_ACTS[reply.act]}, {show_time(reply.at, zone)}"
    if message.reactions:
        signs = (f"{printable(one.sign)} {_author(one, names)}" for one in message.reactions)
        yield "      " + ", ".join(signs)


def _first_kind(message: Message) -> Kind | None:
    return message.findings[0].kind if message.findings else None


def printable(text: str) -> str:
    """A text without what could move the cursor, colour the screen or turn lines around."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n").replace("\t", "    "))


def show_waiting(message: WaitingMessage, zone: str) -> Iterator[str]:
    """One of one's own messages that nobody else sees yet."""
    until = f"held until {show_time(message.promise.release_at, zone)}"
    back = "came back to you unread: its device was left out; `etherapy replace` sends it again"
    yield f"{message.mid.hex()[:8]}  {back if message.state == 'returned' else until}"
    for finding in message.findings:
        yield f"      ! {finding.words}"
    for line in printable(message.text or "[cannot be shown on this device]").splitlines():
        yield f"      {line}"


def show_words(words: Preview) -> Iterator[str]:
    """What is said before and after sending: the sentences, the emergency text, the crisis card."""
    yield from words.lines
    yield words.emergency
    for line in words.card_lines:
        yield f"  {line}"


def show_sent(sent: SentMessage, zone: str, profile: str) -> Iterator[str]:
    """What became of a client's message that was sent."""
    if sent.acknowledgement:
        yield from sent.acknowledgement.splitlines()
    else:
        yield from show_words(sent.words)
    yield from show_place(sent, zone, profile)


def show_own(sent: SentMessage, zone: str, profile: str) -> Iterator[str]:
    """What became of what somebody else than a client sent: why it goes out later, if it does."""
    if sent.state == "held":
        yield from sent.words.lines
    yield from show_place(sent, zone, profile)


def show_place(sent: SentMessage, zone: str, profile: str) -> Iterator[str]:
    """Where a message is now, and how to have it back."""
    if sent.state == "held":
        yield f"Held as {sent.mid.hex()[:8]} until {show_time(sent.promise.release_at, zone)}."
        yield f"To take it back: {typed('recall ' + sent.mid.hex()[:8], profile)}"
    else:
        yield f"{sent.state.capitalize()} as {sent.mid.hex()[:8]}."


def show_thread(thread: ThreadView, zone: str) -> Iterator[str]:
    """A thread at a glance."""
    name = thread.with_name or "your client"
    last = f", last {show_time(thread.last_placed_at, zone)}" if thread.last_placed_at else ""
    heard = f"; nothing from the other side since {show_time(thread.heard_at, zone)}"
    since = heard if thread.heard_at is not None and thread.heard_at != thread.last_placed_at else ""
    yield f"{thread.thread.hex()[:8]}  with {name}, {count(thread.messages, 'message')}{last}{since}"
    if note := _standing(thread):
        yield f"      {note}"
    if thread.halted is not None:
        yield f"      ! {thread.halted.words}"


def _standing(thread: ThreadView) -> str:
    if thread.standing == "awaited":
        return "you are not in it yet: others have still to agree"
    if thread.standing == "ended":
        return "over for this device: what was read stays, nothing new comes"
    by_client = thread.role in ("client", "family")
    return "not answered by the practice yet" if by_client and not thread.seen_by_practice else ""


def show_findings(findings: tuple[Finding, ...] | list[Finding]) -> Iterator[str]:
    """What does not hold, the grave ones first; what to do once for all of one kind."""
    for kind, alike in groupby(sorted(findings, key=_weight), lambda one: one.kind):
        for finding in alike:
            yield f"{'ALARM' if finding.grave else 'Notice'}: {finding.words}"
        yield f"  {kind.mend}"


def _weight(finding: Finding) -> tuple[bool, str]:
    return not finding.grave, finding.kind
