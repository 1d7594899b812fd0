"""A decision in words, for the client and for the therapist, with the times of both; and what is shown
before sending.

Every sentence follows from a settled decision, so both read the same times. Nothing here is written in the
first person, and nothing claims that somebody has read a message.
"""

import re
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from etherapy.rules.crisis import Card, card_for
from etherapy.rules.decision import Decision, Reason
from etherapy.rules.kinds.acknowledgement import Acknowledgement
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.languages import ENGLISH
from etherapy.rules.moments import show_date
from etherapy.rules.resolved import Rules
from etherapy.rules.sentences import Parties, Promised, Speaker, Voice, show_reason, speak
from etherapy.rules.words import Words

__all__ = [
    "Parties",
    "Preview",
    "Promised",
    "acknowledge",
    "explain_reasons",
    "explain_sooner",
    "explain_standing",
    "explain_to_client",
    "explain_to_therapist",
    "preview",
    "show_card",
]
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_HOW = {
    "call": "how_call",
    "text": "how_text",
    "chat": "how_chat",
    "or": "how_or",
    "to": "how_to",
    "still connects": "how_still_connects",
    "in many member states": "how_in_many_member_states",
}
"""The few words that stand between the numbers of a card."""
_HOW_WORD = re.compile(rf"\b({'|'.join(_HOW)})\b")


class Preview(msgspec.Struct, frozen=True):
    """What a sender sees before sending, and again with the answer (rules.md 3.10).

    Instants are in words, on both walls; what does not apply is empty.
    """

    lines: tuple[str, ...]
    """All there is to say, the warnings last."""
    emergency: str
    card: Card
    card_lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """Those of the lines that are not to be missed."""
    reasons: tuple[str, ...] = ()
    """Why, each reason as a sentence."""
    release_at: str = ""
    reads_at: str = ""
    """From when on somebody is expected to read."""
    reply_by: str = ""
    recall_until: str = ""
    retry_from: str = ""
    left: int | None = None
    """How many more the tightest budget allows after this one."""
    language: str = "en"


def explain_to_client(
    decision: Decision, rules: Rules, parties: Parties, words: Words = ENGLISH
) -> tuple[str, ...]:
    """The decision as sentences for the client; BadRule for an unknown client zone.

    Where a cover's hours decided, the cover is named, and the wall is the cover's. Of what the therapist
    wrote, the client is told when it came, and no more.
    """
    return speak("client" if parties.by_client else "theirs", decision, rules, parties, words).lines


def explain_to_therapist(
    decision: Decision, rules: Rules, parties: Parties, words: Words = ENGLISH
) -> tuple[str, ...]:
    """The same decision as sentences for the therapist, with the same times; what limits know of the
    client's other messages is left out."""
    return speak("therapist" if parties.by_client else "own", decision, rules, parties, words).lines


def explain_sooner(
    decision: Decision,
    release_at: datetime | None,
    reply_by: datetime | None,
    rules: Rules,
    voice: Literal["client", "therapist"],
    parties: Parties,
    words: Words = ENGLISH,
) -> tuple[str, ...]:
    """That a client's message has come forward since it was decided (D-4), with the times that bind now;
    empty where it has not."""
    was = decision.release_at
    if release_at is None or not parties.by_client or (was is not None and was <= release_at):
        return ()
    now = replace(decision, release_at=release_at, reply_by=reply_by)
    if now.cover is not None:
        parties = replace(parties, reader=now.cover.label)
    show = Speaker(voice, now, rules.of_reader(now), parties, words)
    return show.say("sooner", release=release_at), show.reply()


def explain_standing(
    release_at: datetime | None, decision: Decision, rules: Rules, words: Words = ENGLISH
) -> tuple[str, ...]:
    """That a message which waits keeps its time although the hours of today are closed then (D-4)."""
    if release_at is None or rules.of_reader(decision).timetable.is_open(release_at):
        return ()
    return (words.say("client_stays"),)


