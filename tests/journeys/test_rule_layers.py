"""Rules in layers as people keep them on their devices: agreed, for a while, for one alone, by oneself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from etherapy.protocol.problems import BadRules, Declined, StaleVersion
from etherapy.rules.kinds.budget_count import BudgetCount
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.sdk.faults import Refuted
from etherapy.store.connection import connect
from tests.journeys.conftest import VALE, Story

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)  # Monday 1 June, 22:40 in Chicago
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


def budget(account: bytes, n: int) -> dict[str, Any]:
    """So many messages a week, agreed with one person alone; more are not sent."""
    return {
        "kind": "budget.count",
        "limits": [{"n": n, "per": "week"}],
        "over": "decline_keep_draft",
        "only_for": [account.hex()],
    }


async def account_of(person: Any) -> bytes:
    return bytes((await person.whoami()).account)


async def test_what_is_agreed_with_the_client_holds_on_their_device_and_is_told_in_words(
    story: Story,
) -> None:
    vale, noor = story.therapist, story.client
    await vale.set_agreement(story.thread, [budget(await account_of(noor), 1)])
    mine, theirs = await noor.thread_rules(story.thread), await vale.thread_rules(story.thread)
    now = story.server.clock.now()
    assert mine.the(BudgetCount, now).limits and not theirs.the(BudgetCount, now).limits
    shown = await noor.rules_in_words(story.thread, "en")
    [section] = [one for one in shown.sections if one.kind == "budget.count"]
    assert section.sentences[0].set_by == "agreed with you"
    await story.turn_to(NIGHT)
    first = await noor.send(story.thread, "I could not sleep.")
    assert first.state == "held" and first.promise.release_at == MORNING
    with pytest.raises(Declined):
        await noor.send(story.thread, "And again.")
    await story.turn_to(MORNING)
    await story.server.make_rounds()
    await noor.sync()
    [own] = [one for one in await noor.messages(story.thread) if one.mine]
    assert own.text == "I could not sleep." and noor.findings == ()


async def test_a_part_that_is_not_the_one_in_the_sheet_is_refused_by_the_device(story: Story) -> None:
    """A server cannot show one of two people a budget that the sheet does not hold, or hide theirs."""
    vale, noor = story.therapist, story.client
    await vale.set_agreement(story.thread, [budget(await account_of(noor), 2)])
    connection = await connect(story.server.store.bootstrap_dsn, timeout=10)
    await connection.execute("UPDATE rule_sheet_part SET part = $1 WHERE thread_id = $2", b"{}", story.thread)
    await connection.close()
    with pytest.raises(Refuted, match="your own part"):
        await noor.thread_rules(story.thread)
    assert (await vale.thread_rules(story.thread)).entries


async def test_an_exception_holds_for_its_dates_and_the_agreement_before_and_after(story: Story) -> None:
    vale = story.therapist
    slow = {"kind": "response.target", "target": {"count": "business_days", "n": 3}}
    await vale.set_agreement(story.thread, [slow])
    ill = slow | {
        "target": {"count": "none"},
        "begins": "2026-06-08",
        "ends": "2026-06-15",
        "reason": "illness",
    }
    await vale.set_exceptions(story.thread, [ill])
    found = await story.client.thread_rules(story.thread)
    promised = []
    for day in (5, 8, 14, 15):
        noon = datetime(2026, 6, day, 16, 0, tzinfo=UTC)
        promised.append(type(found.the(ResponseTarget, noon).target).__name__)
    assert promised == ["BusinessDays", "NoTarget", "NoTarget", "BusinessDays"]


async def test_a_trial_of_an_agreement_shows_its_dates_and_two_authors_do_not_overwrite_each_other(
    story: Story,
) -> None:
    vale = story.therapist
    hours = {"kind": "response.target", "target": {"count": "wall_hours", "n": 24}}
    tried = await vale.check_agreement(story.thread, [hours])
    friday = tried.examples[0]
    assert friday.reply_by == friday.at + timedelta(hours=24)
    assert (await vale.agreement(story.thread)).version == 0
    await vale.set_agreement(story.thread, [hours], follows=0)
    with pytest.raises(StaleVersion):
        await vale.set_agreement(story.thread, [], follows=0)
    with pytest.raises(BadRules) as refused:
        await vale.set_exceptions(story.thread, [hours])
    assert refused.value.field == "response.target.reason" and refused.value.mend


async def test_a_client_s_own_pause_is_seen_by_the_therapist_and_quiet_hours_by_nobody(story: Story) -> None:
    vale, noor = story.therapist, story.client
    quiet = {"kind": "client.quiet_hours", "start": "22:00", "end": "08:00"}
    r = (await _sheet(story)).r
    await noor.set_own_rules([quiet])
    assert (await _sheet(story)).r == r
    pause = {
        "kind": "pause",
        "by": "client",
        "since": "2026-06-01T12:00:00Z",
        "until": "2026-06-04T12:00:00Z",
    }
    await noor.set_own_rules([quiet, pause])
    assert (await _sheet(story)).r == r + 1
    shown = await vale.rules_in_words(story.thread, at=story.server.clock.now())
    assert {one.kind for one in shown.sections} >= {"pause"}
    assert "client.quiet_hours" not in {one.kind for one in shown.sections}
    with pytest.raises(Declined) as refused:
        await noor.send(story.thread, "Not now.")
    assert refused.value.retry_from == datetime(2026, 6, 4, 12, 0, tzinfo=UTC)
    assert (await noor.send(story.thread, "I need you.", urgent=True)).state == "placed"
    await noor.set_own_rules([quiet])
    assert (await noor.own_rules()).rules == [quiet]
    assert (await noor.send(story.thread, "Back again.")).state == "held"


async def test_a_trial_of_one_s_own_rules_says_what_would_follow(story: Story) -> None:
    pause = {"kind": "pause", "by": "client", "since": "2026-06-01T12:00:00Z"}
    tried = await story.client.check_own_rules([pause])
    assert {example.code for example in tried.examples} == {"declined"}
    own = await story.therapist.check_own_rules(VALE)
    assert (own.threads, (await story.therapist.rules()).version) == (1, 0)


async def _sheet(story: Story) -> Any:
    await story.client.thread_rules(story.thread)
    return story.client.desk(story.thread).state.sheets
