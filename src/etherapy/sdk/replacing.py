"""Putting another message in the place of one that waits (tep_amendments.md A-4, mode 2).

Old and new are kept together before anything is sent, and repeated with the same bytes until there is an
answer: exactly one of them is read in the end. The new one keeps the time from which the old was counted.
"""

from dataclasses import dataclass
from os import urandom
from typing import TYPE_CHECKING

from etherapy.binary import B64
from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.messages import open_message, seal_message
from etherapy.protocol import endpoints
from etherapy.protocol.messages import Replace, Sent
from etherapy.protocol.messages import WaitingMessage as WaitingItem
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import AlreadyPlaced, NoSeat, StaleEpoch
from etherapy.sdk.committing import settle_epoch
from etherapy.sdk.faults import NothingHeld, NotSentYet
from etherapy.sdk.kept import OwnItem
from etherapy.sdk.message import SentMessage
from etherapy.sdk.own_items import judge_replacement
from etherapy.sdk.sending import UNKNOWN, seal_again, secret_of, take_answer
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.tep.envelope import Envelope, parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Payload, parse_payload
from etherapy.tep.recall import Recall, RecallMode, sign_recall

if TYPE_CHECKING:
    from etherapy.sdk.reading import Reading

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """One of one's own messages that waits, or was returned: its envelope, and what is inside."""

    item: OwnItem
    envelope: Envelope
    payload: bytes


async def find_waiting(desk: ThreadDesk, mid: bytes) -> Waiting:
    """What waits under this id, or what took its place, whichever device made it. NothingHeld."""
    mid = newest_of(desk, mid)
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


async def replace(
    desk: ThreadDesk, old: Waiting, payload: Payload | bytes, *, zone: str, urgent: bool | None = None
) -> SentMessage:
    """Put this in the place of a waiting message. AlreadyPlaced: too late, and the old one stands."""
    commit = await settle_epoch(desk)
    header = old.envelope.header
    if urgent is None:
        urgent = header.urgent
    same = isinstance(payload, bytes) and urgent == header.urgent
    new = OwnItem(mid=urandom(16), attempts=[], zone=zone, replaces=old.item.mid, same=same)
    sealed = seal_message(
        payload,
        secret=secret_of(desk, commit),
        commit=commit,
        key=desk.link.keys.sign,
        service_class=header.service_class,
        urgent=urgent,
        mid=new.mid,
    )
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
        assert old.recall is not None
        body = Replace(B64(old.recall), B64(new.sealed), new.zone)
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
                envelope = parse_envelope(one.envelope)
                if envelope.header.device == device:
                    count += await _keep(desk, one, session.zone)
    return count


async def _keep(desk: ThreadDesk, one: WaitingItem, zone: str) -> int:
    try:
        old = _opened(desk, one)
        await replace(desk, old, old.payload, zone=zone)
    except (NothingHeld, AlreadyPlaced):
        return 0
    return 1


def _name(desk: ThreadDesk, old: OwnItem, new: OwnItem, sealed: bytes, item_hash: bytes) -> None:
    """Sign that the new takes the place of the old, and keep both."""
    made = parse_envelope(sealed).item_hash
    if made not in new.attempts:
        new.attempts.append(made)
    new.sealed = new.envelope = sealed
    recall = Recall(
        mode=RecallMode.REPLACE,
        thread=desk.thread,
        mid=old.mid,
        device=desk.link.keys.device_id,
        item_hash=item_hash,
        new_item_hash=made,
        at=desk.link.device_time(),
    )
    old.recall = sign_recall(recall, desk.link.keys.sign)
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
    envelope = parse_envelope(one.envelope)
    payload = payload_of(desk, envelope)
    if payload is None:
        raise NothingHeld("this message cannot be opened on this device", "change it where it was written")
    known = desk.state.own.get(bytes(one.mid))
    item = known or OwnItem(mid=bytes(one.mid), attempts=[envelope.item_hash], state=one.state)
    item.receipt = item.receipt or bytes(one.promise)
    return Waiting(item, envelope, payload)


def payload_of(desk: ThreadDesk, envelope: Envelope) -> bytes | None:
    """The payload bytes in an envelope of an epoch that is open here."""
    commit = desk.log.epochs.of(envelope.header.commit_hash)
    secret = desk.state.secrets.get(envelope.header.commit_hash)
    if commit is None or secret is None:
        return None
    try:
        found = open_message(envelope, secret, commit).payload_bytes
        parse_payload(found)
    except (Malformed, CannotOpen):
        return None
    return found
