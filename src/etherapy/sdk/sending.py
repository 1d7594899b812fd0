"""Sending: kept before it is sent, the same bytes again until there is a receipt, sealed anew only when the
epoch is stale (A-9, tep.md §7)."""

from os import urandom

from etherapy.binary import B64
from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.messages import open_message, seal_message
from etherapy.protocol import endpoints
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.messages import SendMessage, Sent
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.protocol.problems import Busy, MidTaken, NoSeat, StaleEpoch
from etherapy.rules.calendar import instant
from etherapy.rules.explain import Parties, acknowledge
from etherapy.sdk.answers import Accepted, accept_answer
from etherapy.sdk.committing import settle_epoch
from etherapy.sdk.faults import DeviceFault, ForeignMid, NotInThread, NotSentYet, TooLong
from etherapy.sdk.findings import Kind
from etherapy.sdk.kept import OwnItem
from etherapy.sdk.message import RefusedDraft, SentMessage, text_of
from etherapy.sdk.rules_seen import rules_of
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.tep.envelope import MAX_PAYLOAD, parse_envelope
from etherapy.tep.epoch import Commit
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload

_RESEALS = 5
_UNKNOWN = (Unreachable, Garbled, Unavailable, TooManyRequests, Busy, Unexpected)
"""After these it is not known, or not decided, whether the message was taken."""


async def write_text(
    desk: ThreadDesk, text: str, *, urgent: bool, service_class: int, zone: str, reply_to: bytes | None
) -> SentMessage:
    """Seal a text, keep it, send it. NotSentYet: it waits in the outbox; every other error: it does not."""
    commit = await settle_epoch(desk)
    if not desk.state.sheets.r:
        await desk.follow_rules()
    payload = Payload(PayloadKind.TEXT, text, desk.link.device_time(), desk.view(), reply_to)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PAYLOAD - 1024:
        raise TooLong("this text is too long for one message")
    mid = urandom(16)
    sealed = seal_message(
        payload,
        secret=_secret_of(desk, commit),
        commit=commit,
        key=desk.link.keys.sign,
        service_class=service_class,
        urgent=urgent,
        mid=mid,
    )
    item = OwnItem(mid=mid, attempts=[], zone=zone)
    _keep(desk, item, sealed)
    try:
        return await deliver(desk, item)
    except (Problem, DeviceFault) as refused:
        if not isinstance(refused, NotSentYet):
            _drop(desk, item)  # nothing was stored, and the text is still with whoever wrote it
        raise


async def send_again(desk: ThreadDesk) -> tuple[list[SentMessage], list[RefusedDraft]]:
    """Everything in the outbox, in order. What is still on its way stays there."""
    sent: list[SentMessage] = []
    refused: list[RefusedDraft] = []
    for item in [one for one in desk.state.own.values() if one.state == "outbox"]:
        try:
            sent.append(await deliver(desk, item))
        except NotSentYet:
            break
        except (Problem, DeviceFault) as cause:
            refused.append(RefusedDraft(desk.thread, item.mid, read_own(desk, item.sealed), cause))
            _drop(desk, item)
    return sent, refused


def read_own(desk: ThreadDesk, sealed: bytes | None) -> str | None:
    """The text of an envelope that is not placed; None if this device cannot open it."""
    if sealed is None:
        return None
    try:
        envelope = parse_envelope(sealed)
        commit = desk.log.epochs.of(envelope.header.commit_hash)
        if commit is None or commit.commit_hash not in desk.state.secrets:
            return None
        return text_of(open_message(envelope, desk.state.secrets[commit.commit_hash], commit).payload)
    except (Malformed, CannotOpen):
        return None


async def deliver(desk: ThreadDesk, item: OwnItem) -> SentMessage:
    """Send what is kept until there is an answer that settles it.

    The server's refusals come as problems, and then nothing was stored; the item stays in the outbox.
    """
    seats = 0
    for _ in range(_RESEALS):
        assert item.sealed is not None
        body = SendMessage(B64(item.sealed), item.zone)
        try:
            sent = await desk.link.transport.call(endpoints.send_message, body, thread=desk.thread)
        except _UNKNOWN as unknown:
            raise NotSentYet(f"the message may not have arrived: {unknown}", item.mid) from None
        except MidTaken as taken:
            sent = await _earlier_attempt(desk, item, bytes(taken.item_hash))
        except (StaleEpoch, NoSeat) as stale:
            seats += isinstance(stale, NoSeat)
            await _seal_again(desk, item, fresh_heads=seats > 0)
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
    if sent.decision.ack and sent.state.state == "held" and rules is not None:
        parties = Parties(desk.state.owner_name, item.zone or rules.timetable.zone_name)
        said = acknowledge(promise, rules, parties)
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
    except _UNKNOWN as unknown:
        raise NotSentYet(f"the receipt could not be fetched: {unknown}", item.mid) from None


async def _seal_again(desk: ThreadDesk, item: OwnItem, fresh_heads: bool) -> None:
    """Under the newest epoch, once that was verified: the same text and mid, other bytes."""
    assert item.sealed is not None
    envelope = parse_envelope(item.sealed)
    await desk.catch_up()
    commit = await (settle_epoch(desk, age=0) if fresh_heads else settle_epoch(desk))
    before = _commit_of(desk, envelope.header.commit_hash)
    opened = open_message(envelope, _secret_of(desk, before), before)
    sealed = seal_message(
        opened.payload_bytes,
        secret=_secret_of(desk, commit),
        commit=commit,
        key=desk.link.keys.sign,
        service_class=envelope.header.service_class,
        urgent=envelope.header.urgent,
        mid=item.mid,
    )
    _keep(desk, item, sealed)


def _secret_of(desk: ThreadDesk, commit: Commit) -> bytes:
    secret = desk.state.secrets.get(commit.commit_hash)
    if secret is None:
        raise NotInThread("this device could not open the thread's newest epoch")
    return secret


def _commit_of(desk: ThreadDesk, commit_hash: bytes) -> Commit:
    found = desk.log.epochs.of(commit_hash)
    assert found is not None  # it was sealed under an epoch that this device believes
    return found


def _keep(desk: ThreadDesk, item: OwnItem, sealed: bytes) -> None:
    """Durable before the first byte leaves."""
    item.attempts.append(parse_envelope(sealed).item_hash)
    item.sealed = item.envelope = sealed
    desk.state.own[item.mid] = item
    desk.link.profile.save_thread(desk.state)


def _drop(desk: ThreadDesk, item: OwnItem) -> None:
    desk.state.own.pop(item.mid, None)
    desk.link.profile.save_thread(desk.state)
