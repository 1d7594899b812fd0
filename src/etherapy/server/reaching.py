"""What a change of rules reaches: the next sheet of each thread, and whose rules would not fit (A-7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from etherapy.binary import b64
from etherapy.protocol.problems import ThreadClosed
from etherapy.rules.announcements import announce
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.layer import OF_A_THREAD, Layer
from etherapy.rules.layers import overlong
from etherapy.rules.resolved import Rules
from etherapy.rules.support_tier import require_support
from etherapy.server.covering import cover_term, covered_rules
from etherapy.server.earlier import Weighing
from etherapy.server.parts import Ctx
from etherapy.server.sheets import (
    Authored,
    Kept,
    keep_rules,
    make_sheet,
    read_rules,
    read_sets,
    refused,
    rules_in_force,
)
from etherapy.store.database import Record
from etherapy.store.settings import NewSheet, SetKey
from etherapy.tep.roster import CLIENT_SIDE

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reached:
    """A thread that a change reaches, with its next sheet."""

    owner: bytes
    before: Rules
    """As they were for everybody, without those of covers."""
    weighing: Weighing
    """By which what waits in it is weighed again."""
    new: NewSheet


@dataclass(frozen=True, slots=True)
class Change:
    """A rule set as it would be from now on."""

    key: SetKey
    kept: bytes
    base: Authored
    """What holds with it: in its thread, or where nothing is agreed in a thread."""

    @property
    def layer(self) -> str:
        return self.key[1]


def change_of(ctx: Ctx, first: Record, rows: Sequence[Record], documents: Sequence[Document]) -> Change:
    """The change that somebody asks for, with coming phases announced. BadRules: these are no rules."""
    key: SetKey = (first["owner"], first["layer"])
    base = _base(ctx, first, rows)
    kept = keep_rules(key[1], documents)
    if any(document["kind"] == "phase" for document in documents):
        plain = [document for document in documents if document["kind"] != "phase"]
        plainly = rules_in_force(base.changed(key, keep_rules(key[1], plain)))
        today = plainly.timetable.date_of(ctx.now)
        kept = keep_rules(key[1], announce(documents, read_rules(base.sets[key].rules), today))
    change = Change(key, kept, base.changed(key, kept))
    rules_in_force(change.base)
    return change


def _base(ctx: Ctx, first: Record, rows: Sequence[Record]) -> Authored:
    if first["layer"] in OF_A_THREAD:
        if not rows:
            raise ThreadClosed()
        return _authored(ctx, rows[0])
    clients = (first["owner"],) if first["layer"] == "client" else ()
    return Authored(ctx.caller.practice, first["account_id"], read_sets(first), clients=clients)


def _authored(ctx: Ctx, row: Record) -> Authored:
    """The rule sets that hold in a thread now."""
    people = zip(row["members"], row["roles"], strict=True)
    clients = tuple(one for one, role in people if role in CLIENT_SIDE)
    return Authored(ctx.caller.practice, row["owner"], read_sets(row), row["thread_id"], clients)


def reach(ctx: Ctx, row: Record, change: Change) -> Reached:
    """The next sheet of a thread under a change. BadRules: what holds in it does not fit together then."""
    authored = _authored(ctx, row).changed(change.key, change.kept)
    terms = [
        cover_term(*each)
        for each in zip(row["covers"], row["cover_names"] or (), row["cover_consents"] or (), strict=True)
    ]
    try:
        if change.layer in OF_A_THREAD:
            _expect_present(change, {account.hex() for account in row["members"]})
        rules, parts = covered_rules(authored, terms), authored.parts(row["members"])
        _expect_short(authored, rules, ctx.now)
        if change.layer == "agreement":
            require_support(rules, ctx.now)
    except BadRule as bad:
        raise refused(bad, _whose(row, change)) from None
    members = zip(row["members"], row["chains"], parts, strict=True)
    r = row["rules_rev"] + 1
    new = make_sheet(row["thread_id"], r, row["rules_hash"], ctx.now, rules, members, ctx.parts.random)
    chains = dict(zip(row["members"], row["chains"], strict=True))
    covers = {chains[term.account]: term.account.hex() for term in terms}
    own = dict(zip(row["members"], parts, strict=True))
    weighing = Weighing(new.thread, rules, own, new.r, new.rules_hash, covers)
    return Reached(row["owner"], rules_before(ctx, row), weighing, new)


def rules_before(ctx: Ctx, row: Record) -> Rules:
    """The rules that hold in a thread before a change, without those of covers.

    What was kept by an older release may be no rules by the law of this one: then none are there to compare
    with, and the change that mends them is not hindered.
    """
    try:
        return _authored(ctx, row).rules()
    except BadRule:
        return Rules(())


async def refuse_misfits(ctx: Ctx, change: Change) -> None:
    """BadRules for a practice's rules under which a therapist's make none: now, not when the first client
    comes."""
    if change.layer != "practice":
        return
    for row in await ctx.parts.rule_sets.in_force(ctx.caller, ctx.now):
        if row["owner"] != ctx.caller.practice:
            own = Kept(row["version"], row["rules"])
            authored = replace(
                change.base,
                owner=row["owner"],
                sets={**change.base.sets, (row["owner"], "therapist"): own},
            )
            try:
                authored.rules()
            except BadRule as bad:
                raise refused(bad, row["display_name"]) from None


def _expect_present(change: Change, people: set[str]) -> None:
    """What is agreed with one participant alone names somebody who takes part."""
    for document in read_rules(change.kept):
        if not set(document.get("only_for", ())) <= people:
            field = f"{document['kind']}.only_for"
            raise BadRule(field, "somebody who is not in this thread", "name accounts of people who are")


def _expect_short(authored: Authored, rules: Rules, now: datetime) -> None:
    """Refuse an exception that is not over and lasts longer than the practice allows (rules.md 3.6)."""
    written = [
        Layer(one.layer, read_rules(one.rules)) for one in authored.layers() if one.layer == "exception"
    ]
    for fault in overlong(written, rules.the(Bounds, now), rules.timetable.date_of(now)):
        raise fault


def _whose(row: Record, change: Change) -> str:
    """Whose rules do not fit, as far as the author of the change may know: no client is named."""
    if change.layer == "practice":
        return f"{row['owner_name']}, for one thread"
    return f"thread {b64(row['thread_id'])}" if change.layer == "therapist" else ""
