"""A colleague covers while the therapist is away: S-8 with keys, to the minute (A-6; docs/rules.md 11)."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints, messages
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import AskPreview
from etherapy.protocol.threads import Notices
from etherapy.rules.calendar import milliseconds
from etherapy.rules.resolved import Rules
from etherapy.tep.consent import consent_hash
from etherapy.tep.epoch import CommitReason, Role
from tests.server.clinic import ORIGIN, Clinic
from tests.server.company import Company, company_of
from tests.server.furnishing import Furnished
from tests.server.instead import look, promise_of, replace
from tests.server.people import Sealed, log_in, seal, send

VALE, LIND, NOOR, TOMAS = "A.therapist", "A.other_therapist", "A.client", "A.other_client"
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
AWAY = [
    {"kind": "window.exception", "date": f"2026-08-{day}", "effect": "closed", "label": "away"}
    for day in range(10, 24)
]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LEAVE = utc("2026-08-07T16:00")
"""Friday noon in New York: Noor consented, and Dr Lind is let in."""
SATURDAY = utc("2026-08-15T15:00")
TUESDAY = utc("2026-08-18T17:00")
BACK = utc("2026-08-24T04:00")
"""Midnight in New York at the end of the leave."""


def weekly(zone: str, days: list[str], start: str, end: str) -> dict[str, object]:
    return {"kind": "window.weekly", "zone": zone, "windows": [{"days": days, "start": start, "end": end}]}


LINDS_HOURS = weekly("America/Chicago", WEEKDAYS[:4], "10:00", "15:00")
TARGET = {"kind": "response.target", "target": {"count": "business_days", "n": 1}}


async def set_rules(clinic: Clinic, who: str, *rules: Mapping[str, object]) -> None:
    token = clinic.people[who].token
    version = (await clinic.line.call(endpoints.read_own_rules, token=token)).version
    body = SetRules(version, [dict(rule) for rule in rules])
    await clinic.line.call(endpoints.set_own_rules, body, token=token)


async def go_to(clinic: Clinic, instant: datetime) -> None:
    """Time goes on, the workers make their rounds, everybody logs in."""
    await clinic.clock.turn_to(instant)
    await clinic.make_rounds()
    for name in (VALE, LIND, NOOR, TOMAS):
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[name]))


async def write(company: Company, text: str) -> tuple[Sealed, messages.Sent]:
    by = company.person(company.client)
    message = seal(company.talk, by, text)
    return message, await send(company.clinic.line, company.talk, by, message)


async def notices(clinic: Clinic, who: str) -> set[datetime]:
    found: Notices = await clinic.line.call(endpoints.read_notices, token=clinic.people[who].token)
    return {one.window_at for one in found.notices}


async def rules_of(company: Company, who: str) -> Rules:
    return Rules.from_canonical(bytes((await company.call(who, endpoints.read_sheet)).shared))


async def cover(company: Company, since: datetime | None = None) -> None:
    """Owner and client agree that Dr Lind reads until the leave is over."""
    answer = await company.bring_in(VALE, LIND, Role.CO_THERAPIST, since=since, until=BACK)
    assert answer.status == 201, answer


@pytest.fixture
async def clinic(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Clinic]:
    """The Friday before the leave, with the rules of both set."""
    async with furnished.open(tmp_path) as found:
        await found.operate.execute(
            "UPDATE account SET display_name = 'Dr Lind' WHERE account_id = $1", found.people[LIND].account
        )
        await go_to(found, LEAVE)
        await set_rules(found, LIND, LINDS_HOURS, TARGET)
        own = weekly("America/New_York", WEEKDAYS, "09:00", "17:00")
        await set_rules(found, VALE, own, TARGET, *AWAY)
        yield found


@pytest.fixture
def noor(clinic: Clinic) -> Company:
    return company_of(clinic, NOOR)


@pytest.fixture
def tomas(clinic: Clinic) -> Company:
    return company_of(clinic, TOMAS)


async def test_s8_who_consented_is_read_by_the_cover_and_who_did_not_waits(
    clinic: Clinic, noor: Company, tomas: Company
) -> None:
    await cover(noor)
    await go_to(clinic, SATURDAY)
    _, covered = await write(noor, "is anybody there")
    promise = promise_of(covered.receipt)
    assert promise.release_at == milliseconds(utc("2026-08-17T15:00"))
    assert promise.reply_by == milliseconds(utc("2026-08-18T20:00"))
    assert covered.words.lines[0] == "Dr Lind covers for Dr Vale now."
    assert "Dr Lind will have this Mon 17 Aug, 10:00 Central" in covered.words.lines[1]
    told = await tomas.call(TOMAS, endpoints.preview, AskPreview())
    assert told.decision.release_at == utc("2026-08-24T13:00")
    assert told.decision.reply_by == utc("2026-08-25T21:00")
    assert told.decision.long_wait and told.decision.cover is None


async def test_s8_the_notice_goes_to_the_one_whose_hours_decided(clinic: Clinic, noor: Company) -> None:
    await cover(noor)
    await go_to(clinic, SATURDAY)
    message, _ = await write(noor, "is anybody there")
    monday = utc("2026-08-17T15:00")
    before = await notices(clinic, VALE), await notices(clinic, LIND)
    await go_to(clinic, monday - MINUTE)
    assert (await notices(clinic, VALE), await notices(clinic, LIND)) == before
    await go_to(clinic, monday)
    assert await notices(clinic, VALE) == before[0]
    assert await notices(clinic, LIND) == before[1] | {monday}
    page = await noor.call(LIND, endpoints.read_page)
    assert [bytes(one.item) for one in page.items if one.item is not None][-1] == message.envelope


async def test_s8_a_late_consent_brings_the_message_to_the_cover_with_its_first_time(
    clinic: Clinic, tomas: Company
) -> None:
    """The owner signed before the leave, the client signs during it, and their device does the rest."""
    core = tomas.consent(LIND, Role.CO_THERAPIST, until=BACK)
    await tomas.sign(VALE, core)
    await go_to(clinic, SATURDAY)
    message, sent = await write(tomas, "I did not sleep")
    first = promise_of(sent.receipt)
    await go_to(clinic, TUESDAY)
    assert (await tomas.sign(TOMAS, core)).complete
    roles = {**tomas.roles, LIND: Role.CO_THERAPIST}
    answer = await tomas.commit(TOMAS, CommitReason.USER_ADDED, roles=roles, names=[consent_hash(core)])
    assert answer.status == 201, answer
    me = clinic.people[TOMAS]
    before = await look(clinic, me, tomas.talk, message)
    assert before.state.promise is None  # sealed for Dr Vale alone: no hour of the cover brings it forward
    new = seal(tomas.talk, me, message.text)
    sent = await replace(clinic, me, tomas.talk, message, new)
    promise = promise_of(sent.receipt)
    assert (sent.state.state, promise.release_at) == ("placed", milliseconds(TUESDAY))
    assert promise.reply_by == milliseconds(utc("2026-08-19T20:00"))
    assert promise.counted_from == first.accepted_at == milliseconds(SATURDAY)
    assert TUESDAY - 2 * HOUR in await notices(clinic, LIND)
    page = await tomas.call(LIND, endpoints.read_page)
    assert [bytes(one.item) for one in page.items if one.item is not None][-1] == new.envelope


async def test_s8_at_the_end_the_cover_reads_nothing_and_nothing_is_sealed_to_them(
    clinic: Clinic, noor: Company
) -> None:
    """AT-97, AT-98: at the very instant, without a worker; what is held over the end is the owner's."""
    await cover(noor)
    await go_to(clinic, utc("2026-08-21T20:00"))  # Friday: Dr Lind does not read before the end
    message, sent = await write(noor, "over the weekend")
    assert promise_of(sent.receipt).release_at == milliseconds(utc("2026-08-24T13:00"))
    await go_to(clinic, BACK - MINUTE)
    assert (await noor.call(LIND, endpoints.read_page)).items
    await clinic.clock.turn_to(BACK)
    read = noor.ask(endpoints.read_page)
    assert (await clinic.line.ask(read, clinic.people[LIND].token)).status == 404
    me, stale = clinic.people[NOOR], seal(noor.talk, clinic.people[NOOR], "under the old roster")
    ask = noor.ask(endpoints.send_message, messages.SendMessage(B64(stale.envelope)))
    answer = await clinic.line.ask(ask, me.token)
    assert (answer.status, answer.problem) == (409, "stale-epoch")
    answer = await noor.commit(NOOR, CommitReason.USER_REMOVED, roles=noor.without(LIND))
    assert answer.status == 201, answer
    assert (await rules_of(noor, NOOR)).covers == ()
    _, sent = await write(noor, "after the leave")
    assert sent.decision.cover is None
    await go_to(clinic, utc("2026-08-24T13:00"))
    page = await noor.call(VALE, endpoints.read_page)
    assert message.envelope in [bytes(one.item or b"") for one in page.items]


