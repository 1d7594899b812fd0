"""Device chains: reading those one may know, and growing one's own."""

from etherapy.binary import B64, Id16
from etherapy.protocol.people import AddLink, Chain, ChainLink, LinkAdded
from etherapy.protocol.problems import NoSuchChain, StaleChain
from etherapy.protocol.threads import PageQuery
from etherapy.rules.calendar import milliseconds
from etherapy.server.admission import audit_leaf, new_device, new_link
from etherapy.server.judging import expect, readable, verified
from etherapy.server.parts import Ctx
from etherapy.tep.chain import verify_chain
from etherapy.tep.links import MAX_LINKS, Op, parse_link

_TAKEN = frozenset({Op.ADD})
"""Which operations are taken: revoking, rotating and replacing wait for everything that must follow them."""


async def read_chain(ctx: Ctx, chain: bytes, query: PageQuery) -> Chain:
    """A chain of one's own or of somebody one shares a thread with, from link `after` on."""
    rows = await ctx.parts.people.chain(ctx.caller, ctx.now, chain, min(query.after, MAX_LINKS))
    account = rows[0]["account_id"] if rows else None
    if account is None:
        raise NoSuchChain()
    links = [ChainLink(B64(row["link"]), B64(row["link_promise"]), row["log_index"]) for row in rows]
    return Chain(Id16(account), links[: max(query.limit, 1)])


async def add_link(ctx: Ctx, body: AddLink) -> LinkAdded:
    """Grow the caller's own chain by one link that a device of it signed."""
    people, secrets = ctx.parts.people, ctx.parts.secrets
    me = await people.person(ctx.caller, ctx.now)
    place = await people.practice(ctx.caller.practice)
    with readable():
        link = parse_link(body.link)
    expect(link.core.op in _TAKEN, "op")
    rows = await people.chain(ctx.caller, ctx.now, me["chain_id"], 0)
    with verified():
        before = verify_chain(
            [row["link"] for row in rows], [milliseconds(row["recorded_at"]) for row in rows]
        )
        after = before.add(link, milliseconds(ctx.now))
    fresh = [new_device(device) for key, device in after.devices.items() if key not in before.devices]
    new = new_link(
        secrets,
        ctx.caller.practice,
        place["generation"] if place else 1,
        me["account_id"],
        after.chain_id,
        after.seq,
        body.link,
        after.head,
        ctx.now,
        ctx.parts.random,
    )
    audit = audit_leaf(
        ctx.parts.random,
        "device.changed",
        account=me["account_id"],
        op=Op(link.core.op).name.lower(),
        at=ctx.now.isoformat(),
    )
    outcome = await people.add_link(ctx.caller, ctx.now, after.seq, after.head, new, fresh[0], audit)
    if outcome != "added":
        raise StaleChain()
    ctx.parts.expect(ctx.caller.practice, ctx.now)
    return LinkAdded(B64(new.link_promise))
