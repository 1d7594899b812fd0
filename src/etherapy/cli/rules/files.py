"""Commands for rules as files: check them, compare them, ask what follows from them, take a template."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click
import msgspec

from etherapy.cli.profiles import profiled
from etherapy.cli.rules.in_force import in_force
from etherapy.cli.rules.reading import checked, in_layers, read_over, shown_faults
from etherapy.cli.saying import Command, Refusal, count, say
from etherapy.cli.speaking import in_language, in_thread
from etherapy.clock import SystemClock
from etherapy.rules import Attempt, BadRule, Decision, Facts, decide
from etherapy.rules.calendar import zone as known_zone
from etherapy.rules.decision_cases import shown
from etherapy.rules.differences import difference_lines, differences
from etherapy.rules.examples import example_lines, examples
from etherapy.rules.explain import Parties, explain_reasons, explain_to_client, explain_to_therapist
from etherapy.rules.instants import read_moment, show_instant
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.policy import BadPolicy, Policy, policy_in, write_policy
from etherapy.rules.rule import SERVICE_CLASSES
from etherapy.rules.sheet import rule_sheet, sheet_lines
from etherapy.rules.templates import fill, find_template, templates

CURRENT = "current"


@click.command("check", cls=Command)
@click.argument("file")
@in_layers
@click.option("--zone", default="", help="Show times in this zone too, e.g. America/Chicago.")
@click.option(
    "--canonical", is_flag=True, help="Print nothing but the policy file in its one canonical form."
)
@in_language
def checking(file: str, layer: str, over: str | None, zone: str, canonical: bool, language: str) -> None:
    """Say whether FILE makes rules ('-': standard input), what is wrong with it, and what follows from it.

    Exit status 1: not rules; 2: not a file of rules at all.
    """
    policy = read_over(file, layer, over)
    rules = checked(policy)
    if canonical:
        sys.stdout.buffer.write(write_policy(policy))
        return
    _known(zone)
    words, now = LANGUAGES[language], SystemClock().now()
    sheet = rule_sheet(rules, now, zone, words, "therapist", "whose_therapist")
    lines = [_summary(policy), *example_lines(rules, now, words, zone), "", *sheet_lines(sheet, words)]
    found = [{"sent": show_instant(one.at), "decision": shown(one.decision)} for one in examples(rules, now)]
    numbers = {name: len(said) for name, said in policy.layers.items()}
    say(lines, {"rules": numbers, "examples": found, "words": sheet})


@click.command("diff", cls=Command)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@in_layers
@in_thread
@in_language
@profiled
def comparing(
    before: str,
    after: str,
    layer: str,
    over: str | None,
    thread: str | None,
    language: str,
    profile: str,
) -> None:
    """What B says otherwise than A, layer by layer and field by field.

    `current` is what is in force for you, with --thread that thread's agreement and exceptions too. Exit
    status 1 if there is a difference.
    """
    held = in_force(profile, thread) if CURRENT in (before, after) else None
    layer = layer if held is None else next(iter(held.layers))
    was, now = (
        held if held is not None and one == CURRENT else read_over(one, layer, over)
        for one in (before, after)
    )
    found = differences(was, now)
    say(list(difference_lines(found, LANGUAGES[language])) or "No difference.", found)
    if found:
        raise click.exceptions.Exit(1)


@click.command("explain", cls=Command)
@click.argument("file")
@click.option("--at", required=True, help="When it is sent: 2026-06-01T22:40 on the wall of --zone.")
@click.option("--zone", default="", help="Where the client is; else the zone of the hours.")
@click.option("--kind", type=click.Choice(SERVICE_CLASSES), default="message", show_default=True)
@click.option("--urgent", is_flag=True, help="Marked urgent.")
@click.option("--by", type=click.Choice(("client", "therapist")), default="client", show_default=True)
@click.option("--size", type=click.IntRange(0), default=0, help="Bytes, padded and sealed.")
@click.option("--reader", default="Dr N.", show_default=True, help="What the therapist is called.")
@click.option("--person", default="", help="The rules of one participant (account, 32 hex digits).")
@in_layers
@in_language
def explaining(
    file: str,
    at: str,
    zone: str,
    reader: str,
    person: str,
    layer: str,
    over: str | None,
    language: str,
    **asked: Any,
) -> None:
    """What would become of a message under the rules in FILE, in words for client and therapist, and why."""
    rules = checked(read_over(file, layer, over), person)
    zone = _known(zone) or rules.timetable.zone_name
    decision = decide(rules, _attempt(at, zone, **asked), Facts())
    words, parties = LANGUAGES[language], Parties(reader, zone)
    to_client = explain_to_client(decision, rules, parties, words)
    to_therapist = explain_to_therapist(decision, rules, parties, words)
    reasons = explain_reasons(decision, words)
    lines = [
        *_under("For the client", to_client),
        *_under("For the therapist", to_therapist),
        *_under("Why", (f"{told}  [{reason.kind}, {reason.origin}]" for told, reason in reasons)),
        *_under("Decided by", _winners(decision)),
    ]
    say(lines, {"decision": shown(decision), "client": to_client, "therapist": to_therapist})


@click.command("templates", cls=Command)
@click.argument("name", required=False)
@click.option("--zone", help="On whose wall its hours are, e.g. America/New_York.")
@click.option("--fill", "filled", multiple=True, metavar="NAME=VALUE", help="Fill another blank.")
@in_language
def taking(name: str | None, zone: str | None, filled: tuple[str, ...], language: str) -> None:
    """Templates to begin with; with NAME its rules, as `rules set` and `rules check` take them.

    Blanks are filled with --zone and --fill; one that is missing is named, with what it means.
    """
    if name is None:
        say(_listed(language), list(templates().values()))
        return
    blanks = dict(_pair(one) for one in filled) | ({} if zone is None else {"zone": zone})
    try:
        documents = fill(find_template(name), blanks)
        policy_in(documents)
    except BadRule as bad:
        raise Refusal(f"{bad.field}: {bad.problem}", _how_to_fill(bad, name, blanks), 2) from None
    except BadPolicy as bad:
        shown_faults(bad)
        raise click.exceptions.Exit(2) from None
    click.echo(msgspec.json.format(msgspec.json.encode(documents), indent=2))


def _summary(policy: Policy) -> str:
    said = ", ".join(f"{name}: {count(len(rules), 'rule')}" for name, rules in policy.layers.items())
    return f"These make rules ({said})."


def _under(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {line}" for line in lines)


def _winners(decision: Decision) -> Iterator[str]:
    for field, reason in sorted(decision.by.items()):
        yield f"{field}: {reason.kind}.{reason.field} [{reason.origin}]"


def _attempt(at: str, zone: str, *, kind: str, urgent: bool, by: str, size: int) -> Attempt:
    try:
        moment = read_moment(at, zone, "--at")
    except BadRule as bad:
        raise Refusal(f"{bad.field}: {bad.problem}", bad.mend, 2) from None
    by_client, number = by == "client", SERVICE_CLASSES.index(kind) + 1
    role = "client" if by_client else "therapist"
    return Attempt(moment, by_client, number, urgent, size, role)  # type: ignore[arg-type]  # one of the roles


def _known(zone: str) -> str:
    try:
        if zone:
            known_zone(zone)
    except BadRule as bad:
        raise Refusal(f"--zone: {bad.problem}", bad.mend, 2) from None
    return zone


def _listed(language: str) -> Iterator[str]:
    for template in templates().values():
        yield f"{template.name}  {template.title[language]}"
        yield f"    {template.about[language]}"
        yield f"    {template.principle[language]} ({template.source})"
        yield f"    to fill in: {', '.join(template.blanks)}"


def _how_to_fill(bad: BadRule, name: str, blanks: Mapping[str, str]) -> str:
    """The mend, with the option by which a blank is filled that was forgotten."""
    if name not in templates() or bad.field in blanks or bad.field not in templates()[name].blanks:
        return bad.mend
    return f"{'--zone ZONE' if bad.field == 'zone' else f'--fill {bad.field}=VALUE'}; {bad.mend}"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Refusal(f"--fill {text}: no value", "write NAME=VALUE, e.g. start=2026-09-07", 2)
    return name, value


COMMANDS = (checking, comparing, explaining, taking)
