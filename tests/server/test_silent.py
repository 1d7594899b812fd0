"""Delivered quietly: there at once, told of at the next opening (rules.md 3.5; R-06, R-08, R-09)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.threads import Notice
from etherapy.tep.placing import Entry, Reason
from etherapy.tep.statements import Decision
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic
from tests.server.instead import promise_of
from tests.server.people import Talk, log_in, seal, send

MINUTE = timedelta(minutes=1)
SILENT = {"kind": "off_hours.policy", "policy": "deliver_silent"}


@pytest.fixture
def talk(clinic: Clinic) -> Talk:
    return clinic.talks["A.client"]


async def set_rules(clinic: Clinic, who: str, *rules: Mapping[str, object]) -> None:
    token = clinic.people[who].token
    version = (await clinic.line.call(endpoints.read_own_rules, token=token)).version
    await clinic.line.call(
        endpoints.set_own_rules, SetRules(version, [dict(rule) for rule in rules]), token=token
    )


async def go_to(clinic: Clinic, instant: datetime) -> None:
    await clinic.clock.turn_to(instant)
    for name in ("A.client", "A.therapist"):
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))


async def notices(clinic: Clinic, who: str, query: str = "") -> list[Notice]:
    token = clinic.people[who].token
    return (await clinic.line.call(endpoints.read_notices, query=query, token=token)).notices


async def test_it_is_there_at_once_and_signed_as_quiet(clinic: Clinic, talk: Talk) -> None:
    await set_rules(clinic, "A.therapist", SILENT)
    me = clinic.people["A.client"]
    message = seal(talk, me, "quietly")
    sent = await send(clinic.line, talk, me, message)
    promise = promise_of(sent.receipt)
    assert (sent.state.state, sent.decision.code) == ("placed", "silent")
    assert promise.decision == Decision.SILENT and promise.release_at == promise.accepted_at
    assert sent.decision.recall_until is None, "it may have been read"
    assert Entry.unpack(sent.state.entry or b"").reason == Reason.AT_ONCE
    page = await clinic.line.call(
        endpoints.read_page, token=clinic.people["A.therapist"].token, thread=talk.thread
    )
    assert message.envelope in [bytes(one.item) for one in page.items if one.item is not None]


async def test_the_therapist_is_told_of_it_only_when_it_opens(clinic: Clinic, talk: Talk) -> None:
    await set_rules(clinic, "A.therapist", SILENT)
    before = await notices(clinic, "A.therapist")
    me = clinic.people["A.client"]
    for text in ("quietly", "and once more"):
        await send(clinic.line, talk, me, seal(talk, me, text))
    assert await notices(clinic, "A.therapist") == before
    await go_to(clinic, MORNING - timedelta(milliseconds=1))
    assert await notices(clinic, "A.therapist") == before
    await go_to(clinic, MORNING)
    told = [one for one in await notices(clinic, "A.therapist") if one not in before]
    assert [(one.noticed_at, one.urgent) for one in told] == [(MORNING, False)], "one for the opening"


async def test_quiet_hours_put_off_the_notice_and_not_the_message(clinic: Clinic, talk: Talk) -> None:
    quiet = {"kind": "therapist.outbound", "quiet_start": "08:00", "quiet_end": "10:00"}
    await set_rules(clinic, "A.therapist", quiet)
    tuesday = MORNING + timedelta(days=1)
    await go_to(clinic, tuesday + MINUTE)
    before = await notices(clinic, "A.therapist")
    me = clinic.people["A.client"]
    sent = await send(clinic.line, talk, me, seal(talk, me, "in the hours"))
    assert sent.state.state == "placed"
    ten = tuesday + timedelta(hours=1)
    assert sent.decision.notice_at == ten
    assert await notices(clinic, "A.therapist") == before
    await go_to(clinic, ten)
    assert (await notices(clinic, "A.therapist"))[0].noticed_at == ten


@pytest.mark.parametrize("policy", ["hold", "deliver_silent"])
async def test_quiet_hours_that_are_set_later_put_off_the_notice_of_what_was_taken_before(
    clinic: Clinic, talk: Talk, policy: str
) -> None:
    """rules.md 3.5, invariant 8: of what waited until then, and of what was delivered quietly."""
    await set_rules(clinic, "A.therapist", {"kind": "off_hours.policy", "policy": policy})
    before = await notices(clinic, "A.therapist")
    me = clinic.people["A.client"]
    await send(clinic.line, talk, me, seal(talk, me, "at night"))
    quiet = {"kind": "therapist.outbound", "quiet_start": "08:00", "quiet_end": "10:00"}
    await set_rules(clinic, "A.therapist", quiet)
    ten = MORNING + timedelta(hours=1)
    await go_to(clinic, ten - timedelta(milliseconds=1))
    await clinic.make_rounds()
    assert await notices(clinic, "A.therapist") == before
    await go_to(clinic, ten)
    assert [one.noticed_at for one in await notices(clinic, "A.therapist") if one not in before] == [ten]
    since = ten.isoformat().replace("+00:00", "Z")
    assert [one.noticed_at for one in await notices(clinic, "A.therapist", f"since={since}")] == [ten]


async def test_a_client_is_told_of_what_came_and_in_quiet_hours_once_at_their_end(
    clinic: Clinic, talk: Talk
) -> None:
    hours = {"kind": "client.quiet_hours", "zone": "device", "start": "21:00", "end": "07:00"}
    await set_rules(clinic, "A.client", hours)
    therapist = clinic.people["A.therapist"]
    since, query = NIGHT + MINUTE, "since=2026-06-01T02:41:00Z&zone=America/Chicago"
    await go_to(clinic, since)
    therapist = clinic.people["A.therapist"]
    for text in ("at night", "and again"):
        await send(clinic.line, talk, therapist, seal(talk, therapist, text))
    seven = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    await go_to(clinic, seven - timedelta(milliseconds=1))
    assert await notices(clinic, "A.client", query) == []
    elsewhere = await notices(clinic, "A.client", "since=2026-06-01T02:41:00Z&zone=Asia/Tokyo")
    assert [one.noticed_at for one in elsewhere] == [since], "there it was day, and both came at once"
    await go_to(clinic, seven)
    [told] = await notices(clinic, "A.client", query)
    assert (told.noticed_at, told.thread, told.urgent) == (seven, talk.thread, False)
    later = MORNING + MINUTE
    await go_to(clinic, later)
    therapist = clinic.people["A.therapist"]
    await send(clinic.line, talk, therapist, seal(talk, therapist, "by day"))
    assert [one.noticed_at for one in await notices(clinic, "A.client", query)] == [later, seven]


async def test_quiet_hours_are_nobody_elses_and_change_no_promise(clinic: Clinic, talk: Talk) -> None:
    hours = {"kind": "client.quiet_hours", "zone": "Asia/Tokyo", "start": "21:00", "end": "07:00"}
    before = await clinic.operate.fetchval("SELECT rules_rev FROM thread WHERE thread_id = $1", talk.thread)
    await set_rules(clinic, "A.client", hours)
    after = await clinic.operate.fetchval("SELECT rules_rev FROM thread WHERE thread_id = $1", talk.thread)
    assert before == after
    sheet = await clinic.line.call(
        endpoints.read_sheet, token=clinic.people["A.therapist"].token, thread=talk.thread
    )
    assert b"quiet_hours" not in bytes(sheet.shared) + bytes(sheet.part)


async def test_the_card_is_that_of_the_place_which_the_client_declared(clinic: Clinic, talk: Talk) -> None:
    """At once, on a node that has sent for this client before: no promise depends on it."""
    me = clinic.people["A.client"]
    first = await send(clinic.line, talk, me, seal(talk, me, "before"))
    assert first.words.card.region == "US"
    await set_rules(clinic, "A.client", {"kind": "region", "country": "DE", "zone": "Europe/Berlin"})
    second = await send(clinic.line, talk, me, seal(talk, me, "after"))
    assert second.words.card.region == "DE"
    explained = json.dumps([one.how for one in second.words.card.lines])
    assert explained and second.words.card_lines
