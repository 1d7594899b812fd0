"""What waits on this device until it is known to have arrived (A-9, tep.md §7)."""

from contextlib import suppress

from etherapy.protocol import endpoints
from etherapy.protocol.problem import Problem
from etherapy.sdk.faults import DeviceFault, NotInThread, NotSentYet, Refuted, ThreadHalted
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.replacing import deliver_replacement
from etherapy.sdk.messages.sending import deliver, drop, read_own, take_answer
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.message import RefusedDraft, SentMessage


async def send_again(desk: ThreadDesk) -> tuple[list[SentMessage], list[RefusedDraft]]:
    """Everything in the outbox, in order. What is still on its way stays there.

    The roster is looked at first, as for everything that is sealed; the bytes stay the same all the same, for
    they may have arrived. Sealed under an epoch that has passed, they come back as stale.
    """
    waiting = [one for one in desk.state.own.values() if one.state == "outbox"]
    sent: list[SentMessage] = []
    refused: list[RefusedDraft] = []
    with suppress(Refuted, NotInThread, ThreadHalted):  # told by the thread, and by the server's answer
        await settle_epoch(desk)
    while desk.arrived:
        sent.append(await _fetch(desk, desk.arrived[-1]))
        desk.arrived.pop()
    for item in waiting:
        try:
            sent.append(await _send(desk, item))
        except NotSentYet:
            break
        except (Problem, DeviceFault) as cause:
            if not item.same:  # sealed anew only: the old one stands, and nothing is lost
                refused.append(RefusedDraft(desk.thread, item.mid, read_own(desk, item.sealed), cause))
            drop(desk, item)
    return sent, refused


async def _fetch(desk: ThreadDesk, mid: bytes) -> SentMessage:
    """The receipt of a message that had arrived after all, and was read before it could be sent again."""
    item = desk.state.own[mid]
    old = desk.state.own.get(item.replaces) if item.replaces else None
    if old is not None:
        old.state, old.replaced_by, old.envelope = "replaced", mid, None
    sent = await desk.link.transport.call(endpoints.read_message, thread=desk.thread, mid=mid)
    return await take_answer(desk, item, sent)


async def _send(desk: ThreadDesk, item: OwnItem) -> SentMessage:
    return await (deliver_replacement(desk, item) if item.replaces else deliver(desk, item))
