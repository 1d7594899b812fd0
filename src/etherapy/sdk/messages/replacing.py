"""Putting another message in the place of one that waits (tep_amendments.md A-4, mode 2).

Old and new are kept together before anything is sent, and repeated with the same bytes until there is an
answer: exactly one of them is read in the end. The new one keeps the time from which the old was counted.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from os import urandom
from typing import TYPE_CHECKING

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import Replace, Sent
from etherapy.protocol.messages import WaitingMessage as WaitingItem
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import AlreadyPlaced, NoSeat, NotHeld, StaleEpoch
from etherapy.sdk.faults import NothingHeld, NotSentYet
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.sealing import open_envelope, recall_of, seal
from etherapy.sdk.messages.sending import UNKNOWN, seal_again, take_answer
from etherapy.sdk.messages.waiting import is_by_oneself
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.message import SentMessage
from etherapy.sdk.verifying.own_items import judge_replacement
from etherapy.tep.envelope import Envelope, parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Payload
from etherapy.tep.recall import Recall

if TYPE_CHECKING:
    from etherapy.sdk.messages.reading import Reading

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """One of one's own messages that waits, or was returned: its envelope, and what is inside."""

    item: OwnItem
    envelope: Envelope
    payload: bytes = field(repr=False)


async def find_waiting(desk: ThreadDesk, mid: bytes) -> Waiting:
    """What waits under this id, or what took its place, whichever device made it. NothingHeld."""
    mid = await settle_replacement(desk, mid)
    answer = await desk.link.transport.call(endpoints.read_waiting, thread=desk.thread)
    one = next((one for one in answer.messages if one.mid == mid), None)
    if one is None:
        raise NothingHeld("no message of yours with this id is waiting")
    return _opened(desk, one)


def newest_of(desk: ThreadDesk, mid: bytes) -> bytes:
    """The id of what stands in the place of a message by now."""
    while (item := desk.state.own.get(mid)) is not None and item.replaced_by is not None:
        mid = item.replaced_by
    return mid


def pending_for(desk: ThreadDesk, mid: bytes) -> OwnItem | None:
    """What is on its way to take the place of a message; whether it arrived is not known yet."""
    own = desk.state.own.values()
    return next((one for one in own if one.replaces == mid and one.state == "outbox"), None)


async def settle_replacement(desk: ThreadDesk, mid: bytes) -> bytes:
    """The id of what stands in the place of a message, once it is known whether it does. NotSentYet."""
    mid = newest_of(desk, mid)
    pending = pending_for(desk, mid)
    if pending is not None:
        with suppress(AlreadyPlaced, NotHeld):
            await deliver_replacement(desk, pending)
    return newest_of(desk, mid)


async def replace(
    desk: ThreadDesk,
    old: Waiting,
    payload: Payload | bytes,
    *,
    zone: str,
    urgent: bool | None = None,
    language: str = "en",
    at_once_because: str = "",
    card: str = "",
) -> SentMessage:
    """Put this in the place of a waiting message. AlreadyPlaced: too late, and the old one stands."""
    if pending_for(desk, old.item.mid) is not None:
        raise NotSentYet("an earlier change of this message is still on its way", old.item.mid)
    commit = await settle_epoch(desk)
    header = old.envelope.header
    if urgent is None:
        urgent = header.urgent
    same = isinstance(payload, bytes) and urgent == header.urgent
    new = OwnItem(
        mid=urandom(16),
        attempts=[],
        zone=zone,
        language=language,
        at_once_because=at_once_because,
        card=card,
        replaces=old.item.mid,
        same=same,
    )
    sealed = seal(desk, commit, payload, mid=new.mid, service_class=header.service_class, urgent=urgent)
    desk.state.own[old.item.mid], desk.state.own[new.mid] = old.item, new
    _name(desk, old.item, new, sealed, old.envelope.item_hash)
    return await deliver_replacement(desk, new)


