"""A server that shows other rules, or another record, than it promised by: found on the device (A-7, G9)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from etherapy.binary import B64
from etherapy.clock import TestClock
from etherapy.protocol import endpoints
from etherapy.rules.canonical import canonical_json
from etherapy.rules.replay import answer, keep_decision, read_question
from etherapy.rules.resolved import Rules
from etherapy.sdk import Session
from etherapy.sdk.faults import CannotReplay, Refuted
from etherapy.sdk.findings import Kind
from tests.sdk.conftest import NIGHT, Pair

BUDGET = {"kind": "budget.count", "limits": [{"n": 3, "per": "week"}]}


def lie(patch: pytest.MonkeyPatch, who: Session, endpoint: Any, change: Callable[[Any], Any]) -> None:
    """From now on this person's answers of that endpoint are changed on their way."""
    honest = who.transport.call

    async def call(asked: Any, body: Any = None, /, **more: Any) -> Any:
        found = await honest(asked, body, **more)
        return change(found) if asked is endpoint else found

    patch.setattr(who.transport, "call", call)


async def agree(pair: Pair) -> None:
    """Something is agreed with Anna alone; a new sheet that her device has not seen."""
    account = (await pair.anna.whoami()).account.hex()
    await pair.vale.set_agreement(pair.thread, [BUDGET | {"only_for": [account]}])


def another_part(sheet: Any) -> Any:
    part = json.loads(bytes(sheet.part))
    assert part
    return replace(sheet, part=B64(b"{}"))


def other_rules(sheet: Any) -> Any:
    shared = bytes(sheet.shared).replace(b'"longest_wait_days":7', b'"longest_wait_days":9')
    assert shared != sheet.shared
    return replace(sheet, shared=B64(shared))


def garbage(sheet: Any) -> Any:
    return replace(sheet, shared=B64(b"[" * 5000))


@pytest.mark.parametrize("change", [another_part, other_rules, garbage])
async def test_rules_other_than_the_sheet_names_are_believed_by_nobody(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
):
    await agree(pair)
    lie(monkeypatch, pair.anna, endpoints.read_sheet, change)
    for ask in (pair.anna.thread_rules, pair.anna.rules_in_words):
        with pytest.raises(Refuted) as found:
            await ask(pair.thread)
        assert found.value.finding.kind == Kind.SHEET


async def test_a_sheet_that_was_replaced_is_no_news(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    await pair.anna.thread_rules(pair.thread)
    shown: list[Any] = []

    def first(sheet: Any) -> Any:
        shown.append(sheet)
        return shown[0]

    lie(monkeypatch, pair.anna, endpoints.read_sheet, first)
    await pair.anna.thread_rules(pair.thread)
    await agree(pair)
    before = pair.anna.desk(pair.thread).state.sheets.r
    await pair.anna.thread_rules(pair.thread)
    assert pair.anna.desk(pair.thread).state.sheets.r == before, "it was kept from her, and nothing is lost"
    monkeypatch.undo()
    assert (await pair.anna.thread_rules(pair.thread)) is not None
    lie(monkeypatch, pair.anna, endpoints.read_sheet, lambda _: shown[0])
    with pytest.raises(Refuted, match="went back"):
        await pair.anna.thread_rules(pair.thread)


def another_night(record: Any) -> Any:
    """A record that holds in itself, of a message that came an hour later."""
    question = json.loads(bytes(record.question))
    question["attempt"]["at"] = "2026-06-02T04:40:00Z"
    return _record(record, question)


def another_urgency(record: Any) -> Any:
    question = json.loads(bytes(record.question))
    question["attempt"]["urgent"] = True
    return _record(record, question)


def another_turn(record: Any) -> Any:
    """As if an answer had been due earlier than the one that was promised."""
    question = json.loads(bytes(record.question))
    question["facts"]["turn_reply_by"] = "2026-06-02T20:00:00Z"
    return _record(record, question)


def another_size(record: Any) -> Any:
    """It decides the same, and is not what was sent."""
    question = json.loads(bytes(record.question))
    question["attempt"]["size"] = question["attempt"].get("size", 0) + 256
    return _record(record, question)


RULES: list[Rules] = []


def _record(record: Any, question: dict[str, Any]) -> Any:
    asked = canonical_json(question)
    decision = keep_decision(answer(RULES[-1], read_question(asked)))
    return replace(record, question=B64(asked), decision=B64(decision))


@pytest.mark.parametrize("change", [another_night, another_urgency, another_turn, another_size])
async def test_a_record_that_holds_in_itself_but_not_with_the_promise_is_found(
    pair: Pair, clock: TestClock, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]
):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "Why does it wait?")
    RULES.append(await pair.anna.thread_rules(pair.thread))
    assert (await pair.anna.replay(pair.thread, sent.mid)).same
    lie(monkeypatch, pair.anna, endpoints.read_record, change)
    with pytest.raises(Refuted) as found:
        await pair.anna.replay(pair.thread, sent.mid)
    assert found.value.finding.kind == Kind.BAD_PROMISE


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "9999-12-31T23:59:59Z"},
        {"ready_at": "2026-06-02T04:40:00"},
        {"service_class": 999},
        {"service_class": -9},
        {"by_client": [[]]},
    ],
)
async def test_a_record_that_makes_no_sense_is_said_to_be_one(
    pair: Pair, clock: TestClock, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
):
    await clock.turn_to(NIGHT)
    sent = await pair.anna.send(pair.thread, "Why does it wait?")

    def change(record: Any) -> Any:
        question = json.loads(bytes(record.question))
        question["attempt"] |= wrong
        return replace(record, question=B64(canonical_json(question)))

    lie(monkeypatch, pair.anna, endpoints.read_record, change)
    with pytest.raises((CannotReplay, Refuted)):
        await pair.anna.replay(pair.thread, sent.mid)
    monkeypatch.undo()
    deep = B64(b"[" * 100_000)
    lie(monkeypatch, pair.anna, endpoints.read_record, lambda one: replace(one, question=deep))
    with pytest.raises(CannotReplay):
        await pair.anna.replay(pair.thread, sent.mid)
