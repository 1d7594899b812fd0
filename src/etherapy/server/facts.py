"""What handlers ask of a thread before they decide anything, and of a zone that somebody names."""

from etherapy.protocol.problems import BadRules
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.server.parts import Ctx
from etherapy.store.threads import ThreadFacts


async def fresh_facts(ctx: Ctx, thread: bytes) -> tuple[ThreadFacts, bytes]:
    """The thread's facts from the database, and the caller's account. Refused: it has no part in it."""
    facts, account, told = await ctx.parts.threads.facts(ctx.caller, ctx.now, thread)
    ctx.parts.hub.tell(ctx.caller.practice, told)
    return facts, account


def check_zone(name: str) -> None:
    """BadRules for a zone that does not exist; empty is the practice's own."""
    if name:
        try:
            zone(name)
        except BadRule as bad:
            raise BadRules("zone", bad.problem, bad.mend) from None
