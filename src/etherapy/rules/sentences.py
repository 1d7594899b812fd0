"""From a settled decision to sentences: one machine for whoever reads them, so that all read the same times.

Who reads is a voice: the `client` of their own message, the `therapist` of a client's, the therapist of what
is their `own`, the client of what is `theirs`. What limits know of a sender is said to the sender alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from etherapy.rules.alert_words import who_is_called
from etherapy.rules.decision import REPLACE, Decision, Reason
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.moments import show_moment
from etherapy.rules.resolved import Rules
from etherapy.rules.words import Words

Voice = Literal["client", "therapist", "own", "theirs"]
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_FOR_THE_SENDER: Final = ("ack", "pacing", "pacing.escalation", "replace")
_WARNINGS: Final = frozenset(
    {
        ("absence", "cover_offered"),
        ("response.target", "runs_through_closed"),
        ("therapist.outbound", "night_action"),
        ("pacing", "reflection_shortened"),
        ("pacing", "reflection_skipped"),
    }
)
"""Reasons that a sender should not miss, beside every hint of `pacing.escalation`."""
_COUNTED: Final = {"budget.exchange": "exchange"}


class Parties(msgspec.Struct, frozen=True):
    """Who is who in a thread, as the sentences name them."""

    reader: str
    """The display name of the therapist who reads, such as "Dr Vale"; where a therapist writes, of the
    client, and if it is empty "your client"."""
    client_zone: str
    """IANA zone in which the client is now."""
    by_client: bool = True
    """Whether somebody of the client's side wrote the message."""


class Promised(Protocol):
    """What a promise says of a held message: a Decision has it, and so has a verified Promise."""

    @property
    def accepted_at(self) -> datetime | None: ...
    @property
    def release_at(self) -> datetime | None: ...
    @property
    def reply_by(self) -> datetime | None: ...


class Sentences(NamedTuple):
    """All lines, and which of them warn."""

    lines: tuple[str, ...]
    warnings: tuple[str, ...]


class Speaker:
    """Shows instants and phrases to one voice."""

    def __init__(
        self, voice: Voice, promised: Promised, rules: Rules, parties: Parties, words: Words
    ) -> None:
        self.voice, self.words = voice, words
        self._promised, self._parties = promised, parties
        self._covered = isinstance(promised, Decision) and promised.cover is not None
        self._zone = rules.timetable.zone_name
        self._whose = words.say("whose_client" if voice in ("client", "theirs") else "whose_therapist")
        seen_at = promised.accepted_at or promised.release_at
        self._firm = seen_at is not None and rules.the(ResponseTarget, seen_at).firm

    def __call__(self, at: datetime) -> str:
        seen_at = self._promised.accepted_at or at
        return show_moment(at, self._zone, self._parties.client_zone, self._whose, self.words, seen_at)

    def say(self, name: str, **moments: datetime | None) -> str:
        """The phrase of that name for this voice."""
        shown = {blank: self(at) for blank, at in moments.items() if at is not None}
        covered = f"{self.voice}_covered_{name}"
        phrase = covered if self._covered and covered in self.words.phrases else f"{self.voice}_{name}"
        return self.words.say(phrase, reader=self._parties.reader, **shown)

    def reply(self) -> str:
        """By when an answer comes, or that none is promised."""
        if self._promised.reply_by is None:
            return self.say("no_reply")
        return self.say("reply_firm" if self._firm else "reply_plan", reply=self._promised.reply_by)


def speak(voice: Voice, decision: Decision, rules: Rules, parties: Parties, words: Words) -> Sentences:
    """The decision as this voice reads it; BadRule for an unknown zone."""
    if voice == "own" and not parties.reader:
        parties = replace(parties, reader=words.say("the_client"))
    cover, lines = decision.cover, []
    called = who_is_called(decision, rules, words) if voice == "client" else []
    if cover is not None and voice in ("client", "therapist"):
        lines.append(words.say(f"{voice}_cover", cover=cover.label, reader=parties.reader))
        parties, rules = replace(parties, reader=cover.label), rules.of_reader(decision)
    show = Speaker(voice, decision, rules, parties, words)
    if voice == "theirs":
        told = [] if decision.release_at is None else [show.say("released", release=decision.release_at)]
        return Sentences(tuple(told), ())
    lines += _fate(decision, show)
    if decision.release_at is not None and voice != "own":
        lines.append(show.reply())
    if decision.recall_until is not None:
        lines.append(show.say("recall", recall=decision.recall_until))
    lines += [*called, *_for_the_sender(decision, show)]
    warnings = tuple(dict.fromkeys(_warnings(decision, rules, show)))
    return Sentences((*(line for line in lines if line not in warnings), *warnings), warnings)


