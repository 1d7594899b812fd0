"""Crisis cards that the operator has verified: recorded for the whole installation, and never invented."""

from datetime import date

from etherapy.rules.crisis import CARDS, Check
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.site import Site
from etherapy.store.database import Record

LONGEST_NAME = 120
LONGEST_SOURCE = 500

_READ = "SELECT region, card_version, verified_on, verified_by, source FROM read_crisis_checks()"
_RECORD = """
INSERT INTO crisis_check (region, card_version, verified_on, verified_by, source, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (region, card_version, verified_on, verified_by)
DO NOTHING RETURNING true
"""


async def verify_card(site: Site, region: str, *, by: str, source: str, on: date | None = None) -> Check:
    """Record that somebody verified a card, on a date (today unless named); harmless to repeat.

    CannotOperate where there is no such card, for a date to come, and without a name and a source.
    """
    card = CARDS.get(region.upper())
    if card is None:
        raise CannotOperate(
            f"there is no card for {region}",
            f"verify one of {', '.join(sorted(CARDS))}; elsewhere the card without numbers is shown",
        )
    for what, text, longest in (("name", by, LONGEST_NAME), ("source", source, LONGEST_SOURCE)):
        if not text.strip() or len(text) > longest:
            raise CannotOperate(
                f"the {what} is not 1 to {longest} characters", "say who verified it, and by what"
            )
    now = (await read_installation(site)).now()
    verified_on = on or now.date()
    if verified_on > now.date():
        raise CannotOperate(f"{verified_on} is still to come", "name the date on which it was verified")
    check = Check(card.region, card.version, verified_on, by.strip(), source.strip())
    async with site.connection() as connection:
        await connection.fetchval(_RECORD, check.region, check.version, check.on, check.by, check.source, now)
    return check


async def read_checks(site: Site) -> list[Check]:
    """All that was recorded, oldest first; CannotOperate where nothing is installed."""
    await read_installation(site)
    async with site.connection() as connection:
        rows = await connection.fetch(_READ)
    return [checked(row) for row in rows]


def checked(row: Record) -> Check:
    """One row of `read_crisis_checks`."""
    return Check(row["region"], row["card_version"], row["verified_on"], row["verified_by"], row["source"])
