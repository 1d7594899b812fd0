"""Device chains: reading those one may know, and growing one's own."""

from etherapy.binary import B64, Id16
from etherapy.protocol.people import AddLink, Chain, ChainLink, LinkAdded
from etherapy.protocol.problems import NoSuchChain
from etherapy.protocol.threads import PageQuery
from etherapy.server.growing import grow_chain
from etherapy.server.judging import readable
from etherapy.server.parts import Ctx
from etherapy.tep.links import MAX_LINKS, parse_link


async def read_chain(ctx: Ctx, chain: bytes, query: PageQuery) -> Chain:
    """A chain of one's own or of somebody one shares a thread with, from link `after` on."""
    rows = await ctx.parts.people.chain(ctx.caller, ctx.now, chain, min(query.after, MAX_LINKS))
    account = rows[0]["account_id"] if rows else None
    if account is None:
        raise NoSuchChain()
    links = [ChainLink(B64(row["link"]), B64(row["link_promise"]), row["log_index"]) for row in rows]
    return Chain(Id16(account), links[: max(query.limit, 1)])


async def add_link(ctx: Ctx, body: AddLink) -> LinkAdded:
    """Grow the caller's own chain by one link that a device of it signed. The same link again gets the
    same answer."""
    devices, who = ctx.parts.devices, ctx.caller
    with readable():
        link = parse_link(body.link)
    promise = await grow_chain(
        ctx,
        who.practice,
        link,
        lambda: devices.own_chain(who, ctx.now),
        lambda step: devices.grow(who, ctx.now, step),
    )
    return LinkAdded(B64(promise))
