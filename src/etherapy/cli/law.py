"""Commands about rules and crisis cards that need neither a server nor a profile."""

import sys
from pathlib import Path

import click
import msgspec

from etherapy.cli.saying import Command, Group, Refusal, remark, say
from etherapy.rules.crisis import CARDS
from etherapy.rules.evaluate import NotSuchADocument, evaluate


@click.group("crisis", cls=Group)
def crisis() -> None:
    """Crisis cards: what people in danger are shown."""


@crisis.command("list")
@click.option("--region", help="Only this country, e.g. US.")
def listing(region: str | None) -> None:
    """All built-in cards, and which of them nobody has verified."""
    cards = [card for card in CARDS.values() if region is None or card.region == region.upper()]
    if not cards:
        raise Refusal(
            f"there is no card for {region}", "see `etherapy crisis list`; the generic card is shown there"
        )
    lines = []
    for card in cards:
        emergency = f", in an emergency {card.emergency}" if card.emergency else ""
        state = f"verified {card.verified_on}" if card.verified_on else "NOT VERIFIED"
        lines.append(f"{card.region}  [{state}]{emergency}")
        lines += [f"    {line.name}: {line.how}" for line in card.lines]
    say(lines, cards)
    unverified = sum(card.verified_on is None for card in cards)
    if unverified:
        remark(
            f"Warning: {unverified} of {len(cards)} cards were verified by nobody: call each number first."
        )


@click.command("evaluate", cls=Command)
@click.argument("file")
def evaluating(file: str) -> None:
    """Answer the timetable cases in FILE ('-': standard input): when it is open, when a reply is due."""
    try:
        document = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refusal(f"{file} cannot be read ({error.strerror})", status=2) from None
    try:
        results = evaluate(document)
    except NotSuchADocument as error:
        raise Refusal(f"{file}: {error}", status=2) from None
    sys.stdout.buffer.write(msgspec.json.encode(results) + b"\n")


@click.group("rules", cls=Group)
def rules() -> None:
    """Rules: show them, set them, or ask what follows from them."""


rules.add_command(evaluating)

COMMANDS = (rules, crisis)
