"""Deciding again, on this device, what the server decided about one's own message (guarantees.md G9)."""

from etherapy.protocol import endpoints
from etherapy.protocol.threads import SheetQuery
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.replay import NotReplayable, Question, Replayed, read_question, replay
from etherapy.sdk.faults import CannotReplay, Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.answers import is_as_promised
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.promises import PromiseView, read_promise
from etherapy.tep.envelope import Header, parse_envelope
from etherapy.tep.malformed import Malformed
from etherapy.tep.rulesheet import member_part_hash, parse_sheet, rules_hash, shared_part_hash


async def replay_message(desk: ThreadDesk, mid: bytes) -> Replayed:
    """The decision made again from its record and from the rule sheet that its signed promise names.

    CannotReplay: it needs another edition of zone data, or no rules decided it. Refuted: the sheet shown is
    not the one that was promised, or the record holds in itself and is not of this message and its promise.
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
        done = replay(bytes(shown.shared), part, bytes(record.question), bytes(record.decision))
        asked = read_question(bytes(record.question))
    except (NotReplayable, BadRule) as missing:
        raise CannotReplay(str(missing)) from None
    if not (is_as_promised(done.decision, promise) and _is_about(asked, promise, _header(desk, own))):
        words = "what is shown as the record of a message is not what was promised about it"
        proof = {"receipt": receipt, "question": bytes(record.question), "decision": bytes(record.decision)}
        raise Refuted(Finding(kind=Kind.BAD_PROMISE, words=words, proof=proof, thread=desk.thread))
    return done


def _is_about(asked: Question, promise: PromiseView, header: Header | None) -> bool:
    """Whether this was asked about that message, as far as this device still has it."""
    one = asked.attempt
    if (asked.rules_rev, one.at) != (promise.rules_rev, promise.accepted_at):
        return False
    seen = (one.service_class, one.urgent, one.size)
    return header is None or seen == (header.service_class, header.urgent, header.ct_len)


def _header(desk: ThreadDesk, own: OwnItem | None) -> Header | None:
    """What the server could see of the message, as this device sealed it or read it in its place."""
    if own is None:
        return None
    kept = desk.link.profile.items(desk.thread) if own.n else ()
    sealed = own.envelope or next((one.item for one in kept if one.place().n == own.n), None)
    return None if sealed is None else parse_envelope(sealed).header
