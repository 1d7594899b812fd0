"""Rule files as commands read them: a policy or a plain list, over others, with every fault told."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from etherapy.cli.saying import Refusal, complain, count, remark, say, wants_json
from etherapy.rules import BadRule, Rules
from etherapy.rules.policy import IN_A_FILE, BadPolicy, Policy, check_policy, read_json, read_policy

Function = TypeVar("Function", bound=Callable[..., Any])
_NO_FILE = frozenset({"file", "format"})


def in_layers(function: Function) -> Function:
    """The options that say what a file is read as, and over which other rules."""
    over = click.option("--over", metavar="FILE", help="The rules beneath FILE, policy or list.")
    layer = click.option(
        "--layer",
        type=click.Choice(IN_A_FILE),
        default="therapist",
        show_default=True,
        help="Whose rules a plain list is.",
    )
    return layer(over(function))


def read_rules(data: bytes, name: str) -> list[dict[str, Any]]:
    """A list of rule documents, bare or as {"rules": [...]}; Refusal for anything else."""
    try:
        document = read_json(data)
        return msgspec.convert(
            document["rules"] if isinstance(document, dict) else document, list[dict[str, Any]]
        )
    except BadRule as bad:
        raise Refusal(f"{name} is no rule file: {bad.problem}", bad.mend, 2) from None
    except (msgspec.ValidationError, KeyError):
        raise Refusal(f"{name} is no rule file", "write a JSON list of rules: docs/rules.md", 2) from None


def read_over(file: str, layer: str, over: str | None) -> Policy:
    """The policy in a file, with the layers that only another file has.

    A list there is the therapist's; beneath rules of a therapist it is the practice's.
    """
    policy = _read(file, layer)
    if over is None:
        return policy
    weaker = _read(over, "practice" if layer in ("practice", "therapist") else "therapist")
    return Policy({**weaker.layers, **policy.layers}, policy.owner or weaker.owner)


def checked(policy: Policy, person: str = "") -> Rules:
    """What holds by a policy; where its layers make no rules, all faults are told and the command ends."""
    try:
        return check_policy(policy, person)
    except BadPolicy as bad:
        shown_faults(bad)
        if not {"practice", "therapist"} & policy.layers.keys():
            remark("  An agreement stands on other rules: name those with --over FILE.")
        raise click.exceptions.Exit(1) from None


def shown_faults(bad: BadPolicy) -> None:
    """Every fault with its mend: to standard error, or as a document where JSON was asked for."""
    for fault in bad.faults:
        complain(f"{fault.field}: {fault.problem}", fault.mend)
    if wants_json():
        faults = [{"field": one.field, "problem": one.problem, "mend": one.mend} for one in bad.faults]
        say([], {"faults": faults})
    elif len(bad.faults) > 1:
        complain(count(len(bad.faults), "fault"))


def _read(file: str, layer: str) -> Policy:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refusal(f"{file} cannot be read ({error.strerror})", status=2) from None
    try:
        return read_policy(data, layer)
    except BadPolicy as bad:
        shown_faults(bad)
        raise click.exceptions.Exit(2 if bad.faults[0].field in _NO_FILE else 1) from None
