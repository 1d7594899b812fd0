"""History grants: epoch secrets from one device to another, which pass through here sealed (tep.md §6.7)."""

from etherapy.binary import B64
from etherapy.protocol.membership import GiveHistory, Grants
from etherapy.protocol.problems import NoSeat
from etherapy.server.judging import expect, readable
from etherapy.server.parts import Ctx
from etherapy.server.succession import chains_of
from etherapy.store.membership import SealedGrant
from etherapy.tep.chain import Chain
from etherapy.tep.grant import SignedGrant, grant_verifies, parse_grant


async def give_history(ctx: Ctx, thread: bytes, body: GiveHistory) -> None:
    """Keep grants by a device of the caller for devices of the newest epoch. The same grant again changes
    nothing."""
    with readable():
        grants = [parse_grant(each) for each in body.grants]
    roster = await ctx.parts.membership.roster(ctx.caller, ctx.now, thread, 0)
    own = chains_of(roster)[roster.people[roster.caller].chain]
    for signed in grants:
        expect(signed.grant.thread == thread, "thread")
        expect(all(epoch <= roster.epoch for epoch in signed.grant.epochs), "epochs")
    ready = [_checked(signed, own) for signed in grants]
    said = await ctx.parts.membership.give_history(ctx.caller, ctx.now, thread, ready)
    ctx.parts.hub.tell(ctx.caller.practice, said.told)
    if said.outcome == "giver":
        raise NoSeat()
    expect(said.outcome == "given", said.outcome)


def _checked(signed: SignedGrant, own: Chain) -> SealedGrant:
    """A grant that an active device of the caller's signed."""
    giver = own.devices.get(signed.grant.giver)
    expect(giver is not None and giver.active, "giver")
    assert giver is not None
    expect(grant_verifies(signed, giver.sign_pk), "signature")
    return SealedGrant(
        signed.grant.giver, giver.sign_pk, signed.grant.receiver, signed.grant_hash, signed.whole
    )


async def read_grants(ctx: Ctx, thread: bytes) -> Grants:
    """What was granted to the very device that asks."""
    sealed = await ctx.parts.membership.grants(ctx.caller, ctx.now, thread)
    return Grants([B64(one) for one in sealed])
