"""The rule sheets of a thread, followed one by one, so that nobody is shown other rules unnoticed (A-7)."""

from etherapy.protocol import endpoints
from etherapy.protocol.threads import Sheet, SheetQuery
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.resolved import Rules
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import Sheets
from etherapy.sdk.transport import Transport
from etherapy.tep.malformed import Malformed
from etherapy.tep.rulesheet import (
    check_sheet_follows,
    member_part_hash,
    parse_sheet,
    rules_hash,
    shared_part_hash,
)

_MOST = 200
"""Sheets that are followed one by one; a device that was away for longer starts at the newest."""


async def follow_sheets(
    transport: Transport, thread: bytes, chain: bytes, known: Sheets, late: bool = False
) -> Sheets:
    """The newest sheet of a thread, each verified from the one known. Refuted when one does not follow.

    Who came `late` has no part in the earlier ones and starts at the newest.
    """
    newest = await transport.call(endpoints.read_sheet, query=SheetQuery(0), thread=thread)
    if newest.r < known.r:
        raise _refuted(thread, "the rules of this thread went back to older ones", newest)
    if newest.r == known.r:
        if rules_hash(newest.sheet) != known.rules_hash:
            raise _refuted(thread, "two sets of rules have one number", newest)
        return known
    far = newest.r - known.r > _MOST or (late and not known.r)
    first = newest.r if far else known.r + 1
    for r in range(first, newest.r + 1):
        sheet = newest
        if r < newest.r:
            sheet = await transport.call(endpoints.read_sheet, query=SheetQuery(r), thread=thread)
        known = _take(thread, chain, known, sheet, r)
    return known


def rules_of(sheets: Sheets) -> Rules | None:
    """The resolved rules of the newest sheet as they hold for this person; None before there is one."""
    return Rules.from_canonical(sheets.shared).with_part(sheets.part) if sheets.r else None


def _take(thread: bytes, chain: bytes, known: Sheets, answer: Sheet, r: int) -> Sheets:
    try:
        sheet = parse_sheet(answer.sheet)
        if known.r and known.r + 1 == r:
            check_sheet_follows(sheet, known.sheet)
        if (sheet.thread, sheet.r) != (thread, r):
            raise Malformed("sheet", "rule sheet: of another thread or number")
        if sheet.shared_hash != shared_part_hash(answer.shared):
            raise Malformed("sheet", "rule sheet: the rules are not those that it names")
        if dict(sheet.members).get(chain) != member_part_hash(answer.salt, answer.part):
            raise Malformed("sheet", "rule sheet: your own part is not the one that it names")
        Rules.from_canonical(answer.shared).with_part(bytes(answer.part))
    except (Malformed, BadRule) as bad:
        raise _refuted(thread, f"the rules shown do not hold: {bad}", answer) from None
    whole = bytes(answer.sheet)
    shared, part = bytes(answer.shared), bytes(answer.part)
    return Sheets(r=r, rules_hash=rules_hash(whole), sheet=whole, shared=shared, part=part)


def _refuted(thread: bytes, words: str, sheet: Sheet) -> Refuted:
    proof = {"sheet": bytes(sheet.sheet), "shared": bytes(sheet.shared)}
    return Refuted(Finding(kind=Kind.SHEET, words=words, proof=proof, thread=thread))
