"""Commands by which the operator makes practices and the links for their first people."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from etherapy.binary import b64
from etherapy.cli.places import placed, settings_of
from etherapy.cli.rules.reading import read_rules
from etherapy.cli.saying import Group, count, say
from etherapy.sdk.entering.staff_link import StaffLink, new_staff_link
from etherapy.server.operate.installation import set_up
from etherapy.server.operate.practices import (
    STAFF_ROLES,
    LinkOffer,
    Practice,
    create_practice,
    create_staff_link,
    find_practice,
    list_practices,
)
from etherapy.server.operate.site import open_site
from etherapy.server.settings import Settings


@click.group("practice", cls=Group)
def practice() -> None:
    """Practices, and the links by which their first people enrol."""


@practice.command("create")
@placed
@click.argument("name")
@click.option("--zone", required=True, help="On whose wall its hours are, e.g. America/New_York.")
@click.option("--region", default="", help="Country whose crisis card is shown, e.g. US.")
@click.option("--emergency-text", default="", help="What every held answer says about emergencies.")
@click.option("--rules", type=click.Path(path_type=Path), help="Rule file (JSON); else weekdays 9 to 5.")
def create(
    config: Path | None,
    data: Path | None,
    name: str,
    zone: str,
    region: str,
    emergency_text: str,
    rules: Path | None,
) -> None:
    """Make a practice called NAME. Sets the installation up where nothing is."""
    written = None if rules is None else read_rules(rules.read_bytes(), str(rules))
    made = asyncio.run(
        _create(
            settings_of(config, data=data),
            name=name,
            zone=zone,
            region=region,
            emergency_text=emergency_text,
            rules=written,
        )
    )
    shown = b64(made.practice_id)
    say(
        [
            f"Made the practice {name} ({shown}).",
            f'Next: etherapy practice staff-link {shown} --role therapist --name "Dr …"',
        ],
        asdict(made),
    )


async def _create(settings: Settings, **wanted: Any) -> Practice:
    async with open_site(settings) as site:
        there = await set_up(site, settings.public_origin)
        return await create_practice(site, there, **wanted)


@practice.command("list")
@placed
def listing(config: Path | None, data: Path | None) -> None:
    """All practices."""
    found = asyncio.run(_list(settings_of(config, data=data)))
    lines = [
        f"{b64(one.practice_id)}  {one.name}  ({one.zone}; {one.staff} staff, {count(one.clients, 'client')})"
        for one in found
    ]
    say(lines or ["There is no practice yet."], [asdict(one) for one in found])


async def _list(settings: Settings) -> list[Practice]:
    async with open_site(settings) as site:
        return await list_practices(site)


@practice.command("staff-link")
@placed
@click.argument("practice")
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(STAFF_ROLES))
@click.option("--name", required=True, help="How people will see this person, e.g. Dr Vale.")
@click.option("--origin", help="Public origin for the link [ETHERAPY_ORIGIN].")
def staff_link(
    config: Path | None,
    data: Path | None,
    practice: str,
    roles: tuple[str, ...],
    name: str,
    origin: str | None,
) -> None:
    """Print a one-use link by which one person enrols in PRACTICE (its name or id). Good for 7 days."""
    settings = settings_of(config, data=data, origin=origin)
    link, expires_at = asyncio.run(_staff_link(settings, practice, roles, name))
    say(
        [
            link.text,
            f"Good once, until {expires_at:%Y-%m-%d %H:%M} UTC. Hand it to {name} on a safe way: "
            "whoever has it first becomes this person.",
            f"There: etherapy enrol '{link.text}'",
        ],
        {"link": link.text, "expires_at": expires_at, "roles": list(roles), "name": name},
    )


async def _staff_link(
    settings: Settings, practice: str, roles: tuple[str, ...], name: str
) -> tuple[StaffLink, datetime]:
    async with open_site(settings) as site:
        there = await set_up(site, settings.public_origin)
        found = await find_practice(site, practice)
        origin = settings.public_origin if settings.origin else there.secrets.origin
        link = new_staff_link(origin, found.practice_id, there.secrets.server_id)
        offer = LinkOffer(link.lookup_id, link.staff_pk)
        return link, await create_staff_link(site, there, found.practice_id, offer, roles, name)


COMMANDS = (practice,)
