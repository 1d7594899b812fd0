"""Budgets through the real server: counted once, refunded once, exactly one at the last place, and nobody
else's to know (R-10; rules.md 3.5 invariants 1, 4 and 5)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import AskPreview, Recall, SendMessage, Sent
from etherapy.store.settings import RuleSets
from tests.server.asking import Ask
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic, recall_of, running
from tests.server.furnishing import Furnished
from tests.server.instead import look, promise_of, replace, replacing, waiting
from tests.server.people import Sealed, Somebody, Talk, log_in, seal, send
from tests.server.test_isolation_held import OTHERS, both, look_everywhere, never_noticed
from tests.server.test_replacing import with_mid
from tests.server.twins import Twins

__all__ = ["both"]

MINUTE = timedelta(minutes=1)
NEXT_WEEK = datetime(2026, 6, 8, 13, 0, tzinfo=UTC)
"""Monday 8 June, 09:00 in New York."""


@pytest.fixture
def me(clinic: Clinic) -> Somebody:
    return clinic.people["A.client"]


@pytest.fixture
def talk(clinic: Clinic) -> Talk:
    return clinic.talks["A.client"]


async def agree(clinic: Clinic, talk: Talk, *rules: Mapping[str, object]) -> None:
    body = SetRules(0, [dict(rule) for rule in rules])
    token = clinic.people[talk.therapist].token
    await clinic.line.call(endpoints.set_agreement, body, token=token, thread=talk.thread)


def a_week(n: int, **more: object) -> dict[str, object]:
    return {"kind": "budget.count", "limits": [{"n": n, "per": "week"}], **more}


async def at_evening(clinic: Clinic, talk: Talk, n: int, **more: object) -> None:
    """Monday evening in New York, after the hours, with a budget of `n` a week since the morning."""
    await clinic.clock.turn_to(MORNING)
    await come_in(clinic)
    await agree(clinic, talk, a_week(n, **more))
    await clinic.clock.turn_to(MORNING + timedelta(hours=10))
    await come_in(clinic)


async def come_in(clinic: Clinic) -> None:
    for name in [name for name in clinic.people if name != "A.gone_client"]:
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))


async def write(clinic: Clinic, talk: Talk, text: str = "words") -> tuple[Sealed, Sent]:
    by = clinic.people["A.client"]
    message = seal(talk, by, text)
    return message, await send(clinic.line, talk, by, message)


async def left(clinic: Clinic, talk: Talk) -> int | None:
    """How many more there are after one that is not sent."""
    token = clinic.people["A.client"].token
    seen = await clinic.line.call(endpoints.preview, AskPreview(), token=token, thread=talk.thread)
    return seen.decision.left


async def take_back(clinic: Clinic, talk: Talk, message: Sealed) -> Sent:
    return await clinic.take_back("A.client", talk, message)


@asynccontextmanager
async def another_node(clinic: Clinic, place: Path) -> AsyncIterator[Clinic]:
    """A second process over the same database, with a memory of its own."""
    async with running(clinic.store, place, clinic.secrets, clinic.now) as other:
        for name in ("practices", "people", "talks", "sent", "offers"):
            setattr(other, name, getattr(clinic, name))
        yield other


async def test_what_is_left_falls_by_one_for_each_message_and_a_preview_uses_nothing(
    clinic: Clinic, talk: Talk
) -> None:
    await at_evening(clinic, talk, 3)
    assert [await left(clinic, talk) for _ in range(2)] == [2, 2]
    found = [(await write(clinic, talk))[1].decision.left for _ in range(3)]
    assert found == [2, 1, 0]


async def test_the_same_message_sent_again_counts_once(clinic: Clinic, me: Somebody, talk: Talk) -> None:
    await at_evening(clinic, talk, 3)
    message, first = await write(clinic, talk)
    me = clinic.people["A.client"]
    again = await asyncio.gather(*(send(clinic.line, talk, me, message) for _ in range(5)))
    assert {bytes(one.receipt) for one in again} == {bytes(first.receipt)}
    assert {one.decision.left for one in again} == {2}
    assert await left(clinic, talk) == 1


async def test_the_last_one_sent_again_is_answered_although_nothing_more_is_allowed(
    clinic: Clinic, talk: Talk, tmp_path: Path
) -> None:
    """D-31: the answer was lost on the way; that it counts by now declines it nowhere."""
    await at_evening(clinic, talk, 1, over="decline_keep_draft")
    message, first = await write(clinic, talk)
    async with another_node(clinic, tmp_path) as other:
        for one in (clinic, other):
            again = await send(one.line, talk, clinic.people["A.client"], message)
            assert (bytes(again.receipt), again.decision) == (bytes(first.receipt), first.decision)
    me = clinic.people["A.client"]
    body = SendMessage(B64(with_mid(talk, me, message.mid)))
    ask = Ask("POST", endpoints.send_message.fill({"thread": talk.thread}), body=body)
    assert (await clinic.line.ask(ask, me.token)).problem == "mid-taken"


async def test_what_the_rules_say_of_a_message_is_not_told_to_who_hands_it_in_for_somebody(
    clinic: Clinic, talk: Talk
) -> None:
    await at_evening(clinic, talk, 1, over="decline_keep_draft")
    await write(clinic, talk)
    body = SendMessage(B64(seal(talk, clinic.people["A.client"], "one too many").envelope))
    ask = Ask("POST", endpoints.send_message.fill({"thread": talk.thread}), body=body)
    await clinic.line.call(
        endpoints.set_own_rules,
        SetRules(0, [{"kind": "kinds", "client": ["logistics"]}]),
        token=clinic.people[talk.therapist].token,
    )
    answer = await clinic.line.ask(ask, clinic.people[talk.therapist].token)
    assert (answer.status, answer.problem) == (404, "no-such-thread")


async def test_a_process_that_is_behind_lets_nobody_in_twice(
    clinic: Clinic, talk: Talk, tmp_path: Path
) -> None:
    """Its memory shows a place that another process has given away."""
    await at_evening(clinic, talk, 2)
    await write(clinic, talk)
    async with another_node(clinic, tmp_path) as other:
        await write(other, talk)
        (_, one), (_, two) = await asyncio.gather(write(clinic, talk, "one"), write(other, talk, "two"))
    assert {each.decision.release_at for each in (one, two)} == {NEXT_WEEK}
    assert {each.decision.left for each in (one, two)} == {0, 1}


async def test_of_two_at_the_last_place_exactly_one_is_inside(
    clinic: Clinic, talk: Talk, tmp_path: Path
) -> None:
    await at_evening(clinic, talk, 2)
    await write(clinic, talk)
    async with another_node(clinic, tmp_path) as other:
        (_, one), (_, two) = await asyncio.gather(write(clinic, talk, "one"), write(other, talk, "two"))
    tomorrow = MORNING + timedelta(days=1)
    assert {each.decision.release_at for each in (one, two)} == {tomorrow, NEXT_WEEK}


async def test_a_recall_on_one_node_is_known_to_the_other(clinic: Clinic, talk: Talk, tmp_path: Path) -> None:
    await at_evening(clinic, talk, 1)
    async with another_node(clinic, tmp_path) as other:
        first, _ = await write(clinic, talk)
        await take_back(other, talk, first)
        _, second = await write(clinic, talk)
    assert second.decision.release_at == MORNING + timedelta(days=1)


async def test_those_that_were_deferred_move_up_in_the_order_of_acceptance(
    clinic: Clinic, talk: Talk
) -> None:
    await at_evening(clinic, talk, 1)
    (first, _), (second, _), (third, _) = [await write(clinic, talk, text) for text in "abc"]
    me = clinic.people["A.client"]
    found = await waiting(clinic, me, talk)
    times = {mid: promise_of(one.promise).release_at for mid, one in found.items()}
    assert times[second.mid] < times[third.mid]
    await take_back(clinic, talk, first)
    found = await waiting(clinic, me, talk)
    moved, other = promise_of(found[second.mid].promise), promise_of(found[third.mid].promise)
    tomorrow = MORNING + timedelta(days=1)
    assert (moved.rev, moved.release_at) == (1, int(tomorrow.timestamp() * 1000))
    # the place in the next week that the second left is the third's now
    assert (other.rev, other.release_at) == (1, int(NEXT_WEEK.timestamp() * 1000))
    await clinic.clock.turn_to(tomorrow)
    await come_in(clinic)
    page = await clinic.line.call(
        endpoints.read_page, token=clinic.people[talk.therapist].token, thread=talk.thread
    )
    items = [bytes(one.item) for one in page.items if one.item is not None]
    assert second.envelope in items and third.envelope not in items and first.envelope not in items


async def test_taking_back_what_was_deferred_moves_nothing_later(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 1)
    (first, one), (second, _) = [await write(clinic, talk, text) for text in "ab"]
    await take_back(clinic, talk, second)
    me = clinic.people["A.client"]
    [kept] = (await waiting(clinic, me, talk)).items()
    assert kept[0] == first.mid and promise_of(kept[1].promise) == promise_of(one.receipt)


async def test_a_recall_that_is_repeated_refunds_once(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 2)
    first, _ = await write(clinic, talk)
    await write(clinic, talk)
    me = clinic.people["A.client"]
    body = Recall(B64(recall_of(me, talk.thread, first, clinic.now)))
    answers = await asyncio.gather(
        *(
            clinic.line.call(endpoints.recall_message, body, token=me.token, thread=talk.thread)
            for _ in range(4)
        )
    )
    assert {bytes(one.state.status or b"") for one in answers} == {bytes(answers[0].state.status or b"")}
    assert await left(clinic, talk) == 0


async def test_other_words_in_its_place_keep_its_place_in_the_budget(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 1)
    (first, _), (second, deferred) = [await write(clinic, talk, text) for text in "ab"]
    me = clinic.people["A.client"]
    better = seal(talk, me, "b, in other words")
    sent = await replace(clinic, me, talk, second, better)
    assert promise_of(sent.receipt).release_at == promise_of(deferred.receipt).release_at
    assert sent.decision.counts_at == deferred.decision.counts_at
    await take_back(clinic, talk, first)
    moved = promise_of((await waiting(clinic, me, talk))[better.mid].promise)
    assert moved.release_at == int((MORNING + timedelta(days=1)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"kind": "budget.length", "message_bytes": 512}, "message_too_long"),
        ({"kind": "kinds", "client": ["logistics"]}, "kind_not_allowed"),
    ],
)
async def test_other_words_are_no_way_around_what_a_message_may_be(
    clinic: Clinic, talk: Talk, rule: Mapping[str, object], reason: str
) -> None:
    """What waits is not declined by new rules and moves as ever; what would take its place is declined."""
    await at_evening(clinic, talk, 3)
    waits, _ = await write(clinic, talk)
    me, token = clinic.people["A.client"], clinic.people[talk.therapist].token
    early = {"kind": "window.weekly", "windows": [{"days": ["tue"], "start": "07:00", "end": "17:00"}]}
    rules = [dict(rule), dict[str, object](early)]
    await clinic.line.call(endpoints.set_own_rules, SetRules(0, rules), token=token)
    seven = MORNING + timedelta(days=1, hours=-2)
    promised = promise_of((await waiting(clinic, me, talk))[waits.mid].promise)
    assert promised.release_at == int(seven.timestamp() * 1000)
    long = seal(talk, me, "word " * 500)
    body = replacing(me.keys.sign, talk.thread, waits, long, clinic.now)
    ask = Ask("POST", endpoints.replace_message.fill({"thread": talk.thread}), body=body)
    answer = await clinic.line.ask(ask, me.token)
    assert answer.problem == "declined" and reason in answer.json()["reasons"]
    assert list(await waiting(clinic, me, talk)) == [waits.mid]


async def test_a_replacement_sent_again_is_answered_although_it_would_be_declined_now(
    clinic: Clinic, talk: Talk
) -> None:
    await at_evening(clinic, talk, 3)
    waits, _ = await write(clinic, talk)
    me, token = clinic.people["A.client"], clinic.people[talk.therapist].token
    body = replacing(me.keys.sign, talk.thread, waits, seal(talk, me, "word " * 500), clinic.now)
    first = await clinic.line.call(endpoints.replace_message, body, token=me.token, thread=talk.thread)
    short = {"kind": "budget.length", "message_bytes": 512}
    await clinic.line.call(endpoints.set_own_rules, SetRules(0, [short]), token=token)
    again = await clinic.line.call(endpoints.replace_message, body, token=me.token, thread=talk.thread)
    assert (bytes(again.receipt), again.decision) == (bytes(first.receipt), first.decision)


async def test_rules_that_meet_a_refund_move_nothing_that_it_moved_later(
    clinic: Clinic, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was weighed before the refund is weighed again: one chain of promises, each no later."""
    await at_evening(clinic, talk, 1)
    (first, _), (second, _) = [await write(clinic, talk, text) for text in "ab"]
    real, met = RuleSets.set, False

    async def set_after_a_recall(*args: Any) -> bool:
        nonlocal met
        if not met:
            met = True
            await take_back(clinic, talk, first)
        return await real(*args)

    monkeypatch.setattr(RuleSets, "set", set_after_a_recall)
    windows = [{"days": ["mon", "tue"], "start": "08:00", "end": "17:00"}]
    early: dict[str, object] = {"kind": "window.weekly", "windows": windows}
    slow: dict[str, object] = {"kind": "response.target", "target": {"count": "business_days", "n": 3}}
    token = clinic.people[talk.therapist].token
    await clinic.line.call(endpoints.set_own_rules, SetRules(0, [early, slow]), token=token)
    moved = promise_of((await waiting(clinic, clinic.people["A.client"], talk))[second.mid].promise)
    eight = MORNING + timedelta(hours=23)
    assert (moved.rev, moved.release_at) == (2, int(eight.timestamp() * 1000))


