"""After a restore: this device brings back what the server lost, its own and what others had placed (A-8).

Every piece proves itself: links and Recalls by their signatures, messages by theirs and by the server's own
old promise. So any device of the thread may bring it, in any order, and again.
"""

from collections.abc import Iterator

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.healing import Heal, HealedItem, LostItem
from etherapy.protocol.messages import Recall as RecallBody
from etherapy.protocol.people import AddLink
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import AlreadyPlaced, NoSuchMessage, NotHeld
from etherapy.sdk.connection import Connection
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KeptItem, OwnItem
from etherapy.sdk.messages.answers import accept_answer
from etherapy.sdk.messages.sealing import recall_of
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.own_items import bound, judge_revision
from etherapy.tep.epoch import parse_commit
from etherapy.tep.placing import ItemType

_MOST = 32
_MOST_BYTES = 150_000
"""Of messages in one request: with base64 and promises it stays below the limit for bodies."""
_TAKEN = frozenset({"held", "placed", "recalled", "known"})


async def heal_chain(link: Connection) -> None:
    """Give the server the links of one's own chain that it lost. What it refuses stays with the device."""
    kept = link.profile.kept
    if kept.quarantine is not None:
        return  # reading goes on, and nothing is said in one's own name
    known = kept.chains.get(link.chain)
    if known is not None and kept.generation > 1 and None in known.indexes:
        await link.people.look(link.chain, await link.now())
        known = kept.chains[link.chain]
    if known is None or not known.lost:
        return
    for seq in list(known.lost):
        try:
            await link.transport.call(endpoints.add_link, AddLink(B64(known.links[seq])))
        except Problem:
            return
    await link.people.look(link.chain, await link.now())
    link.profile.save()


async def heal_thread(desk: ThreadDesk) -> list[Finding]:
    """Bring back what this device holds of a thread that was restored; what is still missing then.

    Does nothing where nothing was lost. Repeated at each sync until all is back.
    """
    if not has_lost(desk):
        return []
    await _bring_recalls(desk)
    await _bring_commits(desk)
    for batch in _batches(_lost_items(desk)):
        body = Heal([one for one, _ in batch])
        answer = await desk.link.transport.call(endpoints.heal_thread, body, thread=desk.thread)
        for (_, item), healed in zip(batch, answer.items, strict=False):
            if item is not None:
                await _take_up(desk, item, healed)
    await desk.catch_up()
    desk.state.lost = [one for one in desk.state.lost if not _is_back(desk, one)]
    desk.link.profile.save_thread(desk.state)
    return [desk.log.find(Kind.LOST, words, desk.log.n, proof) for words, proof in _missing(desk)]


def has_lost(desk: ThreadDesk) -> bool:
    """Whether this device holds something of a thread that the server is to be given back."""
    own = desk.state.own.values()
    return bool(desk.state.lost) or any(one.state == "lost" or _recall_is_due(desk, one) for one in own)


def _recall_is_due(desk: ThreadDesk, item: OwnItem) -> bool:
    """Whether this device took a message back in an earlier generation, and the server may not know it."""
    generation, promise = desk.state.generation, bound(item)
    ended = item.state in ("recalled", "replaced") and item.recall is not None
    return ended and promise is not None and promise.generation < generation and item.healed < generation


def _is_back(desk: ThreadDesk, one: KeptItem) -> bool:
    """Whether a lost item is placed again, or needs not be: an epoch has begun in the place of its own."""
    if one.place().item_type != ItemType.COMMIT:
        return one.place().item_hash in desk.log.letters.placed or one.place().item_type != ItemType.ENVELOPE
    newest = desk.log.epochs.newest
    return newest is not None and parse_commit(one.item or b"").core.epoch <= newest.core.epoch


async def _bring_commits(desk: ThreadDesk) -> None:
    """Epochs that this device believed, oldest first; the messages that are sealed under them come after."""
    commits = [
        B64(one.item) for one in desk.state.lost if one.place().item_type == ItemType.COMMIT and one.item
    ]
    for commit in commits:
        body = Heal(commits=[commit])
        answer = await desk.link.transport.call(endpoints.heal_thread, body, thread=desk.thread)
        if "refused" in answer.commits:
            break
    if commits:
        await desk.catch_up()


