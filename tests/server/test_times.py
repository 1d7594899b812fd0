"""Absences, holidays and reply times as a therapist sets them on a running server."""

from datetime import UTC, datetime

import msgspec
import pytest

from etherapy.cli.rules.holidays import holiday_rule
from etherapy.rules.kinds.absence import Absence
from tests.server.clinic import Clinic
from tests.server.company import Company
from tests.server.rule_sets import Document, Keeper, days, open_on, preview, rules

CLIENT, VALE, LIND, OFFICE = "A.client", "A.therapist", "A.other_therapist", "A.administrator"
WEEK = open_on("mon", "tue", "wed", "thu", "fri")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def vale(clinic: Clinic, thread: Company) -> Keeper:
    return Keeper(clinic, VALE, thread.talk.thread)


def away(clinic: Clinic, **how: object) -> Document:
    """From Monday, 1 June, to Friday, covered by a colleague."""
    cover = {"cover": clinic.people[LIND].account.hex(), "cover_name": "Dr Lind"}
    return {"kind": "absence", "away_from": "2026-06-01", "back_on": "2026-06-06", **cover, **how}


async def told(thread: Company) -> str:
    """Everything that the client reads before sending."""
    return str(msgspec.to_builtins((await preview(thread, CLIENT)).words))


async def test_an_absence_closes_its_dates_and_offers_the_client_who_covers(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    await vale.set("own", WEEK, days(1), away(clinic, message="On leave until Friday."))
    shown = await told(thread)
    assert "Mon 8 Jun" in shown and "Dr Lind" in shown
    assert [one.back_on.day for one in (await rules(thread, CLIENT)).each(Absence)] == [6]
    await vale.set("own", WEEK, days(1))
    assert "Dr Lind" not in await told(thread)


async def test_a_colleague_who_covers_is_not_offered_again(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    await vale.set("own", WEEK, days(1), away(clinic))
    answer = await thread.bring_in(VALE, LIND, 3, until=utc("2026-06-06T04:00"))
    assert answer.status == 201, answer
    shown = await told(thread)
    assert "agrees" not in shown


async def test_hours_without_a_meaning_are_refused_with_four_dates(vale: Keeper) -> None:
    hours: Document = {"kind": "response.target", "target": {"count": "business_hours", "n": 24}}
    answer = await vale.ask("own", WEEK, hours)
    assert (answer.status, answer.problem) == (422, "bad-rules")
    told = answer.json()
    assert told["field"] == "response.target.target"
    for shown in (
        "Sat 6 Jun 2026 16:00",
        "Mon 8 Jun 2026 16:00",
        "Mon 8 Jun 2026 17:00",
        "Wed 10 Jun 2026 16:00",
    ):
        assert shown in told["mend"]


async def test_a_list_of_holidays_is_in_force_once_somebody_has_read_it(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    office = Keeper(clinic, OFFICE)
    practice = (await office.read("practice")).rules
    unread = holiday_rule("US", "", [2026], "observed")
    refused = await office.ask("practice", *practice, unread)
    assert (refused.status, refused.json()["field"]) == (422, "holiday.calendar.reviewed_by")
    read = unread | {"reviewed_by": "Ruth", "reviewed_on": "2026-01-05"}
    await office.set("practice", *practice, read)
    await vale.set("own", WEEK, days(1))
    table = (await rules(thread, CLIENT)).timetable
    assert table.next_open(utc("2026-07-02T21:00")) == utc("2026-07-06T13:00")