async def test_rules_set_by_a_process_whose_clock_is_behind_release_nothing_before_it_was_accepted(
    clinic: Clinic, talk: Talk, tmp_path: Path
) -> None:
    await clinic.clock.turn_to(NIGHT + MINUTE)
    async with another_node(clinic, tmp_path) as other:
        await clinic.clock.turn_to(NIGHT + MINUTE + timedelta(milliseconds=20))
        message, sent = await write(clinic, talk)
        now = {"kind": "off_hours.policy", "policy": "deliver_normal"}
        token = clinic.people[talk.therapist].token
        await other.line.call(endpoints.set_own_rules, SetRules(0, [now]), token=token)
    found = await look(clinic, clinic.people["A.client"], talk, message)
    promise = promise_of(found.state.promise or b"")
    assert promise.release_at == promise.accepted_at == promise_of(sent.receipt).accepted_at


async def test_what_becomes_urgent_gives_its_place_to_the_next(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 1)
    (first, _), (second, _) = [await write(clinic, talk, text) for text in "ab"]
    me = clinic.people["A.client"]
    body = replacing(me.keys.sign, talk.thread, first, seal(talk, me, "a", urgent=True), clinic.now)
    await clinic.line.call(endpoints.replace_message, body, token=me.token, thread=talk.thread)
    moved = promise_of((await waiting(clinic, me, talk))[second.mid].promise)
    assert moved.release_at == int((MORNING + timedelta(days=1)).timestamp() * 1000)