async def _bring_recalls(desk: ThreadDesk) -> None:
    for item in [one for one in desk.state.own.values() if _recall_is_due(desk, one)]:
        recall = item.recall if item.state == "recalled" else _plain_recall(desk, item)
        assert recall is not None
        try:
            sent = await desk.link.transport.call(
                endpoints.recall_message, RecallBody(B64(recall), item.zone), thread=desk.thread
            )
            if item.state == "recalled":
                accept_answer(desk, item, sent, await desk.link.now())
        except NoSuchMessage:
            await _spend_id(desk, item, recall)
        except (AlreadyPlaced, NotHeld):
            pass  # placed before anybody could say so: it is shown, and told, when it is read
        item.healed = desk.state.generation
        desk.link.profile.save_thread(desk.state)


def _plain_recall(desk: ThreadDesk, item: OwnItem) -> bytes:
    """A Recall for a message that another took the place of: that one comes back by itself."""
    promise = bound(item)
    assert promise is not None
    return recall_of(desk, item.mid, promise.item_hash)


async def _spend_id(desk: ThreadDesk, item: OwnItem, recall: bytes) -> None:
    """The server does not know the message at all: have its id stay spent, so that nobody brings it back."""
    assert item.receipt is not None
    lost = LostItem(B64(item.newest or item.receipt), first=B64(item.receipt), recall=B64(recall))
    answer = await desk.link.transport.call(endpoints.heal_thread, Heal([lost]), thread=desk.thread)
    status = answer.items[0].status if answer.items else None
    if status is not None and item.state == "recalled":
        item.status = bytes(status)


def _lost_items(desk: ThreadDesk) -> Iterator[tuple[LostItem, OwnItem | None]]:
    """Messages in the order in which they were placed, then those that waited."""
    own = {one.mid: one for one in desk.state.own.values() if one.state == "lost" and one.receipt is not None}
    by_hash = {name: one for one in own.values() for name in one.attempts}
    for kept in desk.state.lost:
        if kept.item is None or kept.promise is None or not _is_envelope(kept):
            continue
        item = by_hash.get(kept.place().item_hash)
        first = None if item is None or item.receipt is None else B64(item.receipt)
        yield LostItem(B64(kept.promise), envelope=B64(kept.item), first=first), item
        if item is not None:
            own.pop(item.mid, None)
    for item in own.values():
        if item.envelope is not None and item.receipt is not None:
            newest = B64(item.newest or item.receipt)
            yield LostItem(newest, envelope=B64(item.envelope), first=B64(item.receipt)), item


def _batches(
    items: Iterator[tuple[LostItem, OwnItem | None]],
) -> Iterator[list[tuple[LostItem, OwnItem | None]]]:
    batch: list[tuple[LostItem, OwnItem | None]] = []
    size = 0
    for one in items:
        length = len(one[0].envelope or b"")
        if batch and (len(batch) == _MOST or size + length > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += length
    if batch:
        yield batch


async def _take_up(desk: ThreadDesk, item: OwnItem, healed: HealedItem) -> None:
    """What became of an own message. The server's word for its new promise is checked like any other."""
    if healed.outcome not in _TAKEN:
        return
    if healed.promise is not None and bytes(healed.promise) != item.receipt:
        wrong = judge_revision(item, bytes(healed.promise), desk.link.receipt_keys)
        if wrong is not None:
            proof = {"held": item.receipt or b"", "shown": bytes(healed.promise)}
            desk.link.note([desk.log.find(*wrong, desk.log.n, proof)])
            return
    if healed.outcome == "known":
        sent = await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=item.mid)
        item.state = sent.state.state
        desk.link.note(list(accept_answer(desk, item, sent, await desk.link.now()).findings))
    else:
        item.state = "held"  # a placed one is marked so when it is read
    desk.link.profile.save_thread(desk.state)


def _missing(desk: ThreadDesk) -> list[tuple[str, dict[str, bytes]]]:
    waiting = [one for one in desk.state.lost if _is_envelope(one)]
    unplaced = {name for one in desk.state.own.values() if one.state == "held" for name in one.attempts}
    return [
        ("a message that was here before the restore is not back yet", {"entry": one.entry})
        for one in waiting
        if one.place().item_hash not in unplaced
    ]


def _is_envelope(one: KeptItem) -> bool:
    return one.place().item_type == ItemType.ENVELOPE
