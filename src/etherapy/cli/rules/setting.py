"""Putting rules in force: first what follows from them, then the question whether they are meant."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import click

from etherapy.cli.myself import ask
from etherapy.cli.profiles import profiled
from etherapy.cli.rules.reading import read_rules
from etherapy.cli.rules.shelves import LAYERS, Shelf, on_shelf
from etherapy.cli.saying import Command, count, remark, say
from etherapy.cli.speaking import in_language, in_thread, run
from etherapy.protocol.agreed_rules import RulesChecked, RulesSet


@click.command("set", cls=Command)
@click.argument("file", type=click.File("rb"))
@click.option(
    "--layer",
    type=click.Choice(LAYERS),
    default="own",
    help="Your own rules (the practice's for its administrator), or those of one thread.",
)
@in_thread
@in_language
@click.option("--try", "only_try", is_flag=True, help="Only say what would follow.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@profiled
def setting(
    file: BinaryIO, layer: str, thread: str | None, language: str, only_try: bool, yes: bool, profile: str
) -> None:
    """Put the rules in FILE (JSON, '-': standard input) in force: your own, the practice's, or a thread's.

    What follows from them is said first; on a terminal you are asked whether you mean it.
    """
    written = read_rules(file.read(), file.name)

    async def work(shelf: Shelf) -> RulesChecked | RulesSet:
        found = await shelf.check(written)
        if only_try:
            return found
        for line in _examples(found):
            remark(line)
        if gone := _kinds((await shelf.read()).rules) - _kinds(written):
            remark(f"No longer set after this: {', '.join(sorted(gone))}.")
        ask("Put these rules in force", yes or not sys.stdin.isatty())
        return await shelf.put(written, found.version - 1)

    done = run(on_shelf(profile, layer, thread, language, work))
    if isinstance(done, RulesChecked):
        reach = f"They would be version {done.version}, for {count(done.threads, 'thread')}."
        say([*_examples(done), reach], done)
    else:
        say(f"In force as version {done.version}, for {count(done.threads, 'thread')}.", done)


def _kinds(documents: Iterable[Mapping[str, Any]]) -> set[str]:
    return {str(one.get("kind")) for one in documents}


def _examples(found: RulesChecked) -> Iterator[str]:
    return (example.words for example in found.examples)


COMMANDS = (setting,)
