"""Commands about crisis cards: what people in danger are shown, and who has verified it."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import click

from etherapy.cli.places import placed, settings_of
from etherapy.cli.profiles import profiled
from etherapy.cli.saying import Group, Refusal, count, remark, say
from etherapy.cli.speaking import open_profile, run, speaking
from etherapy.protocol.crisis_cards import CrisisCard
from etherapy.rules.crisis import Card, Check, checked_cards, stale
from etherapy.sdk.crisis_cards import declare_place, find_crisis_card
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Transport
from etherapy.server.operate.crisis_cards import read_checks, verify_card
from etherapy.server.operate.site import keys_file, open_site
from etherapy.server.settings import Settings


@click.group("crisis", cls=Group)
def crisis() -> None:
    """Crisis cards: what people in danger are shown."""


@crisis.command("list")
@placed
@click.option("--region", help="Only this country, e.g. US.")
def listing(config: Path | None, data: Path | None, region: str | None) -> None:
    """All cards, and which of them nobody has verified for this installation, or not lately."""
    checks = asyncio.run(_checks(settings_of(config, data=data)))
    cards = [card for card in checked_cards(checks) if region is None or card.region == region.upper()]
    if not cards:
        raise Refusal(
            f"there is no card for {region}", "see `etherapy crisis list`; the generic card is shown there"
        )
    today = datetime.now(UTC).date()
    say([line for card in cards for line in _lines(card, today)], cards)
    due = sum(stale(card, today) for card in cards)
    if due:
        remark(
            f"Warning: {due} of {len(cards)} cards need verifying: call each number, then "
            "`etherapy crisis verify`."
        )


def _lines(card: Card, today: date) -> list[str]:
    emergency = f", in an emergency {card.emergency}" if card.emergency else ""
    state = f"verified {card.verified_on}" if card.verified_on else "NOT VERIFIED"
    if card.verified_on and stale(card, today):
        state += ", TOO LONG AGO"
    return [f"{card.region}  [{state}]{emergency}", *(f"    {line.name}: {line.how}" for line in card.lines)]


async def _checks(settings: Settings) -> list[Check]:
    """What was verified here; nothing where no installation is."""
    if not keys_file(settings.data).exists():
        return []
    async with open_site(settings) as site:
        return await read_checks(site)


@crisis.command("card")
@click.argument("region", default="")
@click.option("--language", default="en", show_default=True)
@profiled
def showing(region: str, language: str, profile: str) -> None:
    """Show where help is found in REGION (two letters, e.g. JP), wherever you have said to be."""
    if region and not (len(region) == 2 and region.isascii() and region.isalpha()):
        raise Refusal(f"{region} is not a country", "write its two letters, such as US or DE", 2)
    found = run(_card(profile, region, language))
    say(found.lines, found)


async def _card(profile: str, region: str, language: str) -> CrisisCard:
    with await open_profile(profile) as kept:
        origin = kept.identity.origin
    async with Transport(origin, attempts=1) as transport:
        return await find_crisis_card(transport, region, language)


@crisis.command("here")
@click.argument("country")
@click.option("--area", default="", help="A part of it where licences differ, e.g. US-NY.")
@click.option("--zone", default="", help="Whose time is yours there, e.g. Asia/Tokyo.")
@profiled
def declaring(country: str, area: str, zone: str, profile: str) -> None:
    """Say that you are in COUNTRY from now on (two letters): its crisis card is shown to you.

    Your therapist is told only where they are not licensed to treat there.
    """
    found = run(_declare(profile, country.upper(), area.upper(), zone))
    say(["From now on, this is shown to you:", *found.lines], found)


async def _declare(profile: str, country: str, area: str, zone: str) -> CrisisCard:
    async with speaking(profile, Session) as me:
        return await declare_place(me, country, area, zone)


@crisis.command("verify")
@placed
@click.argument("region")
@click.option("--by", required=True, help="Who verified it: a person's name.")
@click.option("--source", required=True, help="By what: called, or a page with its date.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="When, if not today (YYYY-MM-DD).")
def verifying(
    config: Path | None, data: Path | None, region: str, by: str, source: str, on: datetime | None
) -> None:
    """Record that a person has verified the card of REGION. Cards then show when they were last checked."""
    check = asyncio.run(_verify(settings_of(config, data=data), region, by, source, on and on.date()))
    (card,) = (one for one in checked_cards([check]) if one.region == check.region)
    say(
        [
            f"Recorded: the card of {check.region} was verified on {check.on} by {check.by}.",
            *(f"    {line.name}: {line.how}" for line in card.lines),
            f"It counts for {count(card.review_after_days, 'day')}; then `etherapy doctor` asks for another.",
        ],
        check,
    )


async def _verify(settings: Settings, region: str, by: str, source: str, on: date | None) -> Check:
    async with open_site(settings) as site:
        return await verify_card(site, region, by=by, source=source, on=on)


@crisis.command("history")
@placed
@click.option("--region", help="Only this country, e.g. US.")
def history(config: Path | None, data: Path | None, region: str | None) -> None:
    """Who has verified which card, when, and by what; oldest first."""
    checks = [
        check
        for check in asyncio.run(_checks(settings_of(config, data=data)))
        if region is None or check.region == region.upper()
    ]
    lines = [f"{one.on}  {one.region} version {one.version}: {one.by} ({one.source})" for one in checks]
    say(lines or ["Nobody has verified a card here yet."], checks)


COMMANDS = (crisis,)
