"""The rules of a thread together with those of whoever covers in it (A-6, docs/rules.md 11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from etherapy.rules.layers import Cover, Rules
from etherapy.server.parts import Ctx
from etherapy.server.sheets import make_sheet, rules_in_force
from etherapy.store.settings import NewSheet
from etherapy.tep.consent import parse_consent
from etherapy.tep.epoch import Role


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
    """Somebody who covers, with the name that clients read and a rule set of their own (None: never set)."""

    account: bytes
    name: str
    since: int
    until: int
    rules: bytes | None


def cover_term(account: bytes, name: str, consent: bytes, rules: bytes | None) -> CoverTerm:
    """Somebody who covers, from the core of the consent that let them in."""
    term = parse_consent(consent)
    return CoverTerm(account, name, term.since, term.until, rules)


def covered_rules(practice: bytes | None, owner: bytes | None, covers: Iterable[CoverTerm]) -> Rules:
    """The owner's rules and beside them each cover's: the practice's layer with their own. BadRules if
    they make none."""
    found = [
        Cover(
            by=one.account.hex(),
            name=one.name,
            since=one.since,
            until=one.until,
            rules=rules_in_force(practice, one.rules).entries,
        )
        for one in covers
    ]
    rules = rules_in_force(practice, owner)
    return rules.covered_by(found) if found else rules


async def next_sheet(ctx: Ctx, thread: bytes, members_after: Sequence[MemberTerm]) -> NewSheet:
    """The sheet that follows when these are the members, for the command that changes them.

    It is stored in that command's transaction by write_sheet.sql, which finds out whether rules changed
    meanwhile.
    """
    terms = {member.account: member for member in members_after if member.covers}
    rows = await ctx.parts.rule_sets.basis(ctx.caller, ctx.now, thread, list(terms))
    owner, *covers = rows
    rules = covered_rules(
        owner["practice_rules"],
        owner["rules"],
        [_cover(terms[row["account_id"]], row["display_name"], row["rules"]) for row in covers],
    )
    r = owner["rules_rev"] + 1
    chains = [member.chain for member in members_after]
    made = make_sheet(thread, r, owner["rules_hash"], ctx.now, rules, chains, ctx.parts.random)
    salts = [(member.account, salt) for member, salt in zip(members_after, made.salts, strict=True)]
    versions = [(ctx.caller.practice, owner["practice_version"])]
    versions += [(row["account_id"], row["version"]) for row in rows]
    return NewSheet(thread, r, made.sheet, made.rules_hash, made.shared, salts, versions)


def _cover(term: MemberTerm, name: str, rules: bytes | None) -> CoverTerm:
    return CoverTerm(term.account, name, term.since, term.until, rules)
