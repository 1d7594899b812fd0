"""A decision in words, for the client and for the therapist, with the times of both; and what is shown
before sending.

Every sentence follows from a settled decision, so both read the same times. Nothing here is written in the
first person, and nothing claims that somebody has read a message.
"""

from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from etherapy.rules.crisis import Card, card_for
from etherapy.rules.decision import REPLACE, Decision, Reason
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.languages import ENGLISH
from etherapy.rules.layers import Rules
from etherapy.rules.moments import show_moment
from etherapy.rules.words import Words

Side = Literal["client", "therapist"]
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Parties(msgspec.Struct, frozen=True):
    """Who is who in a thread, as the sentences name them."""

    reader: str
    """The display name of the therapist who reads, such as "Dr Vale"."""
    client_zone: str
    """IANA zone in which the client is now."""


class Preview(msgspec.Struct, frozen=True):
    """What the client sees before sending, and again with the answer: sentences, emergency text, crisis
    card."""

    lines: tuple[str, ...]
    emergency: str
    card: Card
    card_lines: tuple[str, ...]


class Promised(Protocol):
    """What a promise says of a held message: a Decision has it, and so has a verified Promise."""

    @property
    def accepted_at(self) -> datetime | None: ...
    @property
    def release_at(self) -> datetime | None: ...
    @property
    def reply_by(self) -> datetime | None: ...


def explain_to_client(
    decision: Decision, rules: Rules, parties: Parties, words: Words = ENGLISH
) -> tuple[str, ...]:
    """The decision as sentences for the client; BadRule for an unknown client zone.

    Where a cover's hours decided, the cover is named, and the wall is the cover's.
    """
    return _sentences("client", decision, rules, parties, words)


def explain_to_therapist(
    decision: Decision, rules: Rules, parties: Parties, words: Words = ENGLISH
) -> tuple[str, ...]:
    """The same decision as sentences for the therapist, with the same times."""
    return _sentences("therapist", decision, rules, parties, words)


def explain_reasons(decision: Decision, words: Words = ENGLISH) -> tuple[tuple[str, Reason], ...]:
    """Each reason as a sentence, beside the reason itself with its kind, field and origin."""
    return tuple((_reason(reason, words), reason) for reason in decision.because)


def preview(
    decision: Decision, rules: Rules, parties: Parties, region: str | None = None, words: Words = ENGLISH
) -> Preview:
    """What the client sees before pressing send; `region` is where the client says to be
    now."""
    emergency = rules.the(Emergency, decision.accepted_at or _EVER)
    card = card_for(region, emergency.region)
    lines = explain_to_client(decision, rules, parties, words)
    return Preview(lines, emergency.text, card, show_card(card, words))


def acknowledge(
    promised: Promised,
    rules: Rules,
    parties: Parties,
    region: str | None = None,
    words: Words = ENGLISH,
    decision: Decision | None = None,
) -> str:
    """The automatic acknowledgement of a held message, rendered by the sender's device from its promise
    (D-37).

    The promise gives the times; `decision`, where it is given, only who reads. ValueError when nothing is
    promised to be released, for then there is nothing to acknowledge.
    """
    if promised.release_at is None or promised.release_at == promised.accepted_at:
        raise ValueError("only a held message is acknowledged")
    emergency = rules.the(Emergency, promised.accepted_at or promised.release_at)
    if decision is not None and decision.cover is not None:
        parties, rules = replace(parties, reader=decision.cover.label), rules.of_reader(decision)
    show = _Shower("client", promised, rules, parties, words)
    lines = [
        words.say("ack_title"),
        words.say("ack_held", reader=parties.reader, release=show(promised.release_at)),
        show.reply(),
        words.say("client_recall", recall=show(promised.release_at)),
        emergency.text,
        *show_card(card_for(region, emergency.region), words),
    ]
    return "\n".join(lines)


def show_card(card: Card, words: Words = ENGLISH) -> tuple[str, ...]:
    """A crisis card as lines, ending with when it was verified or that nobody has."""
    lines = [words.say("card_line", name=line.name, how=line.how) for line in card.lines]
    if card.emergency:
        lines.append(words.say("card_emergency", number=card.emergency))
    if card.verified_on is None:
        lines.append(words.say("card_unverified"))
    else:
        lines.append(words.say("card_verified", date=card.verified_on.isoformat()))
    return tuple(lines)


class _Shower:
    """Shows instants and phrases to one side."""

    def __init__(self, side: Side, promised: Promised, rules: Rules, parties: Parties, words: Words) -> None:
        self._side, self._promised, self._parties, self._words = side, promised, parties, words
        self._covered = isinstance(promised, Decision) and promised.cover is not None
        self._zone = rules.timetable.zone_name
        seen_at = promised.accepted_at or promised.release_at
        self._firm = seen_at is not None and rules.the(ResponseTarget, seen_at).firm

    def __call__(self, at: datetime) -> str:
        whose = self._words.say(f"whose_{self._side}")
        seen_at = self._promised.accepted_at or at
        return show_moment(at, self._zone, self._parties.client_zone, whose, self._words, seen_at)

    def say(self, name: str, **moments: datetime | None) -> str:
        """The phrase of that name for this side."""
        shown = {blank: self(at) for blank, at in moments.items() if at is not None}
        covered = f"{self._side}_covered_{name}"
        phrase = covered if self._covered and covered in self._words.phrases else f"{self._side}_{name}"
        return self._words.say(phrase, reader=self._parties.reader, **shown)

    def reply(self) -> str:
        """By when an answer comes, or that none is promised."""
        if self._promised.reply_by is None:
            return self.say("no_reply")
        return self.say("reply_firm" if self._firm else "reply_plan", reply=self._promised.reply_by)


def _sentences(
    side: Side, decision: Decision, rules: Rules, parties: Parties, words: Words
) -> tuple[str, ...]:
    cover, lines = decision.cover, []
    if cover is not None:
        lines.append(words.say(f"{side}_cover", cover=cover.label, reader=parties.reader))
        parties, rules = replace(parties, reader=cover.label), rules.of_reader(decision)
    show = _Shower(side, decision, rules, parties, words)
    lines += _fate(decision, show)
    if decision.release_at is not None:
        lines.append(show.reply())
    if decision.recall_until is not None:
        lines.append(show.say("recall", recall=decision.recall_until))
    if side == "client" and any(reason.kind == REPLACE for reason in decision.because):
        lines.append(show.say("replaced"))
    if decision.long_wait:
        days = (
            decision.longest_wait_days or rules.the(Bounds, decision.accepted_at or _EVER).longest_wait_days
        )
        lines.append(words.say(f"{side}_long_wait", days=str(days)))
    return tuple(lines)


def _fate(decision: Decision, show: _Shower) -> list[str]:
    """What happens to the message: one sentence, and a second where it reaches nobody before the next
    opening."""
    opens = decision.closed_until
    if decision.code == "held":
        return [show.say("held", release=decision.release_at)]
    if decision.code == "urgent":
        return [show.say("urgent")] + ([show.say("urgent_closed", opens=opens)] if opens else [])
    if decision.code == "no_future_window":
        return [show.say("no_window")]
    if decision.code == "declined":
        return [show.say("declined")]
    if any(reason.words == "deliver_normal" for reason in decision.because):
        return [show.say("outside")] + ([show.say("outside_next", opens=opens)] if opens else [])
    return [show.say("at_once")]


def _reason(reason: Reason, words: Words) -> str:
    said = f"{reason.kind}.{reason.words}"
    if reason.label and f"{said}_label" in words.phrases:
        return words.say(f"{said}_label", label=reason.label)
    return words.say(said)
