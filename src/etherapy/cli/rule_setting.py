"""Putting rules in force: first what follows from them, then the question whether they are meant."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, BinaryIO

import click

from etherapy.cli.myself import ask
from etherapy.cli.practices import read_rules
from etherapy.cli.profiles import profiled
from etherapy.cli.rules_read import in_language
from etherapy.cli.saying import Command, Refusal, count, remark, say
from etherapy.cli.speaking import choose_thread, in_thread, refresh, run, speaking
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet
from etherapy.sdk.administrator import Administrator
from etherapy.sdk.connection import Connection
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist

Rules = list[dict[str, Any]]


class Shelf:
    """One rule set of somebody: reading it, trying a new one, and putting that in force."""

    def __init__(
        self,
        read: Callable[[], Awaitable[RuleSet]],
        check: Callable[[Rules], Awaitable[RulesChecked]],
        put: Callable[[Rules, int], Awaitable[RulesSet]],
    ) -> None:
        self.read, self.check, self.put = read, check, put


def of_layer(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option that chooses a rule set of a thread."""
    return click.option(
        "--layer",
        type=click.Choice(["own", "agreement", "exception"]),
        default="own",
        help="Your own rules (the practice's for its administrator), or those of one thread.",
    )(function)


@click.command("set", cls=Command)
@click.argument("file", type=click.File("rb"))
@of_layer
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
        ask("Put these rules in force", yes or not sys.stdin.isatty())
        return await shelf.put(written, found.version - 1)

    done = run(on_shelf(profile, layer, thread, language, work))
    if isinstance(done, RulesChecked):
        reach = f"They would be version {done.version}, for {count(done.threads, 'thread')}."
        say([*_examples(done), reach], done)
    else:
        say(f"In force as version {done.version}, for {count(done.threads, 'thread')}.", done)


def _examples(found: RulesChecked) -> Iterator[str]:
    return (example.words for example in found.examples)


async def on_shelf(
    profile: str,
    layer: str,
    thread: str | None,
    language: str,
    work: Callable[[Shelf], Awaitable[Any]],
) -> Any:
    """Do something with a rule set of whoever is behind this profile; Refusal where they have none."""
    async with speaking(profile, Connection) as me:
        roles = (await me.whoami()).roles
    if layer != "own" and "therapist" in roles:
        async with speaking(profile, Therapist) as vale:
            await refresh(vale)
            vale.language = language
            return await work(_of_thread(vale, layer, await choose_thread(vale, thread)))
    if layer != "own":
        raise Refusal("only a therapist keeps rules of a thread", "ask yours: changes are agreed in session")
    if {"therapist", "client"} & set(roles):
        async with speaking(profile, Session) as person:
            person.language = language
            return await work(Shelf(person.own_rules, person.check_own_rules, person.set_own_rules))
    if "administrator" in roles:
        async with speaking(profile, Administrator) as office:
            return await work(
                Shelf(office.rules, lambda rules: office.check_rules(rules, language), office.set_rules)
            )
    raise Refusal("this person keeps no rules", "a supervisor reads them: etherapy supervise settings")


def _of_thread(vale: Therapist, layer: str, thread: bytes) -> Shelf:
    if layer == "agreement":
        return Shelf(
            lambda: vale.agreement(thread),
            lambda rules: vale.check_agreement(thread, rules),
            lambda rules, follows: vale.set_agreement(thread, rules, follows),
        )
    return Shelf(
        lambda: vale.exceptions(thread),
        lambda rules: vale.check_exceptions(thread, rules),
        lambda rules, follows: vale.set_exceptions(thread, rules, follows),
    )


COMMANDS = (setting,)
