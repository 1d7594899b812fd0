"""Where a text or a plan comes from: the command line, standard input, or the person's editor."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from etherapy.cli.saying import Refusal, remark
from etherapy.protocol.problem import Problem
from etherapy.sdk.faults import DeviceFault, NotSentYet
from etherapy.tep.kinds import SafetyPlan

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


@contextmanager
def giving_back(text: str, *, typed: bool) -> Iterator[None]:
    """Show a text that was `typed` just now again where it was not taken: nothing else of it is left here."""
    try:
        yield
    except NotSentYet:
        raise  # it is in the outbox
    except (Problem, Refusal, DeviceFault):
        if typed and text:
            remark(f"What you wrote:\n\n{text}\n")
        raise


def read_plan(known: SafetyPlan | None) -> dict[str, list[str]]:
    """The steps of a safety plan: from standard input where it is piped, else from $EDITOR, beginning with
    the plan in force. A line with # names a step; each line below it is one entry."""
    form = _plan_form(known)
    typed = (click.edit(form, extension=".txt") or "") if sys.stdin.isatty() else sys.stdin.read()
    names = {words.casefold(): name for name, words in SafetyPlan.step_names().items()}
    names |= {name: name for name in SafetyPlan.step_names()}
    found: dict[str, list[str]] = {}
    step = ""
    for line in (one.strip() for one in typed.splitlines()):
        if line.startswith("#"):
            step = names.get(line.strip("# ").casefold(), "")
            if not step:
                raise Refusal(f"a safety plan has no step called {line.strip('# ')}", "keep the lines with #")
        elif entry := line.removeprefix("-").strip():
            if not step:
                raise Refusal("a line stands before the first step", "keep the lines with #")
            found.setdefault(step, []).append(entry)
    if not found:
        raise Refusal("the plan is empty", "nothing was sent")
    return found


def _plan_form(known: SafetyPlan | None) -> str:
    return "\n".join(
        line
        for name, words in SafetyPlan.step_names().items()
        for line in (f"# {words}", *(f"- {one}" for one in (getattr(known, name) if known else ())), "")
    )


def read_secret(given: str | None, what: str, *, again: bool = False) -> str:
    """A link or code: `given`, or asked for without an echo, so that it stays out of the shell's history;
    with `again` twice, for one that is made up just now."""
    if given is not None and given != "-":
        return given
    if given == "-" or not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return str(click.prompt(what, hide_input=True, confirmation_prompt=again))
