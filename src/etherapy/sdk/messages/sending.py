"""Sending: kept before it is sent, the same bytes again until there is a receipt, sealed anew only when the
epoch is stale (A-9, tep.md §7)."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import urandom
from typing import Any

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.messages import SendMessage, Sent
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.protocol.problems import Busy, MidTaken, NoSeat, NoSuchThread, StaleEpoch
from etherapy.rules.calendar import instant
from etherapy.rules.crisis import trusted
from etherapy.rules.explain import Parties, acknowledge
from etherapy.rules.languages import words_in
from etherapy.sdk.faults import BadForm, DeviceFault, ForeignMid, NotInThread, NotSentYet, TooLong
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.agreed import expect_agreed
from etherapy.sdk.messages.answers import Accepted, accept_answer
from etherapy.sdk.messages.sealing import open_envelope, seal
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.sdk.verifying.message import SentMessage, text_of
from etherapy.tep import cbor
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.kinds import Body, kind_of
from etherapy.tep.kinds.writing import MAX_TEXT
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Payload

_RESEALS = 5
UNKNOWN = (Unreachable, Garbled, Unavailable, TooManyRequests, Busy, Unexpected)
"""After these it is not known, or not decided, whether the message was taken."""


async def write_body(
    desk: ThreadDesk,
    body: Body,
    *,
    service_class: int,
    zone: str,
    urgent: bool = False,
    reply_to: bytes | None = None,
    language: str = "en",
    at_once_because: str = "",
    card: str = "",
) -> SentMessage:
    """Seal what is to be said, keep it, send it.

    NotSentYet: it waits in the outbox; every other error: it does not.
    """
    packed = pack_body(body)
    with _noting_the_end(desk):
        commit = await settle_epoch(desk)
        if not desk.state.sheets.r:
            await desk.follow_rules()
            commit = await settle_epoch(desk)  # somebody may have gone meanwhile
    if not urgent:
        expect_agreed(desk, commit, body, service_class)
    payload = Payload(kind_of(body), packed, desk.link.device_time(), desk.view(), reply_to)
    mid = urandom(16)
    sealed = seal(desk, commit, payload, mid=mid, service_class=service_class, urgent=urgent)
    item = OwnItem(
        mid=mid, attempts=[], zone=zone, language=language, at_once_because=at_once_because, card=card
    )
    _keep(desk, item, sealed)
    try:
        with _noting_the_end(desk):
            return await deliver(desk, item)
    except (Problem, DeviceFault) as refused:
        if not isinstance(refused, NotSentYet):
            drop(desk, item)  # nothing was stored, and the text is still with whoever wrote it
        raise


@contextmanager
def _noting_the_end(desk: ThreadDesk) -> Iterator[None]:
    """NotInThread, and kept as that, where the server knows no part of this device in the thread any more."""
    try:
        yield
    except NoSuchThread:
        desk.end()
        desk.expect_sound()
        raise


def pack_body(body: Body) -> Any:
    """What is sealed of a body; BadForm or TooLong."""
    try:
        packed = body.pack()
        size = len(cbor.encode(packed))
    except Malformed as bad:
        raise BadForm(str(bad)) from None
    if size > MAX_TEXT:
        raise TooLong("this is too long for one message")
    return packed


def read_own(desk: ThreadDesk, sealed: bytes | None) -> str | None:
    """The text of an envelope that is not placed; None if this device cannot open it."""
    if sealed is None:
        return None
    try:
        opened = open_envelope(desk, parse_envelope(sealed))
    except Malformed:
        return None
    return None if opened is None else text_of(opened.payload)


async def deliver(desk: ThreadDesk, item: OwnItem) -> SentMessage:
    """Send what is kept until there is an answer that settles it.

    The server's refusals come as problems, and then nothing was stored; the item stays in the outbox.
    """
    seats = 0
    for _ in range(_RESEALS):
        assert item.sealed is not None
        body = SendMessage(B64(item.sealed), item.zone, item.language, item.at_once_because, item.card)
        try:
            sent = await desk.link.transport.call(endpoints.send_message, body, thread=desk.thread)
        except UNKNOWN as unknown:
            raise NotSentYet(f"the message may not have arrived: {unknown}", item.mid) from None
        except MidTaken as taken:
            sent = await _earlier_attempt(desk, item, bytes(taken.item_hash))
        except (StaleEpoch, NoSeat) as stale:
            seats += isinstance(stale, NoSeat)
            await seal_again(desk, item, fresh_heads=seats > 0)
            if seats > 1:
                raise NotInThread("the server does not let this device write here") from None
            continue
        return await take_answer(desk, item, sent)
    raise NotSentYet("the thread's epoch changed again and again", item.mid)


async def take_answer(desk: ThreadDesk, item: OwnItem, sent: Sent) -> SentMessage:
    """Check an answer, keep it, and read on in the thread when the message was placed."""
    accepted = accept_answer(desk, item, sent, await desk.link.now())
    desk.link.profile.save_thread(desk.state)
    desk.link.note(list(accepted.findings))
    if accepted.promise.rules_rev > desk.state.sheets.r:
        await desk.follow_rules()
    if accepted.entry is not None:
        await desk.catch_up()
    return sent_message(desk, item, sent, accepted)


def sent_message(desk: ThreadDesk, item: OwnItem, sent: Sent, accepted: Accepted) -> SentMessage:
    """A verified answer, with the acknowledgement that the rules ask for (decisions.md D-37)."""
    entry, promise = accepted.entry, accepted.promise
    rules, said = rules_of(desk.state.sheets), None
    if sent.decision.ack and sent.state.state in ("held", "placed") and rules is not None:
        parties = Parties(desk.state.owner_name, item.zone or rules.timetable.zone_name)
        card = trusted(sent.words.card)
        words = words_in(item.language)
        said = acknowledge(promise, rules, parties, card.region, words, decision=sent.decision, card=card)
    return SentMessage(
        thread=desk.thread,
        mid=item.mid,
        state=sent.state.state,
        promise=promise,
        decision=sent.decision,
        words=sent.words,
        acknowledgement=said,
        placed_at=None if entry is None else instant(entry.placed_at),
        n=None if entry is None else entry.n,
    )


async def _earlier_attempt(desk: ThreadDesk, item: OwnItem, stored: bytes) -> Sent:
    """An earlier sealing of this message arrived late: its receipt is the receipt. Otherwise an alarm."""
    if stored not in item.attempts:
        words = "another message of yours has this id: a copy of this device may exist"
        desk.link.note([desk.log.find(Kind.NOT_MINE, words, desk.log.n, {"item_hash": stored})])
        raise ForeignMid(words)
    try:
        return await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=item.mid)
    except UNKNOWN as unknown:
        raise NotSentYet(f"the receipt could not be fetched: {unknown}", item.mid) from None


async def seal_again(desk: ThreadDesk, item: OwnItem, fresh_heads: bool) -> None:
    """Under the newest epoch, once that was verified: the same text and mid, other bytes."""
    assert item.sealed is not None
    envelope, known = parse_envelope(item.sealed), desk.log.epochs.newest
    await desk.catch_up()
    if desk.log.epochs.newest is known:  # stale though nobody replaced it: somebody left, or closed
        await desk.look_at_people()
        fresh_heads = True
    commit = await (settle_epoch(desk, age=0) if fresh_heads else settle_epoch(desk))
    opened = open_envelope(desk, envelope)
    assert opened is not None  # it was sealed here, under an epoch that this device believes
    header = envelope.header
    sealed = seal(
        desk,
        commit,
        opened.payload_bytes,
        mid=item.mid,
        service_class=header.service_class,
        urgent=header.urgent,
    )
    _keep(desk, item, sealed)


def _keep(desk: ThreadDesk, item: OwnItem, sealed: bytes) -> None:
    """Durable before the first byte leaves."""
    item.attempts.append(parse_envelope(sealed).item_hash)
    item.sealed = item.envelope = sealed
    desk.state.own[item.mid] = item
    desk.link.profile.save_thread(desk.state)


def drop(desk: ThreadDesk, item: OwnItem) -> None:
    desk.state.own.pop(item.mid, None)
    desk.link.profile.save_thread(desk.state)
