"""The next opening, as plain times: when the hours begin, and by when an answer comes to what is written now
(M-74). Nothing here says that somebody is there."""

from datetime import datetime

import msgspec

from etherapy.rules.judgement import decide
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.moments import show_moment
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Facts
from etherapy.rules.words import Words


class NextOpening(msgspec.Struct, frozen=True):
    """Whether it is open, until when or from when on, and by when an ordinary message of now is answered."""

    open_now: bool
    opens_at: datetime | None
    """The beginning of the next open time, or now; None: nothing opens within 400 days."""
    closes_at: datetime | None
    """Its end; None: it has none within 400 days."""
    reply_by: datetime | None
    """None: no time of an answer is promised."""
    reader: str
    """Whose hours these are: the therapist's, or those of a cover."""
    lines: tuple[str, ...]
    language: str


def next_opening(
    rules: Rules, at: datetime, reader: str, zone_there: str, words: Words, account: str = ""
) -> NextOpening:
    """The next opening for a client (`account` in hex) who has written nothing yet; BadRule for an unknown
    zone."""
    decision = decide(rules, Attempt(at, by_client=True, account=account), Facts())
    if decision.cover is not None:
        reader, rules = decision.cover.label, rules.of_reader(decision)
    timetable = rules.timetable
    opens_at, closes_at = timetable.next_open(at), timetable.closes_at(at)
    here, whose = timetable.zone_name, words.say("whose_client")

    def show(moment: datetime) -> str:
        return show_moment(moment, here, zone_there or here, whose, words, at)

    if opens_at is None:
        first = words.say("opening_none")
    elif opens_at > at:
        first = words.say("opening_next", reader=reader, opens=show(opens_at))
    elif closes_at is None:
        first = words.say("opening_always", reader=reader)
    else:
        first = words.say("opening_now", reader=reader, until=show(closes_at))
    if decision.reply_by is None:
        second = words.say("opening_no_reply")
    else:
        firm = rules.the(ResponseTarget, at).firm
        reply = "opening_reply_firm" if firm else "opening_reply"
        second = words.say(reply, reply=show(decision.reply_by))
    return NextOpening(
        open_now=opens_at == at,
        opens_at=opens_at,
        closes_at=closes_at,
        reply_by=decision.reply_by,
        reader=reader,
        lines=(first, second),
        language=words.language,
    )
