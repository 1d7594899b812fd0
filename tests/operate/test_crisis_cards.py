"""Crisis cards are verified by people: who, when and by what is recorded, and nothing is made up (D-34)."""

from datetime import date, timedelta

import pytest

from etherapy.clock import SystemClock
from etherapy.rules import crisis
from etherapy.rules.crisis import CARDS, Check, card_for
from etherapy.server.main import _look
from etherapy.server.operate.crisis_cards import read_checks, verify_card
from etherapy.server.operate.doctor import examine
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import read_installation, set_up
from etherapy.store.database import Database
from tests.operate.places import ORIGIN, settings_at, site_at


@pytest.fixture
async def place(scratch, postgres, tmp_path):
    """An installation: its site and settings. What it verified is forgotten afterwards."""
    store = await scratch()
    site = site_at(tmp_path / "data", store, postgres)
    await set_up(site, ORIGIN)
    yield site, settings_at(site.data, store)
    crisis.adopt([])


async def test_a_verified_card_shows_when_it_was_last_checked_and_others_do_not(place):
    site, _ = place
    today = (await read_installation(site)).now().date()
    check = await verify_card(site, "us", by="Ola Berg", source="called 988")
    assert check == Check("US", CARDS["US"].version, today, "Ola Berg", "called 988")
    async with Database(site.serve_dsn) as serving:
        await _look(serving, SystemClock(), compare=True)
    assert card_for("US").verified_on == today
    assert card_for("US").source == "called 988"
    assert card_for("CA").verified_on is None
    assert CARDS["US"].verified_on is None


async def test_each_verification_is_kept_and_the_newest_counts(place):
    site, _ = place
    for on in (date(2026, 3, 1), date(2026, 1, 5)):
        await verify_card(site, "DE", by="Ola Berg", source="called", on=on)
        await verify_card(site, "DE", by="Ola Berg", source="called", on=on)  # harmless to repeat
    checks = await read_checks(site)
    assert [check.on for check in checks] == [date(2026, 1, 5), date(2026, 3, 1)]
    crisis.adopt(checks)
    assert card_for("DE").verified_on == date(2026, 3, 1)


@pytest.mark.parametrize(
    ("region", "by", "source", "days"),
    [("XX", "Ola", "called", 0), ("US", " ", "called", 0), ("US", "Ola", "", 0), ("US", "Ola", "called", 2)],
)
async def test_what_nobody_can_have_verified_is_refused_with_a_mend(place, region, by, source, days):
    site, _ = place
    on = (await read_installation(site)).now().date() + timedelta(days=days)
    with pytest.raises(CannotOperate) as refusal:
        await verify_card(site, region, by=by, source=source, on=on)
    assert refusal.value.mend
    assert await read_checks(site) == []


async def test_the_serving_role_reads_checks_and_cannot_write_them(place):
    import asyncpg

    site, _ = place
    async with Database(site.serve_dsn) as serving, serving.connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(
                "INSERT INTO crisis_check VALUES ('US', 1, '2026-01-01', 'x', 'y', '2026-01-01T00:00Z')"
            )


async def test_the_doctor_names_cards_that_nobody_has_verified_or_not_lately(place):
    site, settings = place
    today = (await read_installation(site)).now().date()
    for region in CARDS:
        await verify_card(site, region, by="Ola Berg", source="called")
    assert [line.state for line in await _lines(settings)] == ["ok"]
    async with site.connection() as connection:
        await connection.execute("DELETE FROM crisis_check WHERE region = 'FR'")
        long_ago = today - timedelta(days=181)
        await connection.execute("UPDATE crisis_check SET verified_on = $1 WHERE region = 'US'", long_ago)
    missing, old = await _lines(settings)
    assert (missing.state, old.state) == ("warn", "warn")
    assert "FR" in missing.words and "US" in old.words and "US" not in missing.words
    assert "etherapy crisis verify" in missing.mend


async def _lines(settings):
    return [line for line in await examine(settings) if line.name == "crisis cards"]
