"""Every decision can be made again from its record, bit for bit (guarantees.md G9; rules.md 3.5 invariants 7
and 11)."""

import json
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import MessageRecord
from etherapy.protocol.threads import Sheet
from etherapy.rules.decision import Decision
from etherapy.rules.replay import NotReplayable, Replayed, replay
from etherapy.tep.receipts import parse_receipt
from etherapy.tep.statements import Promise
from tests.server.asking import Ask
from tests.server.clinic import MORNING, ORIGIN, Clinic
from tests.server.instead import replace
from tests.server.people import Sealed, Somebody, Talk, log_in, seal, send

BUDGET = {"kind": "budget.count", "limits": [{"n": 1, "per": "week"}]}
MINE = {"kind": "pacing", "recall_minutes": 5}


@pytest.fixture
def talk(clinic: Clinic) -> Talk:
    return clinic.talks["A.client"]


async def record_of(clinic: Clinic, by: Somebody, talk: Talk, message: Sealed) -> tuple[MessageRecord, Sheet]:
    record = await clinic.line.call(
        endpoints.read_record, token=by.token, thread=talk.thread, mid=message.mid
    )
    promise = Promise.unpack(parse_receipt(record.receipt).core)
    sheet = await clinic.line.call(
        endpoints.read_sheet, query=f"r={promise.rules_rev}", token=by.token, thread=talk.thread
    )
    return record, sheet


async def again(clinic: Clinic, by: Somebody, talk: Talk, message: Sealed) -> Replayed:
    record, sheet = await record_of(clinic, by, talk, message)
    return replay(bytes(sheet.shared), bytes(sheet.part), bytes(record.question), bytes(record.decision))


async def agree(clinic: Clinic, talk: Talk, *rules: Mapping[str, object]) -> None:
    body = SetRules(0, [dict(rule) for rule in rules])
    token = clinic.people[talk.therapist].token
    await clinic.line.call(endpoints.set_agreement, body, token=token, thread=talk.thread)


async def test_the_record_gives_the_same_decision_to_the_byte(clinic: Clinic, talk: Talk) -> None:
    """Held, deferred by a budget that is this client's alone, in place of another, urgent, a therapist's."""
    me, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    await agree(clinic, talk, {**BUDGET, "only_for": [me.account.hex()]})
    written = [seal(talk, me, text) for text in ("one", "two")]
    for message in written:
        await send(clinic.line, talk, me, message)
    urgent = seal(talk, me, "urgent", urgent=True)
    await send(clinic.line, talk, me, urgent)
    better = seal(talk, me, "two, better")
    await replace(clinic, me, talk, written[1], better)
    answer = seal(talk, therapist, "an answer")
    await send(clinic.line, talk, therapist, answer)
    for by, message in [(me, written[0]), (me, written[1]), (me, urgent), (me, better), (therapist, answer)]:
        done = await again(clinic, by, talk, message)
        assert done.same, (message.text, done.decision)


async def test_rules_of_later_do_not_change_what_a_record_says(clinic: Clinic, talk: Talk) -> None:
    me = clinic.people["A.client"]
    await agree(clinic, talk, BUDGET)
    message = seal(talk, me, "under the first agreement")
    await send(clinic.line, talk, me, message)
    token = clinic.people[talk.therapist].token
    body = SetRules(1, [])
    await clinic.line.call(endpoints.set_agreement, body, token=token, thread=talk.thread)
    assert (await again(clinic, me, talk, message)).same


async def test_a_record_that_was_changed_is_found(clinic: Clinic, talk: Talk) -> None:
    me = clinic.people["A.client"]
    message = seal(talk, me, "as it was")
    await send(clinic.line, talk, me, message)
    record, sheet = await record_of(clinic, me, talk, message)
    shared, part = bytes(sheet.shared), bytes(sheet.part)
    decided = msgspec.json.decode(record.decision, type=Decision)
    assert decided.release_at is not None
    later = msgspec.structs.replace(decided, release_at=decided.release_at + timedelta(hours=1))
    assert not replay(shared, part, bytes(record.question), msgspec.json.encode(later)).same
    question = json.loads(record.question)
    question["attempt"]["at"] = "2026-06-02T02:40:00Z"
    assert not replay(shared, part, json.dumps(question).encode(), bytes(record.decision)).same


async def test_other_zone_data_says_which_edition_is_needed(clinic: Clinic, talk: Talk) -> None:
    me = clinic.people["A.client"]
    message = seal(talk, me, "with this year's zones")
    await send(clinic.line, talk, me, message)
    record, sheet = await record_of(clinic, me, talk, message)
    decided = msgspec.json.decode(record.decision, type=Decision)
    other = msgspec.structs.replace(decided, tzdata_version="2031a", tzdata_checksum="ab" * 32)
    with pytest.raises(NotReplayable, match="2031a"):
        replay(bytes(sheet.shared), bytes(sheet.part), bytes(record.question), msgspec.json.encode(other))


async def test_nobody_but_its_sender_reads_a_record(clinic: Clinic, talk: Talk) -> None:
    me = clinic.people["A.client"]
    message = clinic.sent["A.client placed"]
    path = endpoints.read_record.fill({"thread": talk.thread, "mid": message.mid})
    assert (await clinic.line.ask(Ask("GET", path), me.token)).status == 200
    for name in ("A.therapist", "A.other_client", "A.other_therapist", "B.client"):
        answer = await clinic.line.ask(Ask("GET", path), clinic.people[name].token)
        assert answer.status == 404, name


async def test_each_decided_field_names_one_rule_of_one_version(clinic: Clinic, talk: Talk) -> None:
    token = clinic.people[talk.therapist].token
    days = ["mon", "tue", "wed", "thu", "fri"]
    hours = {"kind": "window.weekly", "windows": [{"days": days, "start": "11:00", "end": "12:00"}]}
    for follows in (0, 1):
        await clinic.line.call(endpoints.set_own_rules, SetRules(follows, [hours]), token=token)
    me = clinic.people["A.client"]
    sent = await send(clinic.line, talk, me, seal(talk, me, "whose hours?"))
    assert sent.decision.release_at == MORNING + timedelta(hours=2)
    by = sent.decision.by
    assert (by["release_at"].kind, by["release_at"].origin) == ("window.weekly", "therapist/2")
    assert set(by["release_at"].__struct_fields__) >= {"kind", "field", "origin"}
    assert all(reason.origin for reason in by.values())
    assert all(reason in sent.decision.because for reason in by.values())


async def test_a_scheduled_answer_is_replayed_with_its_reason(clinic: Clinic, talk: Talk) -> None:
    quiet = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
    therapist = clinic.people["A.therapist"]
    await clinic.line.call(endpoints.set_own_rules, SetRules(0, [quiet]), token=therapist.token)
    await clinic.clock.turn_to(MORNING + timedelta(hours=14))
    therapist = clinic.settle(await log_in(clinic.line, ORIGIN, therapist))
    message = seal(talk, therapist, "late")
    sent = await send(clinic.line, talk, therapist, message)
    assert (await again(clinic, therapist, talk, message)).same
    assert sent.state.state in ("held", "placed")
