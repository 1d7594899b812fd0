"""What the rules are asked about a member's message, and by which rules it is decided."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from etherapy.rules.decision import Decision
from etherapy.rules.replay import Question
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Counted, Facts, SenderRole
from etherapy.server.memory import member_rules
from etherapy.server.parts import Ctx
from etherapy.store.threads import ThreadFacts
from etherapy.tep.roster import CLIENT_SIDE, Role

SENDER_ROLES: Final[dict[int, SenderRole]] = {
    Role.CLIENT: "client",
    Role.THERAPIST: "therapist",
    Role.CO_THERAPIST: "colleague",
    Role.FAMILY: "family",
}


def rules_for(facts: ThreadFacts, account: bytes) -> Rules:
    """The thread's rules as they hold for this member, what is agreed with it alone included (A-7)."""
    return member_rules(facts.rules, facts.members[account].part)


async def with_sent(ctx: Ctx, thread: bytes, facts: ThreadFacts, account: bytes) -> ThreadFacts:
    """The facts with what limits on this member's messages count; asked only where its rules count anything.

    The caller must be that member: kept in memory only once the database has accepted a message of it.
    """
    lookback = rules_for(facts, account).lookback if account in facts.members else timedelta()
    if not lookback or account in facts.sent:
        return facts
    found = await ctx.parts.threads.sent_since(ctx.caller, ctx.now, thread, ctx.now - lookback)
    return replace(facts, sent={**facts.sent, account: tuple(found.values())})


def question_of(
    facts: ThreadFacts,
    account: bytes,
    now: datetime,
    service_class: int,
    urgent: bool,
    size: int,
    at_once_because: str = "",
    before: Decision | None = None,
) -> Question:
    """What is asked of a message that this member sends now.

    Of an urgent one neither acknowledgements nor what was sent before plays a part: it is seen at once, and
    would tell that something waits (G5). For what takes the place of another message of a client, limits
    were settled before; a therapist may have a reason now.
    """
    member = facts.members[account]
    by_client, at = member.role in CLIENT_SIDE, max(now, member.last_accepted_at or now)
    attempt = Attempt(
        at=at,
        by_client=by_client,
        service_class=service_class,
        urgent=urgent,
        size=size,
        role=SENDER_ROLES[member.role],
        account=account.hex(),
        at_once_because="" if by_client else at_once_because,
        ready_at=max(at, before.not_before or at) if before is not None and by_client else None,
    )
    known = Facts(
        turn_reply_by=facts.turn_reply_by,
        acked_until=None if urgent else member.acked_until,
        turn_urgent=facts.turn_urgent,
        turn=facts.turn,
        sent=() if urgent else counted(facts, account, at),
        first_contact=by_client and not facts.begun and not member.wrote,
    )
    return Question(attempt, known, facts.rules_rev, before)


def counted(facts: ThreadFacts, account: bytes, at: datetime) -> tuple[Counted, ...]:
    """What limits on this member's messages count, exactly as far back as its rules ask."""
    since = at - rules_for(facts, account).lookback
    return tuple(one for one in facts.sent.get(account, ()) if max(one.at, one.counts_at or one.at) >= since)


def with_taken(facts: ThreadFacts, account: bytes, taken: Counted) -> ThreadFacts:
    """The facts after one message more of this member; only what was asked for is kept up."""
    member = replace(facts.members[account], wrote=True)
    facts = replace(facts, members={**facts.members, account: member})
    if account not in facts.sent:
        return facts
    return replace(facts, sent={**facts.sent, account: (*facts.sent[account], taken)})