async def test_a_declined_message_leaves_nothing_and_shows_a_card(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 1, over="decline_keep_draft")
    await write(clinic, talk)
    me = clinic.people["A.client"]
    message = seal(talk, me, "one too many")
    path = endpoints.send_message.fill({"thread": talk.thread})
    for language, words in (("en", "Not sent."), ("de", "Nicht gesendet."), ("xx", "Not sent.")):
        body = SendMessage(B64(message.envelope), language=language)
        answer = await clinic.line.ask(Ask("POST", path, body=body), me.token)
        assert (answer.status, answer.problem) == (409, "declined")
        said = answer.json()
        assert "budget_exhausted" in said["reasons"] and said["retry_from"] == "2026-06-08T04:00:00Z"
        assert said["words"]["card"]["region"] == "US" and said["words"]["lines"][0].startswith(words)
        assert said["words"]["emergency"]
    rows = await clinic.operate.fetch("SELECT 1 FROM message WHERE mid = $1", message.mid)
    assert rows == []


async def test_rules_that_open_earlier_lift_no_budget(clinic: Clinic, talk: Talk) -> None:
    """What a budget kept back stays so until its time, and moves within it."""
    await at_evening(clinic, talk, 1)
    await write(clinic, talk)
    second, _ = await write(clinic, talk)
    token = clinic.people[talk.therapist].token
    always = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}]
    rules = [{"kind": "window.weekly", "zone": "America/New_York", "windows": always}]
    await clinic.line.call(endpoints.set_own_rules, SetRules(0, rules), token=token)
    found = await waiting(clinic, clinic.people["A.client"], talk)
    assert set(found) == {second.mid}, "the first one went out"
    midnight = datetime(2026, 6, 8, 4, 0, tzinfo=UTC)
    assert promise_of(found[second.mid].promise).release_at == int(midnight.timestamp() * 1000)


