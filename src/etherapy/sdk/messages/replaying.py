"""Deciding again, on this device, what the server decided about one's own message (guarantees.md G9)."""

from etherapy.protocol import endpoints
from etherapy.protocol.threads import SheetQuery
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.replay import NotReplayable, Replayed, replay
from etherapy.sdk.faults import CannotReplay, Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.promises import read_promise
from etherapy.tep.malformed import Malformed
from etherapy.tep.rulesheet import member_part_hash, parse_sheet, rules_hash, shared_part_hash


async def replay_message(desk: ThreadDesk, mid: bytes) -> Replayed:
    """The decision made again from its record and from the rule sheet that its signed promise names.

    CannotReplay: it needs another edition of zone data, or no rules decided it. Refuted: the sheet shown is
    not the one that was promised.
    """
    record = await desk.link.transport.call(endpoints.read_record, thread=desk.thread, mid=mid)
    own = desk.state.own.get(mid)
    receipt = (own.receipt if own else None) or bytes(record.receipt)
    try:
        promise = read_promise(receipt, desk.link.receipt_keys)
        query = SheetQuery(promise.rules_rev)
        shown = await desk.link.transport.call(endpoints.read_sheet, query=query, thread=desk.thread)
        sheet, part = parse_sheet(shown.sheet), bytes(shown.part)
        named = rules_hash(shown.sheet) == promise.rules_hash and promise.mid == mid
        own_part = dict(sheet.members).get(desk.link.chain) == member_part_hash(shown.salt, part)
        if not (named and own_part and sheet.shared_hash == shared_part_hash(shown.shared)):
            raise Malformed("sheet", "the rules shown are not those that were promised")
    except Malformed as bad:
        proof = {"receipt": receipt}
        words = f"a decision cannot be made again: {bad}"
        raise Refuted(Finding(kind=Kind.SHEET, words=words, proof=proof, thread=desk.thread)) from None
    try:
        return replay(bytes(shown.shared), part, bytes(record.question), bytes(record.decision))
    except (NotReplayable, BadRule) as missing:
        raise CannotReplay(str(missing)) from None
