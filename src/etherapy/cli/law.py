"""Commands about rules and crisis cards."""

import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from etherapy.cli.practices import read_rules
from etherapy.cli.profiles import profiled
from etherapy.cli.rule_words import show_rule
from etherapy.cli.saying import Group, Refusal, count, remark, say
from etherapy.cli.speaking import choose_thread, in_thread, refresh, run, speaking
from etherapy.protocol.agreed_rules import RulesSet
from etherapy.protocol.endpoint import Role
from etherapy.rules.crisis import CARDS
from etherapy.rules.evaluate import NotSuchADocument, evaluate
from etherapy.sdk.administrator import Administrator
from etherapy.sdk.connection import Connection
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist


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


@click.group("rules", cls=Group)
def rules() -> None:
    """Rules: show them, set them, or ask what follows from them."""


@rules.command("evaluate")
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


@rules.command("show")
@in_thread
@profiled
def showing(thread: str | None, profile: str) -> None:
    """The rules that hold for you: your own, the practice's, or those of your thread.

    With --json, what `rules set` takes, or for a client the form to which promises are bound.
    """
    document = run(_show(profile, thread))
    say(list(_lines(document)), document)


def _lines(document: dict[str, Any]) -> Iterator[str]:
    """A person's own rules; or those of a thread, each with the layers that set it."""
    for one in document["rules"]:
        if "rule" in one:
            yield f"{show_rule(one['rule'])}  [{', '.join(sorted(set(one['origin'].values())))}]"
        else:
            yield show_rule(one)
    if not document["rules"]:
        yield "No rules of your own: those of the practice hold."


async def _show(profile: str, thread: str | None) -> dict[str, Any]:
    async with speaking(profile, Connection) as me:
        roles = (await me.whoami()).roles
    if "client" in roles:
        async with speaking(profile, Session) as client:
            await refresh(client)
            found = await client.thread_rules(await choose_thread(client, thread))
            return dict(msgspec.json.decode(found.canonical()))
    keeper = await _keeper(profile, roles)
    async with keeper as office:
        own = await office.rules()
        return {"version": own.version, "rules": own.rules}


@rules.command("set")
@click.argument("file", type=click.File("rb"))
@profiled
def setting(file: BinaryIO, profile: str) -> None:
    """Put the rules in FILE (JSON, '-': standard input) in force: a therapist's own, or the practice's."""
    done = run(_set(profile, read_rules(file.read(), file.name)))
    say(f"In force as version {done.version}, for {count(done.threads, 'thread')}.", done)


async def _set(profile: str, written: list[dict[str, Any]]) -> RulesSet:
    async with speaking(profile, Connection) as me:
        roles = (await me.whoami()).roles
    async with await _keeper(profile, roles) as office:
        return await office.set_rules(written)


async def _keeper(
    profile: str, roles: list[Role]
) -> AbstractAsyncContextManager[Therapist] | AbstractAsyncContextManager[Administrator]:
    """Who keeps rules under this profile: the therapist for themself, the administrator for the practice."""
    if "therapist" in roles:
        return speaking(profile, Therapist)
    if "administrator" in roles:
        return speaking(profile, Administrator)
    raise Refusal("this person keeps no rules", "a supervisor reads them: etherapy supervise settings")


COMMANDS = (rules, crisis)
