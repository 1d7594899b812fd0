"""Rule sets: reading them, trying them, and putting new ones in force without worsening a promise
(decisions.md D-4)."""

from collections.abc import Sequence
from dataclasses import dataclass

from etherapy.protocol.agreed_rules import ExampleReply, RulesChecked, RuleSet, RulesSet, SetRules
from etherapy.protocol.problems import Busy, StaleVersion
from etherapy.protocol.rule_words import RuleWordsQuery
from etherapy.rules.examples import example_lines, examples
from etherapy.rules.languages import words_in
from etherapy.rules.layer import OF_A_THREAD
from etherapy.rules.sheet import rule_sheet
from etherapy.server.admission import audit_leaf
from etherapy.server.callees import refuse_strangers
from etherapy.server.earlier import improve
from etherapy.server.facts import check_zone
from etherapy.server.parts import Ctx
from etherapy.server.reaching import Change, Reached, change_of, reach, refuse_misfits, rules_before
from etherapy.server.sheets import Kept, in_sheets, read_rules, read_sets
from etherapy.server.tasks import tasks_for_change, tasks_for_place
from etherapy.store.database import Record
from etherapy.store.people import AuditLeaf
from etherapy.store.settings import SetName
from etherapy.store.tasks import NewTask

_TRIES = 5


async def read_own_rules(ctx: Ctx) -> RuleSet:
    """What the caller has set: a therapist for all threads of theirs, a client for themself."""
    return await _read(ctx, "own")


async def set_own_rules(ctx: Ctx, body: SetRules) -> RulesSet:
    """Put a new version of it in force."""
    return await _set(ctx, "own", body)


async def check_own_rules(ctx: Ctx, query: RuleWordsQuery, body: SetRules) -> RulesChecked:
    """What would follow from a new version of it."""
    return await _check(ctx, "own", body, query)


async def read_practice_rules(ctx: Ctx) -> RuleSet:
    """The practice's defaults."""
    return await _read(ctx, "practice")


async def set_practice_rules(ctx: Ctx, body: SetRules) -> RulesSet:
    """Put a new version of the practice's defaults in force, for all its threads."""
    return await _set(ctx, "practice", body)


async def check_practice_rules(ctx: Ctx, query: RuleWordsQuery, body: SetRules) -> RulesChecked:
    """What would follow from new defaults of the practice."""
    return await _check(ctx, "practice", body, query)


async def read_agreement(ctx: Ctx, thread: bytes) -> RuleSet:
    """What was agreed in a thread of the caller's, whoever it concerns."""
    return await _read(ctx, "agreement", thread)


async def set_agreement(ctx: Ctx, thread: bytes, body: SetRules) -> RulesSet:
    """Put a new version of the agreement in force, for this thread."""
    return await _set(ctx, "agreement", body, thread)


async def check_agreement(ctx: Ctx, thread: bytes, query: RuleWordsQuery, body: SetRules) -> RulesChecked:
    """What would follow from a new version of the agreement."""
    return await _check(ctx, "agreement", body, query, thread)


async def read_exceptions(ctx: Ctx, thread: bytes) -> RuleSet:
    """What is different in a thread of the caller's for a time."""
    return await _read(ctx, "exception", thread)


async def set_exceptions(ctx: Ctx, thread: bytes, body: SetRules) -> RulesSet:
    """Put new exceptions in force, for this thread; each has a reason and an end."""
    return await _set(ctx, "exception", body, thread)


async def check_exceptions(ctx: Ctx, thread: bytes, query: RuleWordsQuery, body: SetRules) -> RulesChecked:
    """What would follow from new exceptions."""
    return await _check(ctx, "exception", body, query, thread)