def explain_reasons(decision: Decision, words: Words = ENGLISH) -> tuple[tuple[str, Reason], ...]:
    """Each reason as a sentence, beside the reason itself with its kind, field and origin."""
    return tuple((show_reason(reason, words), reason) for reason in decision.because)


def preview(
    decision: Decision, rules: Rules, parties: Parties, region: str | None = None, words: Words = ENGLISH
) -> Preview:
    """What a sender sees before pressing send; `region` is where the client says to be now."""
    voice: Voice = "client" if parties.by_client else "own"
    said = speak(voice, decision, rules, parties, words)
    show = Speaker(voice, decision, rules.of_reader(decision), parties, words)
    emergency = rules.the(Emergency, decision.accepted_at or _EVER)
    card = card_for(region, emergency.region)

    def shown(at: datetime | None) -> str:
        return "" if at is None else show(at)

    return Preview(
        lines=said.lines,
        emergency=emergency.text_in(words.language),
        card=card,
        card_lines=show_card(card, words),
        warnings=said.warnings,
        reasons=tuple(sentence for sentence, _ in explain_reasons(decision, words)),
        release_at=shown(decision.release_at),
        reads_at=shown(decision.closed_until or decision.release_at if parties.by_client else None),
        reply_by=shown(decision.reply_by),
        recall_until=shown(decision.recall_until),
        retry_from=shown(decision.retry_from),
        left=decision.left,
        language=words.language,
    )


def acknowledge(
    promised: Promised,
    rules: Rules,
    parties: Parties,
    region: str | None = None,
    words: Words = ENGLISH,
    decision: Decision | None = None,
    card: Card | None = None,
) -> str:
    """The automatic acknowledgement of a message, rendered by the sender's device from its promise (D-37).

    The promise gives the times; `decision`, where it is given, who reads, and whether a message that is not
    held is acknowledged too; `card` is shown instead of the built-in one of the region. ValueError when there
    is nothing to acknowledge.
    """
    at_once = promised.release_at is None or promised.release_at == promised.accepted_at
    if at_once and (decision is None or not decision.ack):
        raise ValueError("only a held message is acknowledged, or one whose decision asks for it")
    accepted_at = promised.accepted_at or promised.release_at or _EVER
    rule, emergency = rules.the(Acknowledgement, accepted_at), rules.the(Emergency, accepted_at)
    if decision is not None and decision.cover is not None:
        parties, rules = replace(parties, reader=decision.cover.label), rules.of_reader(decision)
    lines = [words.say("ack_title"), *_acknowledged(promised, rule, at_once, rules, parties, words)]
    lines.append(emergency.text_in(words.language))
    if rule.includes_card:
        lines += show_card(card or card_for(region, emergency.region), words)
    return "\n".join(lines)


def show_card(card: Card, words: Words = ENGLISH) -> tuple[str, ...]:
    """A crisis card as lines, ending with when it was verified or that nobody has."""
    lines = [words.say("card_line", name=line.name, how=_how(line.how, words)) for line in card.lines]
    if card.emergency:
        lines.append(words.say("card_emergency", number=card.emergency))
    if card.verified_on is None:
        lines.append(words.say("card_unverified"))
    else:
        lines.append(words.say("card_verified", date=show_date(card.verified_on, words)))
    return tuple(lines)


def _how(how: str, words: Words) -> str:
    """`call or text 988` in the language of whoever reads."""
    return _HOW_WORD.sub(lambda found: words.say(_HOW[found[0]]), how)


def _acknowledged(
    promised: Promised, rule: Acknowledgement, at_once: bool, rules: Rules, parties: Parties, words: Words
) -> list[str]:
    """Where the message is and, where the rule wants times, until when and by when."""
    show = Speaker("client", promised, rules, parties, words)
    if at_once:
        return [
            words.say("ack_at_once", reader=parties.reader),
            *([show.reply()] if rule.includes_times else ()),
        ]
    assert promised.release_at is not None
    if not rule.includes_times:
        return [words.say("ack_held_plain")]
    release = show(promised.release_at)
    return [
        words.say("ack_held", reader=parties.reader, release=release),
        show.reply(),
        words.say("client_recall", recall=release),
    ]
