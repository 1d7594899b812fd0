"""Where a text comes from: the command line, standard input, or the person's editor."""

import sys

import click

from etherapy.cli.saying import Refusal

_HINT = "\n\n# Write above this line. An empty text sends nothing.\n"


def read_text(given: str | None) -> str:
    """The text to send: `given`, or standard input where it is piped or `given` is `-`, else from $EDITOR.

    What stands on the command line can be seen in the machine's list of processes; the other two cannot.
    """
    if given is not None and given != "-":
        text = given
    elif given == "-" or not sys.stdin.isatty():
        text = sys.stdin.read()
    else:
        text = (click.edit(_HINT, extension=".txt") or "").partition(_HINT.strip())[0]
    text = text.strip()
    if not text:
        raise Refusal("there is no text", "nothing was sent")
    return text


def read_secret(given: str | None, what: str) -> str:
    """A link or code: `given`, or asked for without an echo, so that it stays out of the shell's history."""
    if given is not None and given != "-":
        return given
    if given == "-" or not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(click.prompt(what, hide_input=True))
