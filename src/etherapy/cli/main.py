"""`etherapy`: all commands, and how a failure is told. Exit status 1: refused; 2: not understood."""

import sys
from collections.abc import Iterator, Sequence
from traceback import extract_tb

import click

from etherapy import __version__
from etherapy.cli import (
    admitting,
    alerts,
    clocks,
    crisis_cards,
    devices,
    entering,
    findings,
    installations,
    kinds,
    participants,
    practices,
    reading,
    receipts,
    server_keys,
    supervising,
    tasks,
    writing,
)
from etherapy.cli.demo import command as story
from etherapy.cli.rules import command as rules
from etherapy.cli.saying import Group, Refusal, complain, remark
from etherapy.cli.showing import show_words
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import CardNotShown, Declined
from etherapy.sdk.faults import DeviceFault
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.server.operate.faults import in_words

_OF_KEYS = "etherapy.crypto.errors"
"""The room whose errors speak to people, such as of a mistyped code, and which commands never look into."""


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", prog_name="etherapy")
def etherapy() -> None:
    """Encrypted messages between clients and their therapists, inside the hours they agreed."""


for room in (
    entering,
    devices,
    reading,
    writing,
    receipts,
    participants,
    admitting,
    kinds,
    findings,
    rules,
    crisis_cards,
    alerts,
    tasks,
    supervising,
    story,
    installations,
    server_keys,
    practices,
    clocks,
):
    for command in room.COMMANDS:
        etherapy.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit status."""
    try:
        status = etherapy.main(arguments, prog_name="etherapy", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.UsageError as error:
        error.show()
        return 2
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("stopped")
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone: nothing is left to tell
        return 1
    except Exception as error:
        return _tell(error)


def _tell(error: Exception) -> int:
    if isinstance(error, Refusal):
        complain(error.problem, error.mend)
        return error.status
    if isinstance(error, DeviceFault):
        complain(error.cause, error.mend)
        return 1
    if isinstance(error, Declined | CardNotShown):
        for line in show_words(error.words):
            remark(line)
    if isinstance(error, Problem):
        complain(error.title, _details(error))
        return 1
    if isinstance(error, Unreachable | Garbled):
        complain(str(error), "check network and address, then do the same again: what was begun is finished")
        return 1
    if type(error).__module__ == _OF_KEYS:
        complain(str(error))
        return 1
    words = in_words(error)
    if words is not None:
        complain(words.problem, words.mend)
        return 1
    place = extract_tb(error.__traceback__)[-1]
    complain(
        f"a defect of etherapy: {type(error).__name__} in {place.name}, line {place.lineno}",
        "please report it; the command may have been carried out in part",
    )
    return 1


def _details(problem: Problem) -> str:
    """What a problem says besides its title, and the number by which the operator finds it."""
    said = [": ".join(_said(problem, "field", "fault")), *_said(problem, "mend", "whose", "what")]
    said = [part for part in said if part]
    if problem.request_id:
        said.append(f"request {problem.request_id}")
    return "; ".join(said)


def _said(problem: Problem, *names: str) -> Iterator[str]:
    return (str(getattr(problem, name)) for name in names if getattr(problem, name, ""))


def main() -> None:
    """The entry point of the installed program."""
    sys.exit(run())