async def test_a_sheet_names_the_cover_and_follows_when_the_cover_s_rules_change(
    clinic: Clinic, noor: Company
) -> None:
    before = await noor.call(NOOR, endpoints.read_sheet)
    assert Rules.from_canonical(bytes(before.shared)).covers == ()
    await cover(noor)
    sheet = await noor.call(NOOR, endpoints.read_sheet)
    [found] = Rules.from_canonical(bytes(sheet.shared)).covers
    assert sheet.r == before.r + 1
    assert (found.by, found.name) == (clinic.people[LIND].account.hex(), "Dr Lind")
    assert (found.since, found.until) == (milliseconds(LEAVE), milliseconds(BACK))
    await set_rules(clinic, LIND, weekly("America/Chicago", ["sun"], "08:00", "09:00"), TARGET)
    after = await noor.call(NOOR, endpoints.read_sheet)
    assert after.r == sheet.r + 1
    assert Rules.from_canonical(bytes(after.shared)).covers[0].rules != found.rules
    await set_rules(clinic, VALE, weekly("America/New_York", ["mon"], "09:00", "17:00"), TARGET, *AWAY)
    assert [one.name for one in (await rules_of(noor, NOOR)).covers] == ["Dr Lind"]


async def test_more_hours_of_the_cover_bring_forward_what_is_sealed_to_them_and_nothing_else(
    clinic: Clinic, noor: Company, tomas: Company
) -> None:
    await cover(noor)
    await go_to(clinic, SATURDAY)
    earlier, _ = await write(noor, "sealed for both")
    alone, _ = await write(tomas, "sealed for Dr Vale")
    await cover(tomas)
    sunday = utc("2026-08-16T13:00")
    more = weekly("America/Chicago", ["sun", *WEEKDAYS[:4]], "08:00", "15:00")
    await set_rules(clinic, LIND, more, TARGET)
    moved = await look(clinic, clinic.people[NOOR], noor.talk, earlier)
    assert moved.state.promise is not None
    assert promise_of(bytes(moved.state.promise)).release_at == milliseconds(sunday)
    stays = await look(clinic, clinic.people[TOMAS], tomas.talk, alone)
    assert stays.state.promise is None and stays.state.state == "held"
    seen = await notices(clinic, LIND)
    await go_to(clinic, sunday)
    assert await notices(clinic, LIND) == seen | {sunday}
    assert (await look(clinic, clinic.people[TOMAS], tomas.talk, alone)).state.state == "held"