async def test_a_placed_message_tells_nobody_else_of_its_senders_budget(clinic: Clinic, talk: Talk) -> None:
    await at_evening(clinic, talk, 1)
    await write(clinic, talk)
    second, sent = await write(clinic, talk)
    assert {"budget.count"} <= {reason.kind for reason in sent.decision.because}
    await clinic.clock.turn_to(NEXT_WEEK)
    await come_in(clinic)
    for name in (talk.therapist, "A.client"):
        answer = await clinic.line.call(
            endpoints.explain_message, token=clinic.people[name].token, thread=talk.thread, mid=second.mid
        )
        own = name == "A.client"
        written = json.dumps([*answer.summary, *map(str, answer.decision.because), str(answer.decision.by)])
        assert ("budget" in written) is own
        for field in ("left", "counts_at", "not_before", "retry_from"):
            value = getattr(answer.decision, field)
            assert (value is not None) is (own and field != "retry_from"), field
    await clinic.make_rounds()
    records = await clinic.operate.fetch("SELECT record FROM log_leaf WHERE practice_id = $1", talk.practice)
    placed = [bytes(one["record"] or b"") for one in records]
    assert any(second.mid.hex().encode() in one or b"message.placed" in one for one in placed)
    assert not any(b"budget.count" in one and b"message.placed" in one for one in placed)


