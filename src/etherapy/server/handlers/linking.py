"""A new device asks to be linked, an active one agrees, the new one signs as well (tep.md §5.9).

The server relays and checks; it cannot agree for anybody, since the link carries both signatures.
"""

from datetime import datetime, timedelta
from typing import Final

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.pairing import (
    AskLink,
    CompleteLink,
    LinkAsked,
    LinkOffer,
    LinkProgress,
    LinkRequest,
    LinkRequests,
    OfferLink,
    ProgressQuery,
)
from etherapy.protocol.people import ChainLink, LinkAdded
from etherapy.protocol.problems import (
    BadFormat,
    NoSuchRequest,
    StaleChain,
    TooManyWaiting,
)
from etherapy.server.growing import grow_chain, verified_chain
from etherapy.server.judging import expect, readable, verified
from etherapy.server.parts import Ctx
from etherapy.signing import verify
from etherapy.store.database import Record
from etherapy.store.devices import KnownChain
from etherapy.tep.links import DeviceClass, LinkCore, Op, parse_link, parse_link_core, signer_bytes
from etherapy.tep.pairing import code_of, lookup_id, request_hash
from etherapy.tep.xwing import well_formed

REQUEST_LIFE: Final = timedelta(minutes=15)
MOST_WAITING: Final = 1_000
"""Open requests of one practice; a flood of them ends by itself within their life."""


async def ask_link(ctx: Ctx, practice: bytes, body: AskLink) -> LinkAsked:
    """Leave the public keys of a new device, for an active device of the same person to find. Asking again
    meets the same request."""
    if not well_formed(body.hpke_pk):
        raise BadFormat("hpke_pk")
    name = request_hash(body.sign_pk, body.hpke_pk, body.device_class)
    expect(body.lookup == lookup_id(code_of(name)), "lookup")
    keys = (bytes(body.sign_pk), bytes(body.hpke_pk))
    outcome, until = await ctx.parts.devices.ask(
        practice, ctx.now, body.lookup, keys, body.device_class, ctx.now + REQUEST_LIFE, MOST_WAITING
    )
    expect(outcome != "other", "lookup")
    if outcome == "full":
        raise TooManyWaiting()
    if outcome == "again":
        ctx.mark_repeated()
    return LinkAsked(until or ctx.now + REQUEST_LIFE)  # which practices there are is told to nobody


async def read_link_progress(ctx: Ctx, practice: bytes, lookup: bytes, query: ProgressQuery) -> LinkProgress:
    """Where the request of a new device stands. With `wait`, the answer waits while that is `state`."""
    mark = ctx.parts.hub.mark
    found = await _progress(ctx, practice, lookup, ctx.now)
    if found.state == query.state and query.wait:
        news = ctx.parts.hub.wait(practice, lookup, mark)
        await ctx.wait(news, timedelta(seconds=query.wait))
        found = await _progress(ctx, practice, lookup, ctx.parts.clock.now())
    return found


async def _progress(ctx: Ctx, practice: bytes, lookup: bytes, now: datetime) -> LinkProgress:
    row = await ctx.parts.devices.request(practice, lookup, now)
    if row is None:
        raise NoSuchRequest()
    if row["ended"] is not None:
        return LinkProgress(row["ended"])
    if row["core"] is None:
        return LinkProgress("waiting")
    known = await ctx.parts.devices.chain_of(practice, row["account_id"])
    if parse_link_core(row["core"]).seq != len(known.links):
        return LinkProgress("waiting")  # the chain has grown since: a newer offer is needed
    return LinkProgress("offered", _offer(row, known))


def _offer(row: Record, known: KnownChain) -> LinkOffer:
    links = zip(known.links, known.link_promises, known.indexes, strict=True)
    return LinkOffer(
        account=Id16(known.account),
        chain=[ChainLink(B64(link), B64(promise), index) for link, promise, index in links],
        core=B64(row["core"]),
        signature=B64(row["signature"]),
        confirmation=None if row["confirmation"] is None else Hash32(row["confirmation"]),
    )


