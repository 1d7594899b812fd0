"""Rules in words: the whole sheet, and the next opening, each as the member who asks may read it."""

from etherapy.protocol.rule_words import NextOpening, RuleWordsQuery, SheetInWords
from etherapy.rules.languages import words_in
from etherapy.rules.next_opening import next_opening
from etherapy.rules.sheet import Side, rule_sheet
from etherapy.server.facts import check_zone, fresh_facts
from etherapy.server.memory import member_rules
from etherapy.server.parts import Ctx
from etherapy.tep.roster import CLIENT_SIDE


async def read_rule_words(ctx: Ctx, thread: bytes, query: RuleWordsQuery) -> SheetInWords:
    """What holds for the member who asks, their own part included, and who set it."""
    check_zone(query.zone)
    facts, account = await fresh_facts(ctx, thread)
    member = facts.members[account]
    rules = member_rules(facts.rules, member.part)
    side: Side = "client" if member.role in CLIENT_SIDE else "therapist"
    return rule_sheet(rules, ctx.now, query.zone, words_in(query.language), side)


async def read_next_opening(ctx: Ctx, thread: bytes, query: RuleWordsQuery) -> NextOpening:
    """When the hours of a thread next begin, and by when a message of now would be answered."""
    check_zone(query.zone)
    facts, account = await fresh_facts(ctx, thread)
    rules = member_rules(facts.rules, facts.members[account].part)
    return next_opening(rules, ctx.now, facts.owner_name, query.zone, words_in(query.language), account.hex())
