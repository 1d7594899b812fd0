"""What a device holds to of the rules that nobody else can see: what is inside a message, and its words."""

from collections.abc import Iterator, Mapping

from etherapy.crypto.errors import CannotOpen
from etherapy.rules.budget_periods import periods_of
from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.kinds.budget_length import BudgetLength
from etherapy.rules.kinds.message_kinds import DeviceKind, MessageKinds
from etherapy.rules.resolved import Rules
from etherapy.sdk.faults import NotAgreed, TooLong
from etherapy.sdk.messages.sealing import open_envelope
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.sdk.verifying.message import text_of
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Commit
from etherapy.tep.kinds import Body, Measure, Proposal, Text
from etherapy.tep.malformed import Malformed
from etherapy.tep.roster import CLIENT_SIDE

_OF_TEXTS: Mapping[int, DeviceKind] = {1: "text", 3: "supportive", 4: "letter"}
_OF_BODIES: Mapping[type[Body], DeviceKind] = {Measure: "measure", Proposal: "propose_session"}


def expect_agreed(desk: ThreadDesk, commit: Commit, body: Body, service_class: int) -> None:
    """NotAgreed or TooLong, where the thread's rules say so; not asked of what is urgent.

    What belongs to an earlier message, and a safety plan, is always offered.
    """
    rules = rules_of(desk.state.sheets)
    if rules is None:
        return
    now = desk.link.device_time()
    kind = _OF_TEXTS.get(service_class) if isinstance(body, Text) else _OF_BODIES.get(type(body))
    if kind is not None and not rules.the(MessageKinds, instant(now)).offers(kind):
        raise NotAgreed(f"messages of the kind {kind} are not part of what is agreed in this thread")
    if isinstance(body, Text) and _is_limited(desk, commit):
        _expect_short(desk, rules, len(body.text.split()), now)


def expect_length(desk: ThreadDesk, text: str, instead: bytes) -> None:
    """TooLong for another wording of one's own waiting message `instead`, which itself counts no more."""
    rules, newest = rules_of(desk.state.sheets), desk.log.epochs.newest
    if rules is not None and newest is not None and _is_limited(desk, newest):
        _expect_short(desk, rules, len(text.split()), desk.link.device_time(), instead)


def _is_limited(desk: ThreadDesk, commit: Commit) -> bool:
    row = commit.core.user(desk.link.chain)
    return row is not None and row.role in CLIENT_SIDE


def _expect_short(desk: ThreadDesk, rules: Rules, words: int, now: int, instead: bytes = b"") -> None:
    """TooLong where a message, or the messages of a period, would have more words than agreed (R-11)."""
    length = rules.the(BudgetLength, instant(now))
    most = length.message_words
    if most is not None and words > most and length.over == "decline_keep_draft":
        raise TooLong(f"this has {words} words, and {most} are agreed for one message")
    most = length.period_words
    if most is None or length.period_over == "accept_and_flag":
        return
    place = length.zone or rules.timetable.zone_name
    periods = periods_of(length.per, length.hours, place, length.week_starts)
    left = max(0, most - periods.spent(list(_written(desk, now, instead)), now))
    if words > left:
        raise TooLong(f"this has {words} words, and {left} of the agreed {most} are left for now")


def _written(desk: ThreadDesk, now: int, instead: bytes) -> Iterator[tuple[int, int]]:
    """When one's own texts were taken, and their words: those that are placed, and those of this device that
    wait."""
    for message in desk.log.messages:
        if message.mine and isinstance(message.body, Text) and not message.urgent:
            at = message.accepted_at or message.placed_at
            yield milliseconds(at), len(message.body.text.split())
    for item in desk.state.own.values():
        if item.mid == instead:
            continue
        text = _text(desk, item.sealed or item.envelope) if item.state in ("outbox", "held") else None
        if text is not None:
            yield now, len(text.split())


def _text(desk: ThreadDesk, sealed: bytes | None) -> str | None:
    """What a waiting text of this device says."""
    if sealed is None:
        return None
    try:
        opened = open_envelope(desk, parse_envelope(sealed))
    except (Malformed, CannotOpen):
        return None
    return None if opened is None else text_of(opened.payload)