async def deliver_replacement(desk: ThreadDesk, new: OwnItem) -> SentMessage:
    """Send a replacement until there is an answer that settles it.

    NotSentYet: both are kept, and it goes out at the next sync. A problem: the old message stands as it was.
    """
    assert new.replaces is not None
    old = desk.state.own[new.replaces]
    for _ in range(_TRIES):
        assert new.sealed is not None
        if old.recall is None:
            _name(desk, old, new, new.sealed, old.attempts[-1])
            assert old.recall is not None
        body = Replace(
            B64(old.recall), B64(new.sealed), new.zone, new.language, new.at_once_because, new.card
        )
        try:
            sent = await desk.link.transport.call(endpoints.replace_message, body, thread=desk.thread)
        except UNKNOWN as unknown:
            raise NotSentYet(f"the change may not have arrived: {unknown}", new.mid) from None
        except (StaleEpoch, NoSeat) as stale:
            await seal_again(desk, new, fresh_heads=isinstance(stale, NoSeat))
            _name(desk, old, new, new.sealed, Recall.unpack(old.recall[:128]).item_hash)
            continue
        except Problem as refused:
            _let_stand(desk, old, new)
            if isinstance(refused, AlreadyPlaced):
                await desk.catch_up()
            raise
        return await _settle(desk, old, new, sent)
    raise NotSentYet("the thread's epoch changed again and again", new.mid)


async def keep_waiting(session: "Reading", device: bytes) -> int:
    """Seal anew, by this device, what another device of one's own has waiting or had returned; how many.

    Its times stay. What this device cannot open stays as it is.
    """
    everything = await session.transport.call(endpoints.read_all_waiting)
    places = {bytes(one.thread) for one in everything.places if one.device == device}
    count = 0
    for thread in sorted(places):
        desk = session.desk(thread)
        async with desk.lock:
            await desk.catch_up()
            answer = await session.transport.call(endpoints.read_waiting, thread=thread)
            for one in answer.messages:
                count += await _keep(desk, one, session.zone, device)
    return count


async def _keep(desk: ThreadDesk, one: WaitingItem, zone: str, device: bytes) -> int:
    try:
        if parse_envelope(one.envelope).header.device != device:
            return 0
        old = _opened(desk, one)
        await replace(desk, old, old.payload, zone=zone)
    except (NothingHeld, AlreadyPlaced, Malformed):
        return 0
    return 1


def _name(desk: ThreadDesk, old: OwnItem, new: OwnItem, sealed: bytes, item_hash: bytes) -> None:
    """Sign that the new takes the place of the old, and keep both."""
    made = parse_envelope(sealed).item_hash
    if made not in new.attempts:
        new.attempts.append(made)
    new.sealed = new.envelope = sealed
    old.recall = recall_of(desk, old.mid, item_hash, instead=made)
    desk.link.profile.save_thread(desk.state)


def _let_stand(desk: ThreadDesk, old: OwnItem, new: OwnItem) -> None:
    old.recall = None
    desk.state.own.pop(new.mid, None)
    desk.link.profile.save_thread(desk.state)


async def _settle(desk: ThreadDesk, old: OwnItem, new: OwnItem, sent: Sent) -> SentMessage:
    before = old.newest or old.receipt
    old.state, old.replaced_by, old.envelope = "replaced", new.mid, None
    answer = await take_answer(desk, new, sent)
    worse = judge_replacement(before, new)
    if worse is not None:
        proof = {"before": before or b"", "after": new.receipt or b""}
        desk.link.note([desk.log.find(*worse, desk.log.n, proof)])
    return answer


def _opened(desk: ThreadDesk, one: WaitingItem) -> Waiting:
    """What the server says waits, if one's own devices made it: what is inside will be signed once more."""
    envelope = parse_envelope(one.envelope)
    opened = open_envelope(desk, envelope)
    if opened is None:
        raise NothingHeld("this message cannot be opened on this device", "change it where it was written")
    known = desk.state.own.get(bytes(one.mid))
    _expect_own(desk, one, envelope, known)
    item = known or OwnItem(mid=bytes(one.mid), attempts=[envelope.item_hash], state=one.state)
    item.receipt = item.receipt or bytes(one.promise)
    return Waiting(item, envelope, opened.payload_bytes)


def _expect_own(desk: ThreadDesk, one: WaitingItem, envelope: Envelope, known: OwnItem | None) -> None:
    """NothingHeld for what one of one's devices did not sign, or what has been placed or taken back."""
    made = known is None or envelope.item_hash in known.attempts
    if not (made and envelope.header.mid == one.mid and is_by_oneself(desk, envelope)):
        words = "a message is said to wait in your name that none of your devices made"
        proof = {"envelope": bytes(one.envelope), "receipt": bytes(one.promise)}
        desk.link.note([desk.log.find(Kind.NOT_MINE, words, desk.log.n, proof)])
        raise NothingHeld(words)
    over = known is not None and known.state in ("placed", "recalled", "replaced")
    if over or envelope.item_hash in desk.log.letters.placed:
        raise NothingHeld("this message was placed, or taken back, before")
