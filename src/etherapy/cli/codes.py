"""The code by which somebody says how a thing ended, or why it is done."""

import re

import click

from etherapy.cli.saying import Refusal

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def read_reason(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """A code, or nothing where no reason was given."""
    return text and read_code(context, parameter, text)


def read_code(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
    """The code that was typed; Refusal for what is none."""
    code = text.strip().lower().replace(" ", "_").replace("-", "_")
    if not _CODE.fullmatch(code):
        raise Refusal(
            f"{text!r} is no code", "write up to 40 of a-z, 0-9 and _, such as contacted or safety", 2
        )
    return code


CODE = click.argument("code", callback=read_code)
