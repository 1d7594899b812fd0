"""Commands by which somebody comes into a thread: invite, admit, cover, agree (tep_amendments.md A-6)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import click

from etherapy.cli.myself import YES, ask
from etherapy.cli.participants import PERSON, choose_person, thread
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Refusal, say
from etherapy.cli.showing import local_zone, printable, show_time
from etherapy.cli.speaking import act_in, in_thread, on_wall
from etherapy.cli.wall import read_wall_time
from etherapy.rules.calendar import instant
from etherapy.sdk.links import InviteLink
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.threads.who import Question


@thread.command("invite")
@click.option(
    "--as",
    "role",
    type=click.Choice(["client", "family"]),
    default="client",
    show_default=True,
    help="What they are here; of clients it is asked who may come in later.",
)
@in_thread
@profiled
def inviting(role: str, thread: str | None, profile: str) -> None:
    """Print a one-use link for one more person of a thread: a partner, family, or who lost everything."""

    async def act(me: Therapist, chosen: bytes) -> InviteLink:
        return await me.invite_into(chosen, role)

    link = act_in(profile, "", thread, Therapist, act)
    say(
        [
            link.text,
            f"Good once, until {show_time(instant(link.expires_at), local_zone())}. Hand it over yourself: "
            "whoever has it first becomes this person.",
            f"There: etherapy join '{link.text}'",
            f"When they have answered, {typed('thread who', profile)} shows them with an id; "
            f"then: {typed('thread admit ID', profile)}",
        ],
        {"link": link.text, "thread": link.thread, "expires_at": instant(link.expires_at)},
    )


@thread.command("admit")
@PERSON
@click.option("--history", is_flag=True, help="They may also be given what was written before.")
@click.option("--name", default="", help="What you call them. It stays on this device.")
@in_thread
@on_wall
@profiled
def admitting(person: str, history: bool, name: str, thread: str | None, zone: str, profile: str) -> None:
    """Propose that PERSON (the beginning of the id), who answered an invitation, comes into the thread."""

    async def act(me: Therapist, chosen: bytes) -> Coming:
        chain = (await choose_person(me, chosen, person)).chain
        if name:
            await me.name(chosen, chain, name)
        return await _coming(me, chosen, chain, await me.admit(chosen, chain, history=history))

    _proposed(act_in(profile, zone, thread, Therapist, act), zone)


@thread.command("cover")
@click.argument("colleague")
@click.option("--from", "since", help="When it begins, by your clock; now, if you say nothing.")
@click.option("--until", help="When it ends by itself, by your clock, such as 2026-08-24.")
@click.option("--for-good", is_flag=True, help="A colleague who works here from now on, without an end.")
@click.option("--history", is_flag=True, help="With --for-good: they may also read what was written before.")
@in_thread
@on_wall
@profiled
def covering(
    colleague: str,
    since: str | None,
    until: str | None,
    for_good: bool,
    history: bool,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """Propose that COLLEAGUE (name, or the beginning of the id) reads and answers for a time."""
    if for_good == (until is not None):
        raise Refusal("a cover ends: say until when", "use --until, or --for-good for a colleague", 2)
    if history and not for_good:
        words = "who covers for a time never reads what was written before"
        raise Refusal(words, "leave out --history, or say --for-good instead of --until", 2)
    if since is not None and for_good:
        raise Refusal("a colleague for good comes in at once", "leave out --from", 2)
    begins = None if since is None else read_wall_time(since, zone)
    ends = None if until is None else read_wall_time(until, zone)

    async def act(me: Therapist, chosen: bytes) -> Coming:
        chain = await _colleague(me, colleague)
        if ends is None:
            complete = await me.propose_colleague(chosen, chain, history=history)
        else:
            complete = await me.propose_cover(chosen, chain, begins, ends)
        return await _coming(me, chosen, chain, complete)

    _proposed(act_in(profile, zone, thread, Therapist, act), zone)


class Coming(NamedTuple):
    """How it stands with somebody who is to come in. `begins`: when, if all agreed and it is not time yet."""

    name: str
    complete: bool
    begins: datetime | None = None


async def _coming(me: Session, thread: bytes, chain: bytes, complete: bool) -> Coming:
    found = {one.chain: one for one in await me.who(thread)}
    later = [one for one in await me.consents(thread) if one.newcomer == chain and not one.missing]
    name = found[chain].name if chain in found else later[0].name if later else "They"
    return Coming(printable(name), complete, min((one.since for one in later), default=None))


def _proposed(found: Coming, zone: str) -> None:
    words = "Proposed. Nothing happens before every client of the thread has agreed, in their own app."
    say(_all_agreed(found, zone) if found.complete else words, _coming_document(found))


def _all_agreed(found: Coming, zone: str) -> str:
    if found.begins is not None:
        return f"All have agreed. {found.name} comes in {show_time(found.begins, zone)}, by itself."
    return f"All have agreed: {found.name} is in."


def _coming_document(found: Coming) -> dict[str, object]:
    return {"complete": found.complete, "begins": found.begins}


async def _colleague(me: Therapist, wanted: str) -> bytes:
    listed = await me.colleagues()
    said = wanted.lower()
    found = [one for one in listed if one.name.lower() == said or one.chain.hex().startswith(said)]
    if len(found) != 1:
        names = ", ".join(sorted(printable(one.name) for one in listed)) or "none"
        raise Refusal(f"no colleague is called {wanted}", f"the therapists of your practice: {names}")
    return bytes(found[0].chain)


@thread.command("consent")
@click.argument("question", required=False)
@YES
@in_thread
@on_wall
@profiled
def consenting(question: str | None, yes: bool, thread: str | None, zone: str, profile: str) -> None:
    """What is asked about a thread; with QUESTION (the beginning of its id): agree to it.

    No is an answer too: whoever does not agree changes nothing.
    """
    asked = act_in(profile, zone, thread, Session, lambda me, chosen: me.consents(chosen))
    if question is None:
        lines = [line for one in asked for line in _show_question(one, profile, zone)]
        say(lines or ["Nothing is asked."], [_question_document(one) for one in asked])
        return
    found = [one for one in asked if one.mine and one.consent.hex().startswith(question.lower())]
    if len(found) != 1:
        raise Refusal("nothing of this kind is asked of you", f"see {typed('thread consent', profile)}")
    ask(found[0].words, yes)

    async def act(me: Session, chosen: bytes) -> Coming:
        complete = await me.consent(chosen, found[0].consent)
        return await _coming(me, chosen, found[0].newcomer, complete)

    done = act_in(profile, zone, thread, Session, act)
    words = _all_agreed(done, zone) if done.complete else "You have agreed; others have still to."
    say(words, _coming_document(done))


def _show_question(one: Question, profile: str, zone: str) -> Iterator[str]:
    yield f"{one.consent.hex()[:8]}  {printable(one.words)}"
    if one.missing:
        yield f"          still to agree: {', '.join(printable(name) for name in one.missing)}"
    else:
        yield f"          all have agreed; it begins by itself, {show_time(one.since, zone)}"
    if one.mine:
        yield f"          to say yes: {typed('thread consent ' + one.consent.hex()[:8], profile)}"


def _question_document(one: Question) -> dict[str, object]:
    return {
        "question": one.consent.hex(),
        "person": one.newcomer.hex(),
        "name": one.name,
        "role": one.role,
        "history": one.history,
        "since": one.since,
        "until": one.until,
        "words": one.words,
        "missing": list(one.missing),
        "mine": one.mine,
    }


COMMANDS = (thread,)