async def test_fewer_hours_of_the_cover_move_no_promise_later(clinic: Clinic, noor: Company) -> None:
    await cover(noor)
    await go_to(clinic, SATURDAY)
    message, _ = await write(noor, "is anybody there")
    await set_rules(clinic, LIND, weekly("America/Chicago", ["thu"], "10:00", "15:00"), TARGET)
    now = await look(clinic, clinic.people[NOOR], noor.talk, message)
    assert now.state.promise is None
    await go_to(clinic, utc("2026-08-17T15:00"))
    assert (await look(clinic, clinic.people[NOOR], noor.talk, message)).state.state == "placed"


async def test_a_colleague_without_an_end_changes_no_time(clinic: Clinic, noor: Company) -> None:
    answer = await noor.bring_in(VALE, LIND, Role.CO_THERAPIST)
    assert answer.status == 201, answer
    assert (await rules_of(noor, NOOR)).covers == ()
    await go_to(clinic, SATURDAY)
    _, sent = await write(noor, "is anybody there")
    assert sent.decision.release_at == utc("2026-08-24T13:00")


async def test_the_therapist_is_told_whose_the_times_are(clinic: Clinic, noor: Company) -> None:
    await cover(noor)
    await go_to(clinic, SATURDAY)
    message, _ = await write(noor, "is anybody there")
    await go_to(clinic, utc("2026-08-17T15:00"))
    for reader in (VALE, LIND):
        found = await clinic.line.call(
            endpoints.explain_message,
            token=clinic.people[reader].token,
            thread=noor.talk.thread,
            mid=message.mid,
        )
        assert found.summary[0] == "Covered by Dr Lind: the times are those of Dr Lind."
        assert found.summary[1].startswith("Held for Dr Lind until Mon 17 Aug, 10:00 Central")
