"""The rules of a thread together with those of whoever covers in it (A-6, docs/rules.md 11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.resolved import Cover, Rules
from etherapy.server.parts import Ctx
from etherapy.server.sheets import Authored, make_sheet, read_sets, refused
from etherapy.store.settings import NewSheet
from etherapy.tep.consent import parse_consent
from etherapy.tep.roster import CLIENT_SIDE, Role


@dataclass(frozen=True, slots=True)
class MemberTerm:
    """A member as of a change, and from when to when by the consent. Times in ms; `until` 0: open."""

    account: bytes
    chain: bytes
    role: int
    since: int = 0
    until: int = 0

    @property
    def covers(self) -> bool:
        """Whether this is a colleague who reads for a time; only then do rules of theirs count."""
        return self.role == Role.CO_THERAPIST and self.until != 0


@dataclass(frozen=True, slots=True)
class CoverTerm:
    """Somebody who covers, with the name that clients read."""

    account: bytes
    name: str
    since: int
    until: int


def cover_term(account: bytes, name: str, consent: bytes) -> CoverTerm:
    """Somebody who covers, from the core of the consent that let them in."""
    term = parse_consent(consent)
    return CoverTerm(account, name, term.since, term.until)


def covered_rules(authored: Authored, covers: Iterable[CoverTerm]) -> Rules:
    """The rules of a thread and beside them each cover's: the practice's layer with their own. BadRule if
    they make none."""
    rules = authored.rules()
    found = [
        Cover(
            by=one.account.hex(),
            name=one.name,
            since=one.since,
            until=one.until,
            rules=authored.of_cover(one.account).entries,
        )
        for one in covers
    ]
    return rules.covered_by(found) if found else rules


async def next_sheet(ctx: Ctx, thread: bytes, members_after: Sequence[MemberTerm]) -> NewSheet:
    """The sheet that follows when these are the members, for the command that changes them.

    It is stored in that command's transaction by write_sheet.sql, which finds out whether rules changed
    meanwhile.
    """
    clients = [one.account for one in members_after if one.role in CLIENT_SIDE]
    covers = [one for one in members_after if one.covers]
    row = await ctx.parts.rule_sets.basis(
        ctx.caller, ctx.now, thread, clients, [one.account for one in covers]
    )
    sets = read_sets(row)
    authored = Authored(ctx.caller.practice, row["owner"], sets, thread, tuple(clients))
    terms = [
        CoverTerm(one.account, name, one.since, one.until)
        for one, name in zip(covers, row["cover_names"], strict=True)
    ]
    accounts = [member.account for member in members_after]
    try:
        rules, parts = covered_rules(authored, terms), authored.parts(accounts)
    except BadRule as bad:
        raise refused(bad) from None
    members = zip(accounts, (member.chain for member in members_after), parts, strict=True)
    made = make_sheet(
        thread, row["rules_rev"] + 1, row["rules_hash"], ctx.now, rules, members, ctx.parts.random
    )
    return replace(made, made_of={key: kept.version for key, kept in sets.items()})
