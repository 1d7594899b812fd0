"""kill -9 of the server and of PostgreSQL, again and again, under load (guarantees.md 3.3)."""

from tests.crash.cycles import run
from tests.crash.plan import KINDS, Plan


async def test_nothing_acknowledged_is_lost_or_doubled_or_shown_early_whatever_is_killed():
    outcome = await run(Plan(cycles=20, seed=20260601))
    assert outcome.violations == []
    assert outcome.cycles == 20 and set(outcome.kills) == set(KINDS)
    assert outcome.acknowledged > 500 and outcome.repeated > 100 and outcome.recalled > 0