async def read_link_requests(ctx: Ctx) -> LinkRequests:
    """New devices that wait by the caller's own passphrase: at most one."""
    rows = await ctx.parts.devices.requests(ctx.caller, ctx.now)
    return LinkRequests([_shown(row) for row in rows])


async def read_link_request(ctx: Ctx, lookup: bytes) -> LinkRequest:
    """One new device that waits, found by the code that it shows."""
    row = await ctx.parts.devices.seen_request(ctx.caller, ctx.now, lookup)
    if row["ended"] is not None:
        raise NoSuchRequest()
    return _shown(row)


def _shown(row: Record) -> LinkRequest:
    return LinkRequest(
        lookup=Id16(row["lookup_id"]),
        sign_pk=Hash32(row["sign_pk"]),
        hpke_pk=B64(row["hpke_pk"]),
        device_class=row["class"],
        asked_at=row["asked_at"],
        by_passphrase=row["by_passphrase"],
    )


async def offer_link(ctx: Ctx, lookup: bytes, body: OfferLink) -> None:
    """Agree to a new device: the next link of the caller's chain, signed. It counts once the new device
    has signed too."""
    with readable():
        core = parse_link_core(body.core)
    row = await ctx.parts.devices.seen_request(ctx.caller, ctx.now, lookup)
    if row["ended"] == "linked" and row["core"] == body.core:
        return ctx.mark_repeated()
    known = await ctx.parts.devices.own_chain(ctx.caller, ctx.now)
    _check_offer(known, core, body, row)
    outcome = await ctx.parts.devices.offer(
        ctx.caller, ctx.now, lookup, body.core, body.signature, body.confirmation
    )
    if outcome != "offered":
        raise NoSuchRequest()
    ctx.parts.hub.tell(ctx.caller.practice, [lookup])
    return None


def _check_offer(known: KnownChain, core: LinkCore, body: OfferLink, row: Record) -> None:
    """What can be judged before the new device has signed; all of it is judged again when it has."""
    expect(core.op == Op.ADD, "op")
    expect((core.sign_pk, core.hpke_pk, core.device_class) == _keys_of(row), "keys")
    expect(core.chain_id == known.chain, "chain")
    if core.seq < len(known.links):
        raise StaleChain()
    with verified():
        chain = verified_chain(known)
    expect((core.seq, core.prev) == (chain.seq + 1, chain.head) and not chain.closed, "prev")
    signer, asking = chain.devices.get(core.signer), chain.devices[known.device]
    if signer is None or not signer.active:
        return expect(False, "signer")
    expect(DeviceClass.WEB not in (signer.device_class, asking.device_class), "class")
    return expect(verify(signer.sign_pk, signer_bytes(body.core), body.signature), "signature")


def _keys_of(row: Record) -> tuple[bytes, bytes, int]:
    return row["sign_pk"], row["hpke_pk"], row["class"]


async def complete_link(ctx: Ctx, practice: bytes, lookup: bytes, body: CompleteLink) -> LinkAdded:
    """The offered link with both signatures: the new device is one of the person's from now on."""
    devices = ctx.parts.devices
    with readable():
        link = parse_link(body.link)
    row = await devices.request(practice, lookup, ctx.now)
    if row is None or row["core"] is None or row["ended"] == "refused":
        raise NoSuchRequest()
    expect((link.core_bytes, link.signatures[0]) == (row["core"], row["signature"]), "offer")
    promise = await grow_chain(
        ctx,
        practice,
        link,
        lambda: devices.chain_of(practice, row["account_id"]),
        lambda step: devices.complete(practice, lookup, row["account_id"], link.core_bytes, ctx.now, step),
    )
    ctx.parts.hub.tell(practice, [lookup])
    return LinkAdded(B64(promise))


async def refuse_link(ctx: Ctx, lookup: bytes) -> None:
    """Say no to a new device; it is told."""
    await ctx.parts.devices.refuse(ctx.caller, ctx.now, lookup)
    ctx.parts.hub.tell(ctx.caller.practice, [lookup])
