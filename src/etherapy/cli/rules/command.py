"""Commands about rules."""

import sys
from pathlib import Path

import click
import msgspec

from etherapy.cli.rules import files, holidays, setting, showing
from etherapy.cli.saying import Group, Refusal
from etherapy.rules.evaluate import NotSuchADocument, evaluate


@click.group("rules", cls=Group)
def rules() -> None:
    """Rules: show them, set them, or ask what follows from them."""


@rules.command("evaluate")
@click.argument("file")
def evaluating(file: str) -> None:
    """Answer the cases in FILE ('-': standard input): timetables, or decisions by whole policies."""
    try:
        document = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refusal(f"{file} cannot be read ({error.strerror})", status=2) from None
    try:
        results = evaluate(document)
    except NotSuchADocument as error:
        raise Refusal(f"{file}: {error}", status=2) from None
    sys.stdout.buffer.write(msgspec.json.encode(results) + b"\n")


for room in (setting, files, showing, holidays):
    for command in room.COMMANDS:
        rules.add_command(command)

COMMANDS = (rules,)
