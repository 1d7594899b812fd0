"""Rule sets: reading them, and putting new ones in force without worsening a promise (decisions.md D-4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from etherapy.protocol.agreed_rules import RuleSet, RulesSet, SetRules
from etherapy.protocol.problems import Busy, StaleVersion
from etherapy.rules.canonical import canonical_json
from etherapy.rules.judgement import decide
from etherapy.rules.layers import Rules
from etherapy.rules.rule import Attempt, Facts
from etherapy.server.acceptance import earlier_promise, reader_of, window_of
from etherapy.server.admission import audit_leaf
from etherapy.server.covering import cover_term, covered_rules
from etherapy.server.parts import Ctx
from etherapy.server.sheets import NO_PART, keep_rules, make_sheet, read_rules, rules_in_force
from etherapy.store.database import Record
from etherapy.store.messages import DayRecord
from etherapy.store.people import AuditLeaf
from etherapy.store.settings import Earlier, NewSheet
from etherapy.tep.epoch import parse_commit
from etherapy.tep.receipts import parse_receipt
from etherapy.tep.statements import Promise

_TRIES = 5


async def read_own_rules(ctx: Ctx) -> RuleSet:
    """The calling therapist's own rule set."""
    first = (await ctx.parts.rule_sets.load(ctx.caller, ctx.now, whole=False))[0]
    return RuleSet(first["owner_version"], read_rules(first["owner_rules"]))


async def set_own_rules(ctx: Ctx, body: SetRules) -> RulesSet:
    """Put a new version of the calling therapist's rules in force."""
    return await _set(ctx, body, whole=False)


async def read_practice_rules(ctx: Ctx) -> RuleSet:
    """The practice's defaults."""
    first = (await ctx.parts.rule_sets.load(ctx.caller, ctx.now, whole=True))[0]
    return RuleSet(first["practice_version"], read_rules(first["practice_rules"]))


async def set_practice_rules(ctx: Ctx, body: SetRules) -> RulesSet:
    """Put a new version of the practice's defaults in force, for all its threads."""
    return await _set(ctx, body, whole=True)


async def _set(ctx: Ctx, body: SetRules, whole: bool) -> RulesSet:
    """A new version, a sheet for each thread it reaches, and the held messages that it brings forward.

    Threads go on while this is prepared; only a newer version of the same rules is somebody's to decide
    about.
    """
    kept = keep_rules("practice" if whole else "therapist", body.rules)
    for _ in range(_TRIES):
        first, *rows = await ctx.parts.rule_sets.load(ctx.caller, ctx.now, whole)
        if body.follows != first["practice_version" if whole else "owner_version"]:
            raise StaleVersion()
        await _refuse_misfits(ctx, first, kept, whole)
        owner = ctx.caller.practice if whole else first["owner"]
        reached = [_reach(ctx, row, {owner: kept}) for row in rows]
        earlier, seen = await _earlier(ctx, reached)
        audit = _audit(ctx, owner, first["owner"], body.follows + 1, reached)
        sheets = [one.new for one in reached]
        if await ctx.parts.rule_sets.set(
            ctx.caller, ctx.now, owner, body.follows, kept, NO_PART, sheets, earlier, seen, audit
        ):
            for sheet in sheets:
                ctx.parts.memory.forget((ctx.caller.practice, sheet.thread))
            ctx.parts.expect(ctx.caller.practice, ctx.now)
            return RulesSet(body.follows + 1, len(reached))
    raise Busy()


async def _refuse_misfits(ctx: Ctx, first: Record, kept: bytes, whole: bool) -> None:
    """BadRules for rules that make none with those beside them: now, not when the first client comes."""
    if not whole:
        rules_in_force(first["practice_rules"], kept)
        return
    for row in await ctx.parts.rule_sets.in_force(ctx.caller, ctx.now):
        if row["owner"] != ctx.caller.practice:
            rules_in_force(kept, row["rules"])


