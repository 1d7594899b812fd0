"""How commands say things: lines for people, or with `--json` one document and nothing else."""

import re
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec

from etherapy.binary import b64, enc_hook

_JSON = "etherapy.json"


class Refusal(Exception):
    """A command cannot do what was asked. `mend` says what to do about it; exit status 1, or `status`."""

    def __init__(self, problem: str, mend: str = "", status: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend
        self.status = status


_VALUE = re.compile(r"-[A-Za-z0-9_-]{21}|.*\s.*", re.DOTALL)
"""What begins with a dash and is no option all the same: an id, or a text of more than one word."""


class Command(click.Command):
    """A command that knows `--json`, and takes ids and texts that begin with a dash."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                callback=_remember,
                help="Print one JSON document instead of words.",
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        known = {name for param in self.get_params(ctx) for name in (*param.opts, *param.secondary_opts)}
        for arg in args[: args.index("--") if "--" in args else None]:
            if arg.startswith("--") and not _VALUE.fullmatch(arg) and arg.partition("=")[0] not in known:
                raise click.NoSuchOption(arg.partition("=")[0], possibilities=sorted(known), ctx=ctx)
        ctx.ignore_unknown_options = any(_VALUE.fullmatch(arg) for arg in args)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """Commands in the order in which they were written down."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their whole first sentences."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(200)) for name, one in self.commands.items()])


class ListingGroup(Group):
    """Commands of which `list` is meant where none is named: its options may follow the group at once."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and (not args[0].startswith("-") or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if named else ["list", *args])


def say(lines: Iterable[str] | str, document: object) -> None:
    """Print the lines, or the document where JSON was asked for."""
    if wants_json():
        plain = msgspec.to_builtins(document, builtin_types=(bytes, datetime, timedelta), enc_hook=enc_hook)
        click.echo(msgspec.json.format(msgspec.json.encode(_plain(plain)), indent=2))
    else:
        for line in [lines] if isinstance(lines, str) else lines:
            click.echo(line)


def wants_json() -> bool:
    """Whether this run was asked for JSON."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_JSON))


def remark(line: str) -> None:
    """Something beside the answer: to standard error, so that it never gets into a document."""
    click.echo(line, err=True)


def complain(problem: str, mend: str = "") -> None:
    """One clear line that says what is wrong, and one that says what to do."""
    click.echo(f"etherapy: {problem}", err=True)
    if mend:
        click.echo(f"  {mend}", err=True)


def count(number: int, thing: str) -> str:
    """So many things: `1 thread`, `2 threads`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def is_terminal() -> bool:
    """Whether a person is looking."""
    return sys.stdout.isatty()


def _remember(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.meta[_JSON] = True


def _plain(value: Any) -> Any:
    """The value as JSON has it; bytes as base64url, durations as seconds."""
    if isinstance(value, bytes):
        return b64(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