def show_reason(reason: Reason, words: Words) -> str:
    """A reason as a sentence, with what people call it where there is a phrase for that."""
    said = f"{reason.kind}.{reason.words}"
    if reason.label and f"{said}_label" in words.phrases:
        return words.say(f"{said}_label", label=reason.label)
    return words.say(said)


def is_for_the_sender(reason: Reason) -> bool:
    """Whether it says something of the sender's other messages, which is nobody else's to know."""
    return reason.kind in _FOR_THE_SENDER or reason.kind.startswith("budget.")


def _fate(decision: Decision, show: Speaker) -> Iterator[str]:
    """What happens to the message, and when somebody is next expected to look where that is later."""
    opens = decision.closed_until
    match decision.code:
        case "held":
            yield from _held(decision, show)
        case "urgent":
            yield from _urgent(decision, show)
        case "no_future_window":
            yield show.say("no_window")
        case "declined":
            yield from _declined(decision, show)
        case "silent":
            yield show.say("silent")
            if opens:
                yield show.say("silent_next", opens=opens)
        case "at_once" if show.voice != "own" and _outside(decision):
            yield show.say("outside")
            if opens:
                yield show.say("outside_next", opens=opens)
        case _:
            yield show.say("at_once")


def _held(decision: Decision, show: Speaker) -> Iterator[str]:
    """Until when; for its sender with what keeps it back, where that is more than the hours."""
    why = decision.by.get("not_before") or decision.by.get("release_at")
    if show.voice == "own" or (show.voice == "client" and decision.not_before is not None):
        if why is not None:
            yield show_reason(why, show.words)
        yield show.say("held" if show.voice == "own" else "kept", release=decision.release_at)
    else:
        yield show.say("held", release=decision.release_at)


def _urgent(decision: Decision, show: Speaker) -> Iterator[str]:
    if show.voice == "own":
        yield show.say("at_once")
        return
    yield show.say("card_first" if decision.card_first else "urgent")
    called = [reason for reason in decision.because if reason.kind == "urgent.channel"]
    if not decision.card_first:
        yield from (show_reason(reason, show.words) for reason in called)
    if decision.closed_until and not any(reason.words == "on_call" for reason in called):
        yield show.say("urgent_closed", opens=decision.closed_until)


def _declined(decision: Decision, show: Speaker) -> Iterator[str]:
    yield show.say("declined")
    if show.voice == "therapist":
        return
    if why := decision.by.get("code"):
        yield show_reason(why, show.words)
    if decision.retry_from is not None:
        yield show.say("retry", retry=decision.retry_from)


def _for_the_sender(decision: Decision, show: Speaker) -> Iterator[str]:
    """What nobody but a client who writes is told: what is left, and what it takes the place of."""
    if show.voice != "client":
        return
    if any(reason.kind == REPLACE for reason in decision.because):
        yield show.say("replaced")
    if decision.left is not None and decision.code != "declined":
        yield show.words.say("client_left", left=_left(decision, show.words))


def _left(decision: Decision, words: Words) -> str:
    if not decision.left:
        return words.say("none")
    by = decision.by.get("left")
    unit = _COUNTED.get(by.kind if by else "", "message")
    return words.count(decision.left, unit)


def _warnings(decision: Decision, rules: Rules, show: Speaker) -> Iterator[str]:
    if decision.long_wait and show.voice != "own":
        days = (
            decision.longest_wait_days or rules.the(Bounds, decision.accepted_at or _EVER).longest_wait_days
        )
        counted = show.words.count(days, "day")
        yield show.words.say(f"{show.voice}_long_wait", days=counted)
    for reason in decision.because:
        warns = reason.kind == "pacing.escalation" or (reason.kind, reason.words) in _WARNINGS
        if warns and not (show.voice == "therapist" and is_for_the_sender(reason)):
            yield show_reason(reason, show.words)


def _outside(decision: Decision) -> bool:
    return any(reason.words == "deliver_normal" for reason in decision.because)