async def _read(ctx: Ctx, name: SetName, thread: bytes | None = None) -> RuleSet:
    row = await ctx.parts.rule_sets.read(ctx.caller, ctx.now, name, thread)
    kept = read_sets(row)[row["owner"], row["layer"]]
    return RuleSet(kept.version, read_rules(kept.rules))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A change with all that it reaches, on the state of one moment."""

    by: bytes
    change: Change
    reached: list[Reached]
    """Empty for what a client sets alone where nothing of it is in a sheet."""
    threads: list[bytes]
    """All for which the set counts."""
    elsewhere: list[NewTask]
    """For therapists who are not licensed where a client says to be from now on."""


async def _prepare(ctx: Ctx, name: SetName, body: SetRules, thread: bytes | None) -> _Prepared:
    """StaleVersion, BadRules: as things stand it cannot be done."""
    first, *rows = await ctx.parts.rule_sets.load(ctx.caller, ctx.now, name, thread)
    before = read_sets(first)[first["owner"], first["layer"]]
    if body.follows != before.version:
        raise StaleVersion()
    change = change_of(ctx, first, rows, body.rules)
    await refuse_misfits(ctx, change)
    await refuse_strangers(ctx, read_rules(change.kept))
    me = first["account_id"]
    private = first["layer"] == "client" and in_sheets([(me, before.rules)]) == in_sheets([(me, change.kept)])
    reached = [] if private else [reach(ctx, row, change) for row in rows]
    threads = [row["thread_id"] for row in rows]
    return _Prepared(first["account_id"], change, reached, threads, _elsewhere(ctx, change, before, rows))


def _elsewhere(ctx: Ctx, change: Change, before: Kept, rows: Sequence[Record]) -> list[NewTask]:
    if change.layer != "client":
        return []
    places = ((row["owner"], row["thread_id"], rules_before(ctx, row)) for row in rows)
    said = read_rules(before.rules), read_rules(change.kept)
    return tasks_for_place(*said, places, ctx.now, ctx.parts.random)


async def _set(ctx: Ctx, name: SetName, body: SetRules, thread: bytes | None = None) -> RulesSet:
    """A new version, a sheet for each thread it reaches, and the held messages that it brings forward.

    Threads go on while this is prepared; only a newer version of the same rules is somebody's to decide
    about.
    """
    for _ in range(_TRIES):
        made = await _prepare(ctx, name, body, thread)
        earlier, seen = await improve(ctx, [one.weighing for one in made.reached])
        changes = ((one.owner, one.before, one.weighing.rules) for one in made.reached)
        tasks = [*tasks_for_change(changes, ctx.now, ctx.parts.random), *made.elsewhere]
        done = await ctx.parts.rule_sets.set(
            ctx.caller,
            ctx.now,
            made.change.key,
            body.follows,
            made.change.kept,
            [one.new for one in made.reached],
            earlier,
            seen,
            tasks,
            _audit(ctx, made, body.follows + 1),
        )
        if done:
            for each in made.threads:
                ctx.parts.memory.forget((ctx.caller.practice, each))
            ctx.parts.expect(ctx.caller.practice, ctx.now)
            return RulesSet(body.follows + 1, len(made.threads))
    raise Busy()


async def _check(
    ctx: Ctx, name: SetName, body: SetRules, query: RuleWordsQuery, thread: bytes | None = None
) -> RulesChecked:
    """All that putting them in force would do, but for doing it."""
    check_zone(query.zone)
    made = await _prepare(ctx, name, body, thread)
    in_one = made.reached and made.change.layer in {*OF_A_THREAD, "client"}
    rules = made.reached[0].weighing.rules if in_one else made.change.base.rules()
    words = words_in(query.language)
    shown = zip(examples(rules, ctx.now), example_lines(rules, ctx.now, words, query.zone), strict=True)
    return RulesChecked(
        version=body.follows + 1,
        threads=len(made.threads),
        rules=read_rules(made.change.kept),
        examples=[
            ExampleReply(one.at, one.decision.code, one.decision.release_at, one.decision.reply_by, line)
            for one, line in shown
        ],
        words=rule_sheet(
            rules, ctx.now, query.zone, words, "client" if made.change.layer == "client" else "therapist"
        ),
    )


def _audit(ctx: Ctx, made: _Prepared, version: int) -> list[AuditLeaf]:
    """A leaf for the rule set, and one for each sheet that follows from it (A-7).

    What a client sets alone has none of its own: quiet hours and covert periods are nobody else's.
    """
    at, random, (owner, layer) = ctx.now.isoformat(), ctx.parts.random, made.change.key
    leaves = []
    if layer != "client":
        facts = {"owner": owner, "layer": layer, "version": version, "by": made.by, "at": at}
        leaves.append(audit_leaf(random, "rules.set", **facts))
    for sheet in (one.new for one in made.reached):
        facts = {"thread": sheet.thread, "r": sheet.r, "rules_hash": sheet.rules_hash, "at": at}
        leaves.append(audit_leaf(random, "sheet.made", **facts))
    return leaves