async def use_it_up(clinic: Clinic) -> None:
    """Three in secret, of which one waits for the next week and moves up when another is taken back."""
    talk = clinic.talks["A.client"]
    first = await clinic.say("A.client", "secretly first", talk)
    await clinic.say("A.client", "secretly second", talk)
    third = await clinic.say("A.client", "secretly third", talk)
    await clinic.take_back("A.client", talk, first)
    await clinic.take_back("A.client", talk, third)
    await clinic.take_back("A.client", talk, clinic.sent["A.client secretly second"])


async def test_nobody_notices_how_much_of_a_budget_is_used(both: Twins) -> None:
    """G5: counts, refunds and promises that moved, all of it taken back before its time."""
    rules = [a_week(2)]
    thread = both.quiet.talks["A.client"].thread
    path = endpoints.set_agreement.fill({"thread": thread})
    asked = await both.ask("A.therapist", Ask("PUT", path, body=SetRules(0, rules)))
    assert asked.status == 200, asked
    await both.turn_to(NIGHT + MINUTE)
    await both.hide(use_it_up)
    assert OTHERS
    await look_everywhere(both)
    assert not both.told_apart()
    await never_noticed(both)


async def test_a_message_looks_the_same_to_its_sender_for_ever(clinic: Clinic, talk: Talk) -> None:
    """D-31: receipt and decision keep their bytes after a refund; the newer promise stands beside them."""
    await at_evening(clinic, talk, 1)
    first, _ = await write(clinic, talk)
    second, sent = await write(clinic, talk)
    await take_back(clinic, talk, first)
    me = clinic.people["A.client"]
    later = await look(clinic, me, talk, second)
    assert (bytes(later.receipt), later.decision) == (bytes(sent.receipt), sent.decision)
    assert later.state.promise is not None and promise_of(later.state.promise).rev == 1


async def test_a_refund_of_nothing_else_is_a_plain_recall(
    furnished: Furnished, clinic: Clinic, talk: Talk, me: Somebody
) -> None:
    """Where no rule counts anything, a recall asks nothing and moves nothing."""
    done = await take_back(clinic, talk, clinic.sent["A.client held"])
    assert done.state.state == "recalled" and await waiting(clinic, me, talk) == {}
