"""Trying rules before they are put in force, phases that are announced, and dates that rules close."""

from datetime import UTC, datetime

import pytest

from etherapy.protocol import endpoints
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.targets import BusinessDays
from tests.server.clinic import ORIGIN, Clinic
from tests.server.company import Company
from tests.server.people import log_in
from tests.server.rule_sets import Document, Keeper, days, open_on, rules, sheet

CLIENT, VALE, OFFICE = "A.client", "A.therapist", "A.administrator"
WEEK = ("mon", "tue", "wed", "thu", "fri")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def vale(clinic: Clinic, thread: Company) -> Keeper:
    return Keeper(clinic, VALE, thread.talk.thread)


async def test_a_trial_shows_the_dates_that_follow_and_changes_nothing(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    """It is Sunday night. "24 hours" can mean the end of Monday, or Saturday afternoon."""
    before = await sheet(thread, CLIENT)
    hours: Document = {"kind": "response.target", "target": {"count": "wall_hours", "n": 24}}
    for layer in ("own", "agreement"):
        working = await vale.check(layer, open_on(*WEEK), days(1))
        friday, night = working.examples
        assert (friday.at, friday.reply_by) == (utc("2026-06-05T20:00"), utc("2026-06-08T21:00"))
        assert (night.at, night.release_at) == (utc("2026-06-10T03:00"), utc("2026-06-10T13:00"))
        elapsed = await vale.check(layer, open_on(*WEEK), hours)
        assert elapsed.examples[0].reply_by == utc("2026-06-06T20:00")
        assert "Fri 5 Jun" in friday.words and working.words.openings
        reached = {"own": 3, "agreement": 1}
        assert (working.version, working.threads) == (1, reached[layer])
        assert (await vale.read(layer)).version == 0
    assert await sheet(thread, CLIENT) == before


async def test_a_trial_answers_in_the_language_and_zone_that_are_asked_for(vale: Keeper) -> None:
    told = await vale.check("own", open_on(*WEEK), query="zone=Europe/Berlin&language=de")
    assert told.words.language == "de"
    assert "Fr" in told.examples[0].words


async def test_a_trial_is_refused_as_the_rules_would_be(clinic: Clinic, vale: Keeper) -> None:
    office = Keeper(clinic, OFFICE)
    practice = (await office.read("practice")).rules
    await vale.set("agreement", days(9))
    tight = [*practice, {"kind": "bounds", "max_target_days": 2}]
    with pytest.raises(AssertionError, match="bad-rules"):
        await office.check("practice", *tight)
    assert (await office.check("practice", *practice)).version == 2


def phases(*later: Document) -> dict[str, object]:
    return {"kind": "phase", "phases": [{"name": "standard"}, *later]}


def step_down(begins: str, **more: object) -> dict[str, object]:
    rule = {"kind": "response.target", "target": {"count": "business_days", "n": 5}}
    return {"name": "step_down_1", "begins": begins, "rules": [rule], **more}


async def test_a_coming_phase_is_announced_when_it_is_set_and_keeps_that_date(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    """It is 1 June in UTC and still 31 May on the practice's wall, by which notice runs."""
    await vale.set("agreement", phases(step_down("2026-06-20")))
    kept = (await vale.read("agreement")).rules[0]["phases"]
    assert kept[0] == {"name": "standard"} and kept[1]["announced"] == "2026-05-31"
    later = await _days_on(thread, utc("2026-06-21T16:00"))
    assert (await _days_on(thread, utc("2026-06-18T16:00")), later) == (1, 5)
    await clinic.clock.turn_to(utc("2026-06-01T20:00"))
    await vale.set("agreement", phases(step_down("2026-06-20")), days(1))
    kept = (await vale.read("agreement")).rules[0]["phases"]
    assert kept[1]["announced"] == "2026-05-31"


@pytest.mark.parametrize("asked", ["2026-01-01", "2026-05-30"])
async def test_nobody_writes_an_announcement_that_was_not_made(vale: Keeper, asked: str) -> None:
    await vale.set("agreement", phases(step_down("2026-06-02", announced=asked)))
    assert (await vale.read("agreement")).rules[0]["phases"][1]["announced"] == "2026-05-31"


async def test_late_notice_moves_the_beginning_of_a_phase(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    """A phase that is changed is announced anew: 14 days from then."""
    await vale.set("agreement", phases(step_down("2026-06-20")))
    await clinic.clock.turn_to(utc("2026-06-11T16:00"))
    for who in (CLIENT, VALE):
        clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[who]))
    await vale.set("agreement", phases(step_down("2026-06-19")))
    kept = (await vale.read("agreement")).rules[0]["phases"][1]
    assert (kept["begins"], kept["announced"]) == ("2026-06-19", "2026-06-11")
    found = [await _days_on(thread, utc(f"2026-06-{day}T16:00")) for day in (19, 24, 25)]
    assert found == [1, 1, 5]


async def _days_on(thread: Company, at: datetime) -> int:
    target = (await rules(thread, CLIENT)).the(ResponseTarget, at).target
    assert isinstance(target, BusinessDays)
    return target.n


async def test_rules_that_close_a_date_leave_the_owner_a_task_whether_or_not_anything_waits_for_it(
    clinic: Clinic, vale: Keeper
) -> None:
    """On Tuesday an answer is due, on the Monday two weeks later none: the task tells neither (G5)."""
    assert await _closed_dates(clinic) == []
    closed = [
        {"kind": "window.exception", "date": date, "effect": "closed", "label": "training"}
        for date in ("2026-06-02", "2026-06-15")
    ]
    await vale.set("own", *closed)
    zone = "America/New_York"
    assert await _closed_dates(clinic) == [f"2026-06-02 {zone}", f"2026-06-15 {zone}"]
    await vale.set("own", *closed, days(2))
    assert len(await _closed_dates(clinic)) == 2


async def _closed_dates(clinic: Clinic) -> list[str]:
    found = await clinic.line.call(endpoints.read_tasks, token=clinic.people[VALE].token)
    return [task.subject for task in found.tasks if task.kind == "promises_on_closed_date"]
