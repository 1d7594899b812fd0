"""What a therapist writes outside their hours waits, is theirs to take back, and is nobody's to notice; and
what they open before their hours (R-08, D-32; rules.md 3.5)."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import OpenEarly, SendMessage, Sent
from etherapy.protocol.threads import Notices
from etherapy.tep.placing import Entry, Reason
from tests.server.asking import Ask
from tests.server.asks import WHOLE_TABLE, make
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic
from tests.server.furnishing import Furnished
from tests.server.instead import promise_of, replace, replacing, waiting
from tests.server.people import Sealed, Talk, log_in, seal, send
from tests.server.test_isolation_held import MADE_ON_DEMAND, QUERIES
from tests.server.twins import Twins, twins

QUIET = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
EIGHT = datetime.fromisoformat("2026-06-01T12:00:00+00:00")
"""Monday 08:00 in New York."""
READERS = ("A.client", "A.other_client", "A.other_therapist", "A.supervisor", "A.administrator")


@pytest.fixture
def talk(clinic: Clinic) -> Talk:
    return clinic.talks["A.client"]


@pytest.fixture
async def both(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(furnished, tmp_path) as found:
        yield found


async def set_rules(clinic: Clinic, who: str, *rules: Mapping[str, object]) -> None:
    token = clinic.people[who].token
    version = (await clinic.line.call(endpoints.read_own_rules, token=token)).version
    body = SetRules(version, [dict(rule) for rule in rules])
    await clinic.line.call(endpoints.set_own_rules, body, token=token)


async def at_rest(clinic: Clinic, talk: Talk, **more: object) -> None:
    """Quiet hours hold, what was urgent is answered, and a question waits that is not."""
    await answer(clinic, talk, "to what was urgent")
    normal = {"kind": "off_hours.policy", "policy": "deliver_normal"}
    await set_rules(clinic, "A.therapist", {**QUIET, **more}, normal)
    me = clinic.people["A.client"]
    await send(clinic.line, talk, me, seal(talk, me, "a question"))


async def go_to(clinic: Clinic, instant: datetime) -> None:
    await clinic.clock.turn_to(instant)
    for name in ("A.client", "A.therapist"):
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))


async def answer(clinic: Clinic, talk: Talk, text: str, because: str = "") -> tuple[Sealed, Sent]:
    by = clinic.people["A.therapist"]
    message = seal(talk, by, text)
    body = SendMessage(B64(message.envelope), at_once_because=because)
    return message, await clinic.line.call(endpoints.send_message, body, token=by.token, thread=talk.thread)


async def read(clinic: Clinic, talk: Talk, who: str) -> list[bytes]:
    page = await clinic.line.call(endpoints.read_page, token=clinic.people[who].token, thread=talk.thread)
    return [bytes(one.item) for one in page.items if one.item is not None]


async def open_turns(clinic: Clinic, talk: Talk) -> int:
    token = clinic.people["A.therapist"].token
    inbox = await clinic.line.call(endpoints.read_inbox, token=token)
    return sum(turn.count for turn in inbox.turns if turn.thread == talk.thread)


async def test_it_waits_until_the_quiet_hours_end_and_answers_only_then(clinic: Clinic, talk: Talk) -> None:
    await at_rest(clinic, talk)
    waiting_turns = await open_turns(clinic, talk)
    assert waiting_turns
    message, sent = await answer(clinic, talk, "at night")
    assert (sent.state.state, sent.decision.release_at) == ("held", EIGHT)
    assert sent.decision.recall_until == EIGHT and promise_of(sent.receipt).reply_by == 0
    assert set(await waiting(clinic, clinic.people["A.therapist"], talk)) == {message.mid}
    await go_to(clinic, EIGHT - timedelta(milliseconds=1))
    assert message.envelope not in await read(clinic, talk, "A.client")
    assert await open_turns(clinic, talk) == waiting_turns
    await go_to(clinic, EIGHT)
    assert message.envelope in await read(clinic, talk, "A.client")
    assert await open_turns(clinic, talk) == 0


async def test_their_author_takes_it_back_or_words_it_anew(clinic: Clinic, talk: Talk) -> None:
    await at_rest(clinic, talk)
    first, _ = await answer(clinic, talk, "first")
    second, _ = await answer(clinic, talk, "second")
    therapist = clinic.people["A.therapist"]
    better = seal(talk, therapist, "second, calmer")
    replaced = await replace(clinic, therapist, talk, second, better)
    assert replaced.decision.release_at == EIGHT
    done = await clinic.take_back("A.therapist", talk, first)
    assert done.state.state == "recalled"
    await go_to(clinic, EIGHT)
    found = await read(clinic, talk, "A.client")
    assert better.envelope in found and not {first.envelope, second.envelope} & set(found)


async def test_now_needs_a_reason_unless_it_is_free_and_is_never_given_where_it_is_forbidden(
    clinic: Clinic, talk: Talk
) -> None:
    cases = [("reason_required", "", "held"), ("reason_required", "crisis_call", "placed")]
    cases += [("forbid", "crisis_call", "held"), ("free", "now", "placed")]
    await at_rest(clinic, talk)
    for override, because, state in cases:
        await set_rules(clinic, "A.therapist", {**QUIET, "override": override})
        _, sent = await answer(clinic, talk, override, because)
        assert sent.state.state == state, (override, because)
        night = {reason.label for reason in sent.decision.because if reason.words == "night_action"}
        assert bool(night) is (state == "placed")


async def test_what_waits_can_be_sent_now_for_a_reason_found_later(clinic: Clinic, talk: Talk) -> None:
    await at_rest(clinic, talk)
    first, _ = await answer(clinic, talk, "it can wait")
    therapist = clinic.people["A.therapist"]
    again = seal(talk, therapist, "it can wait")
    body = replacing(therapist.keys.sign, talk.thread, first, again, clinic.now)
    body = type(body)(body.recall, body.envelope, at_once_because="it_cannot")
    sent = await clinic.line.call(endpoints.replace_message, body, token=therapist.token, thread=talk.thread)
    assert sent.state.state == "placed"
    assert again.envelope in await read(clinic, talk, "A.client")


async def look_around(both: Twins) -> None:
    """Everybody but the therapist reads whatever can be read."""
    for caller in READERS:
        asks: dict[Ask, None] = {}
        for name, endpoint in sorted(WHOLE_TABLE.items()):
            if endpoint.method == "GET" and endpoint.access and name not in MADE_ON_DEMAND:
                path = (await make(both.quiet, name, both.quiet.people[caller])).ask.path
                asks |= {Ask("GET", path, query): None for query in QUERIES.get(name, ("",))}
        for ask in asks:
            await both.ask(caller, ask)
    thread = both.quiet.talks["A.client"].thread
    for sealed in [one for name, one in both.secret.sent.items() if name.startswith("A.therapist secretly")]:
        for endpoint in (endpoints.read_message, endpoints.explain_message, endpoints.read_record):
            await both.ask("A.client", Ask("GET", endpoint.fill({"thread": thread, "mid": sealed.mid})))


async def write_and_take_back(clinic: Clinic) -> None:
    talk = clinic.talks["A.client"]
    message = await clinic.say("A.therapist", "secretly scheduled", talk)
    other = seal(talk, clinic.people["A.therapist"], "secretly reworded")
    await replace(clinic, clinic.people["A.therapist"], talk, message, other)
    await clinic.take_back("A.therapist", talk, other)


async def test_nobody_notices_what_was_scheduled_and_taken_back(both: Twins) -> None:
    path = endpoints.send_message.fill({"thread": both.quiet.talks["A.client"].thread})
    first = SendMessage(B64(both.letter("A.therapist", "to what was urgent").envelope))
    assert (await both.ask("A.therapist", Ask("POST", path, body=first))).status == 200
    asked = Ask("PUT", endpoints.set_own_rules.path, body=SetRules(0, [QUIET]))
    assert (await both.ask("A.therapist", asked)).status == 200
    await both.turn_to(NIGHT + timedelta(minutes=1))
    await both.hide(write_and_take_back)
    await look_around(both)
    letter = SendMessage(B64(both.letter("A.client", "meanwhile").envelope))
    assert (await both.ask("A.client", Ask("POST", path, body=letter))).status == 200
    await both.turn_to(MORNING)
    await look_around(both)
    assert not both.told_apart()


async def test_what_is_opened_early_is_there_in_order_and_on_record(clinic: Clinic, talk: Talk) -> None:
    me = clinic.people["A.client"]
    await send(clinic.line, talk, me, second := seal(talk, me, "second"))
    body, token = OpenEarly("crisis_call"), clinic.people["A.therapist"].token
    await clinic.line.call(endpoints.open_early, body, token=token, thread=talk.thread)
    page = await clinic.line.call(endpoints.read_page, token=me.token, thread=talk.thread)
    opened = [
        bytes(one.item or b"") for one in page.items if Entry.unpack(one.entry).reason == Reason.OPENED_EARLY
    ]
    assert opened == [clinic.sent["A.client held"].envelope, second.envelope]
    assert await waiting(clinic, me, talk) == {}
    records = await clinic.operate.fetch("SELECT record FROM log_leaf WHERE practice_id = $1", talk.practice)
    acts = [json.loads(one["record"]) for one in records if one["record"]]
    [act] = [one for one in acts if one.get("act") == "thread.opened_early"]
    assert act["reason"] == "crisis_call" and act["thread"] == talk.thread.hex()


async def test_opening_says_nothing_of_how_much_there_was_and_keeps_the_notice_of_the_window(
    clinic: Clinic, talk: Talk
) -> None:
    token, path = clinic.people["A.therapist"].token, endpoints.open_early.fill({"thread": talk.thread})
    answers = [
        await clinic.line.ask(Ask("POST", path, body=OpenEarly("crisis_call")), token) for _ in range(2)
    ]
    assert answers[0] == answers[1] and (answers[0].status, answers[0].body) == (204, b"")
    me = clinic.people["A.client"]
    await send(clinic.line, talk, me, seal(talk, me, "after it was opened"))
    await go_to(clinic, MORNING)
    told: Notices = await clinic.line.call(endpoints.read_notices, token=clinic.people["A.therapist"].token)
    assert [one.noticed_at for one in told.notices if not one.urgent][:1] == [MORNING]


async def test_the_practice_can_rule_it_out_and_nobody_but_the_therapist_opens(
    clinic: Clinic, talk: Talk
) -> None:
    path, body = endpoints.open_early.fill({"thread": talk.thread}), OpenEarly("crisis_call")
    for name, status in (("A.client", 403), ("A.other_therapist", 404), ("A.supervisor", 403)):
        answer = await clinic.line.ask(Ask("POST", path, body=body), clinic.people[name].token)
        assert answer.status == status, name
    token = clinic.people["A.administrator"].token
    rules = await clinic.line.call(endpoints.read_practice_rules, token=token)
    kept = [rule for rule in rules.rules if rule["kind"] != "bounds"]
    await clinic.line.call(
        endpoints.set_practice_rules,
        SetRules(rules.version, [*kept, {"kind": "bounds", "open_early": False}]),
        token=token,
    )
    refused = await clinic.line.ask(Ask("POST", path, body=body), clinic.people["A.therapist"].token)
    assert (refused.status, refused.problem) == (409, "opening-forbidden")
    assert await waiting(clinic, clinic.people["A.client"], talk)
