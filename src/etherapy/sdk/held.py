"""What is held: asking after it when its time is over (A-3), and taking it back before (A-4)."""

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import Recall as RecallBody
from etherapy.protocol.problems import AlreadyPlaced
from etherapy.sdk.answers import accept_answer
from etherapy.sdk.faults import NothingHeld
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.kept import OwnItem
from etherapy.sdk.message import SentMessage
from etherapy.sdk.own_items import bound, is_late, newest
from etherapy.sdk.sending import take_answer
from etherapy.sdk.thread_desk import ThreadDesk
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from etherapy.tep.shape import ZEROS_32


async def look_after(desk: ThreadDesk) -> list[Finding]:
    """Ask about own messages whose time is over, for the proof if they still wait (A-3)."""
    now = await desk.link.now()
    found: list[Finding] = []
    for item in list(desk.state.own.values()):
        promise = newest(item)
        if item.state != "held" or promise is None or not is_late(promise, now):
            continue
        sent = await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=item.mid)
        accepted = accept_answer(desk, item, sent, now)
        found += accepted.findings
        if any(one.kind in (Kind.LATE, Kind.CLOCK) for one in accepted.findings):
            desk.overdue.update(item.attempts)
        desk.link.profile.save_thread(desk.state)
    desk.link.note(found)
    return found


async def take_back(desk: ThreadDesk, mid: bytes, zone: str) -> SentMessage:
    """Take back a message that is still held. AlreadyPlaced (a Problem) when it is too late."""
    item = desk.state.own.get(mid) or await _foreign_item(desk, mid)
    promise = bound(item)
    if promise is None:
        raise NothingHeld("this message has no receipt yet")
    if item.recall is None:
        item.recall = sign_recall(
            Recall(
                mode=RecallMode.RECALL,
                thread=desk.thread,
                mid=mid,
                device=desk.link.keys.device_id,
                item_hash=promise.item_hash,
                new_item_hash=ZEROS_32,
                at=desk.link.device_time(),
            ),
            desk.link.keys.sign,
        )
        desk.link.profile.save_thread(desk.state)
    body = RecallBody(B64(item.recall), zone)
    try:
        sent = await desk.link.transport.call(endpoints.recall_message, body, thread=desk.thread)
    except AlreadyPlaced:
        item.recall = None
        desk.link.profile.save_thread(desk.state)
        await desk.catch_up()
        raise
    return await take_answer(desk, item, sent)


async def _foreign_item(desk: ThreadDesk, mid: bytes) -> OwnItem:
    """A waiting message of one's own that another device made."""
    answer = await desk.link.transport.call(endpoints.read_waiting, thread=desk.thread)
    for one in answer.messages:
        if one.mid == mid:
            made = parse_envelope(one.envelope).item_hash
            sent = await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=mid)
            item = OwnItem(mid=mid, attempts=[made], state="held")
            accept_answer(desk, item, sent, await desk.link.now())
            return item
    raise NothingHeld("no message of yours with this id is waiting")
