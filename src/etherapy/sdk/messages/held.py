"""What is held: asking after it when its time is over (A-3), and taking it back before (A-4)."""

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import Recall as RecallBody
from etherapy.protocol.problems import AlreadyPlaced, NoSuchMessage, NoSuchThread
from etherapy.sdk.faults import NothingHeld
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.answers import accept_answer
from etherapy.sdk.messages.replacing import settle_replacement
from etherapy.sdk.messages.sealing import recall_of
from etherapy.sdk.messages.sending import take_answer
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.message import SentMessage
from etherapy.sdk.verifying.own_items import bound, is_late, newest, overdue_by
from etherapy.tep.envelope import parse_envelope

_OWN_AGE_MS = 60_000


async def look_after(desk: ThreadDesk) -> list[Finding]:
    """Ask about own messages whose time is over, for the proof if they still wait (A-3)."""
    now = await desk.link.now()
    found: list[Finding] = []
    late = [
        one
        for one in desk.state.own.values()
        if one.state == "held" and (promise := newest(one)) is not None and is_late(promise, now)
    ]
    if late:  # another device of this person may have ended them, or have been revoked itself
        await desk.link.people.look(desk.link.chain, now, age=_OWN_AGE_MS)
    for item in late:
        try:
            sent = await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=item.mid)
        except (NoSuchMessage, NoSuchThread):
            continue  # this device is left out of the thread by now: others of this person look after it
        accepted = accept_answer(desk, item, sent, now)
        found += accepted.findings
        if any(one.kind in (Kind.LATE, Kind.CLOCK) for one in accepted.findings):
            desk.overdue.update(item.attempts)
        desk.link.profile.save_thread(desk.state)
    found += _find_late(desk)
    desk.link.note(found)
    return found


def _find_late(desk: ThreadDesk) -> list[Finding]:
    """Own messages that still wait although something was placed after their time was over, each once."""
    found: list[Finding] = []
    for item in overdue_by(desk.state.own.values(), desk.log.spine.placed_at):
        if not desk.overdue.issuperset(item.attempts):
            words = "a promised message was not placed in time"
            since = {"placed_since": desk.log.messages[-1].item_hash} if desk.log.messages else {}
            proof = {"receipt": item.receipt or b""} | since
            found.append(desk.log.find(Kind.LATE, words, desk.log.n, proof))
            desk.overdue.update(item.attempts)
    return found


async def take_back(desk: ThreadDesk, mid: bytes, zone: str, language: str = "en") -> SentMessage:
    """Take back a message that is still held. AlreadyPlaced (a Problem) when it is too late."""
    mid = await settle_replacement(desk, mid)
    item = desk.state.own.get(mid) or await _foreign_item(desk, mid)
    promise = bound(item)
    if promise is None:
        raise NothingHeld("this message has no receipt yet")
    if item.recall is None:
        item.recall = recall_of(desk, mid, promise.item_hash)
        desk.link.profile.save_thread(desk.state)
    body = RecallBody(B64(item.recall), zone, language)
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