def _audit(ctx: Ctx, owner: bytes, by: bytes, version: int, reached: list["_Reached"]) -> list[AuditLeaf]:
    """A leaf for the rule set, and one for each sheet that follows from it (A-7)."""
    at, random = ctx.now.isoformat(), ctx.parts.random
    sheets = [one.new for one in reached]
    return [
        audit_leaf(random, "rules.set", owner=owner, version=version, by=by, at=at),
        *(
            audit_leaf(random, "sheet.made", thread=s.thread, r=s.r, rules_hash=s.rules_hash, at=at)
            for s in sheets
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Reached:
    """A thread that a change reaches, with its next sheet."""

    rules: Rules
    new: NewSheet
    covers: Mapping[bytes, str]
    """Chain -> `Cover.by`."""


def _reach(ctx: Ctx, row: Record, changed: Mapping[bytes, bytes]) -> _Reached:
    """The next sheet of a thread, where the set of one owner (or the practice's) is another from now on."""
    covers = zip(
        row["covers"] or (),
        row["cover_names"] or (),
        row["cover_consents"] or (),
        row["cover_rules"] or (),
        strict=True,
    )
    terms = [
        cover_term(account, name, consent, changed.get(account, rules))
        for account, name, consent, rules in covers
    ]
    rules = covered_rules(
        changed.get(ctx.caller.practice, row["practice_rules"]),
        changed.get(row["owner"], row["owner_rules"]),
        terms,
    )
    r = row["rules_rev"] + 1
    made = make_sheet(row["thread_id"], r, row["rules_hash"], ctx.now, rules, row["chains"], ctx.parts.random)
    salts = tuple(zip(row["members"], made.salts, strict=True))
    chains = dict(zip(row["members"], row["chains"], strict=True))
    sheet = NewSheet(row["thread_id"], r, made.sheet, made.rules_hash, made.shared, salts)
    return _Reached(rules, sheet, {chains[term.account]: term.account.hex() for term in terms})


async def _earlier(ctx: Ctx, reached: list[_Reached]) -> tuple[list[Earlier], list[bytes]]:
    """Held messages whose promise the new rules improve, and the mids of all that were weighed. None ever
    moves later here."""
    by_thread = {one.new.thread: one for one in reached}
    rows = await ctx.parts.rule_sets.held(ctx.caller, ctx.now, list(by_thread))
    found = (_improved(ctx, row, by_thread[row["thread_id"]], ctx.now) for row in rows)
    return [one for one in found if one is not None], [row["mid"] for row in rows]


def _readable(row: Record, one: _Reached) -> Rules:
    """The rules with those covers only for whom this message is sealed: no other could read it (A-4)."""
    if row["commit"] is None:
        return one.rules
    roster = {each.chain_id for each in parse_commit(row["commit"]).core.roster}
    sealed_for = {by for chain, by in one.covers.items() if chain in roster}
    return one.rules.covered_by(cover for cover in one.rules.covers if cover.by in sealed_for)


def _improved(ctx: Ctx, row: Record, one: _Reached, now: datetime) -> Earlier | None:
    attempt = Attempt(at=now, by_client=True, service_class=row["service_class"])
    rules = _readable(row, one)
    decision = decide(rules, attempt, Facts())
    kept, new = row["release_at"], decision.release_at
    if new is None or (kept is not None and new >= kept):
        return None
    times = [at for at in (row["reply_by"], decision.reply_by) if at is not None]
    reply_by = min(times, default=None)
    old = Promise.unpack(parse_receipt(row["promise"]).core)
    receipt, named = earlier_promise(old, new, reply_by, one.new.r, one.new.rules_hash, ctx.parts.secrets)
    record = {
        "act": "promise.earlier",
        "thread": row["thread_id"].hex(),
        "account": row["account_id"].hex(),
        "at": now.isoformat(),
        "release_at": new.isoformat(),
        "was": None if kept is None else kept.isoformat(),
    }
    day = DayRecord(now, ctx.parts.random(16), ctx.parts.random(32), canonical_json(record))
    window, reader = window_of(rules, decision), reader_of(decision)
    return Earlier(row["account_id"], row["mid"], new, reply_by, window, receipt, named, day, reader)
