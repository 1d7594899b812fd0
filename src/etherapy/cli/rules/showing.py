"""What are my rules? The sheet of a thread in words, or the rules that a person has written."""

from typing import Any

import click
import msgspec

from etherapy.cli.profiles import profiled
from etherapy.cli.rules.shelves import LAYERS, on_shelf
from etherapy.cli.saying import Command, say
from etherapy.cli.speaking import choose_thread, in_language, in_thread, on_wall, refresh, run, speaking
from etherapy.protocol.agreed_rules import RuleSet
from etherapy.rules.languages import words_in
from etherapy.rules.sheet import sheet_lines
from etherapy.rules.written import tell_documents
from etherapy.sdk.connection import Connection
from etherapy.sdk.session import Session


@click.command("show", cls=Command)
@click.option(
    "--layer",
    type=click.Choice(LAYERS),
    help="A rule set as it was written: your own, or that of one of your threads.",
)
@in_thread
@on_wall
@in_language
@profiled
def showing(layer: str | None, thread: str | None, zone: str, language: str, profile: str) -> None:
    """The rules that hold for you, in words: in your thread, or those that you have written yourself.

    With --json, what `rules set` takes, or for a thread the form to which promises are bound.
    """
    lines, document = run(_show(profile, layer, thread, zone, language))
    say(lines, document)


async def _show(
    profile: str, layer: str | None, thread: str | None, zone: str, language: str
) -> tuple[list[str], dict[str, Any]]:
    if layer is None:
        async with speaking(profile, Connection) as me:
            is_client = "client" in (await me.whoami()).roles
        if is_client or thread is not None:
            async with speaking(profile, Session) as writer:
                return await _of_thread(writer, thread, zone, language)
    own = await on_shelf(profile, layer or "own", thread, language, lambda shelf: shelf.read())
    return _written(own, language)


async def _of_thread(
    writer: Session, thread: str | None, zone: str, language: str
) -> tuple[list[str], dict[str, Any]]:
    """The verified sheet, in words computed on this device."""
    writer.zone = zone
    await refresh(writer)
    chosen = await choose_thread(writer, thread)
    sheet = await writer.rules_in_words(chosen, language)
    rules = await writer.thread_rules(chosen)
    return list(sheet_lines(sheet, words_in(language))), dict(msgspec.json.decode(rules.canonical()))


def _written(own: RuleSet, language: str) -> tuple[list[str], dict[str, Any]]:
    """A rule set as its author wrote it."""
    lines = tell_documents(own.rules, words_in(language))
    nothing = ["Nothing is set here, so what others have set holds. To begin: etherapy rules templates"]
    return lines or nothing, {"version": own.version, "rules": own.rules}


COMMANDS = (showing,)
