"""A device chain grows: one verified link, and everything that must follow from it in the same transaction
(tep.md §5.2, tep_amendments.md A-5).

Every rule of a chain is judged by `tep.chain`; here is what the server adds: recorded times, the promise of
a place in the log, the return of what a removed device had waiting.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from etherapy.protocol.problems import Busy, NoSuchRequest, StaleChain
from etherapy.rules.calendar import milliseconds
from etherapy.server.admission import audit_leaf, new_device, new_link
from etherapy.server.judging import expect, verified
from etherapy.server.parts import Ctx
from etherapy.server.returning import held_of, sign_returns
from etherapy.store.devices import ChainStep, Grown, KnownChain
from etherapy.store.people import AuditLeaf
from etherapy.tep.chain import Chain, Device, verify_chain
from etherapy.tep.links import Link, Op
from etherapy.tep.statements import StatusReason

MOST_LOOKS: Final = 6
"""How often is looked again when something was sent, placed or linked between the look and the command."""

Read = Callable[[], Awaitable[KnownChain]]
Write = Callable[[ChainStep], Awaitable[Grown]]


async def grow_chain(ctx: Ctx, practice: bytes, link: Link, read: Read, write: Write) -> bytes:
    """The promise that the link is in the log soon. The same link again gets the first promise.

    `read` gives the chain as it is stored, `write` stores a step. Problems: Unverified, StaleChain (another
    link has this place), DeviceTaken, NoSuchRequest (the offer behind it is gone), Busy.
    """
    for _ in range(MOST_LOOKS):
        known = await read()
        if (promise := recorded_promise(known, link)) is not None:
            ctx.mark_repeated()
            return promise
        step = await _prepare(ctx, practice, known, link)
        grown = await write(step)
        _tell(ctx, practice, known.account, grown)
        if grown.outcome == "added":
            return step.link.link_promise
        if grown.outcome == "gone" and recorded_promise(await read(), link) is None:
            raise NoSuchRequest()
    raise Busy()


def recorded_promise(known: KnownChain, link: Link) -> bytes | None:
    """The promise of a link that is stored already; StaleChain if another one is in its place."""
    expect(link.core.chain_id == known.chain, "chain")
    if link.core.seq >= len(known.links):
        return None
    if known.links[link.core.seq] != link.whole:
        raise StaleChain()
    return known.link_promises[link.core.seq]


def verified_chain(known: KnownChain) -> Chain:
    """The chain with the times at which its links were recorded."""
    return verify_chain(known.links, [milliseconds(at) for at in known.recorded])


async def _prepare(ctx: Ctx, practice: bytes, known: KnownChain, link: Link) -> ChainStep:
    recorded_at = max(ctx.now, known.last_placed_at or ctx.now)
    with verified():
        before = verified_chain(known)
        after = before.add(link, milliseconds(recorded_at))
    gone = _gone(before, after)
    held = await held_of(ctx, [known.account], gone) if gone else []
    reason = StatusReason.USER_REMOVED if after.closed else StatusReason.DEVICE_REMOVED
    returns = sign_returns(ctx, held, reason, after.head, recorded_at)
    changed = _changed(before, after, link)
    return ChainStep(
        op=link.core.op,
        seq=after.seq,
        head=after.head,
        link=new_link(
            ctx.parts.secrets,
            practice,
            known.generation,
            known.account,
            after.chain_id,
            after.seq,
            link.whole,
            after.head,
            recorded_at,
            ctx.parts.random,
        ),
        recorded_at=recorded_at,
        audit=_audit(ctx, known.account, link, recorded_at),
        device=None if changed is None else new_device(changed),
        gone=gone,
        mids=returns.mids,
        statuses=returns.statuses,
    )


def _gone(before: Chain, after: Chain) -> list[bytes]:
    """Who was active and is not any more; a closed account has no active device."""
    return [
        one.device_id for one in before.active() if after.closed or not after.devices[one.device_id].active
    ]


def _changed(before: Chain, after: Chain, link: Link) -> Device | None:
    """The device that came in or whose X-Wing key is another now."""
    if link.core.op == Op.ROTATE:
        return after.devices[link.core.signer]
    return next((one for name, one in after.devices.items() if name not in before.devices), None)


def _audit(ctx: Ctx, account: bytes, link: Link, at: datetime) -> AuditLeaf:
    return audit_leaf(
        ctx.parts.random,
        "device.changed",
        account=account,
        op=Op(link.core.op).name.lower(),
        at=at.isoformat(),
    )


def _tell(ctx: Ctx, practice: bytes, account: bytes, grown: Grown) -> None:
    """Whoever waits looks again: a long poll of a revoked device ends here, with 401."""
    for thread in grown.threads:
        ctx.parts.memory.forget((practice, thread))
    ctx.parts.hub.tell(practice, {account, *grown.told})
    if grown.outcome == "added":
        ctx.parts.expect(practice, ctx.now)
