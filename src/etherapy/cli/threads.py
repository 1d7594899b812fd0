"""Commands about who is in a thread: look, invite, ask, agree, leave, recognise, give the history."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click

from etherapy.cli.drafting import read_text
from etherapy.cli.myself import YES, ask
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Command, Group, Refusal, say
from etherapy.cli.showing import local_zone, printable, show_place, show_time
from etherapy.cli.speaking import choose_message, choose_thread, in_thread, on_wall, refresh, run, speaking
from etherapy.cli.wall import read_wall_time
from etherapy.cli.writing import document_of
from etherapy.rules.calendar import instant
from etherapy.sdk.links import InviteLink
from etherapy.sdk.message import SentMessage
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.who import Participant, Question

Kind = TypeVar("Kind", bound=Session)
Found = TypeVar("Found")
_PERSON = click.argument("person")
_ROLES = {
    "client": "client",
    "therapist": "therapist",
    "co_therapist": "covers or works here too",
    "family": "family",
}


@click.group("thread", cls=Group)
def thread() -> None:
    """Who is in a thread, and how somebody comes in or goes."""


def _in(
    profile: str,
    zone: str,
    wanted: str | None,
    kind: type[Kind],
    act: Callable[[Kind, bytes], Awaitable[Found]],
) -> Found:
    """Do something in a thread, after what is new there was read."""

    async def work() -> Found:
        async with speaking(profile, kind, zone) as me:
            await refresh(me)
            return await act(me, await choose_thread(me, wanted))

    return run(work())


@thread.command("who")
@in_thread
@on_wall
@profiled
def who(thread: str | None, zone: str, profile: str) -> None:
    """Who reads a thread, since when and until when, and who waits to come in."""
    found = _in(profile, zone, thread, Session, lambda me, chosen: me.who(chosen))
    say([line for one in found for line in _show(one, zone)], [_document(one) for one in found])


def _show(one: Participant, zone: str) -> Iterator[str]:
    yield f"{one.chain.hex()[:8]}  {printable(one.name)}  ({_ROLES[one.role]}){_standing(one, zone)}"
    if one.standing == "present" and one.reads == "since_then":
        yield "          reads what was written since then, nothing from before"
    if one.left_out:
        yield f"          {one.left_out} of their devices left out"


def _standing(one: Participant, zone: str) -> str:
    if one.standing == "left":
        return ", not here any more"
    if one.standing == "waiting":
        return ", answered an invitation and is not in yet"
    since = "" if one.since is None else f", since {show_time(one.since, zone)}"
    until = "" if one.until is None else f", until {show_time(one.until, zone)}"
    known = ", compared in session" if one.confirmed else ""
    return since + until + known


def _document(one: Participant) -> dict[str, object]:
    return {
        "person": one.chain.hex(),
        "name": one.name,
        "role": one.role,
        "standing": one.standing,
        "mine": one.mine,
        "since": one.since,
        "until": one.until,
        "reads": one.reads,
        "devices": one.devices,
        "left_out": one.left_out,
        "confirmed": one.confirmed,
    }


@thread.command("invite")
@click.option("--as", "role", type=click.Choice(["client", "family"]), default="client", show_default=True)
@in_thread
@profiled
def inviting(role: str, thread: str | None, profile: str) -> None:
    """Print a one-use link for one more person of a thread: a partner, family, or who lost everything."""

    async def act(me: Therapist, chosen: bytes) -> InviteLink:
        return await me.invite_into(chosen, role)

    link = _in(profile, "", thread, Therapist, act)
    say(
        [
            link.text,
            f"Good once, until {show_time(instant(link.expires_at), local_zone())}. Hand it over yourself.",
            f"When they have answered: {typed('thread admit', profile)} and the beginning of their id.",
        ],
        {"link": link.text, "thread": link.thread, "expires_at": instant(link.expires_at)},
    )


@thread.command("admit")
@_PERSON
@click.option("--history", is_flag=True, help="They may also be given what was written before.")
@in_thread
@profiled
def admitting(person: str, history: bool, thread: str | None, profile: str) -> None:
    """Propose that PERSON (the beginning of the id), who answered an invitation, comes into the thread."""

    async def act(me: Therapist, chosen: bytes) -> bool:
        return await me.admit(chosen, (await _choose(me, chosen, person)).chain, history=history)

    _proposed(_in(profile, "", thread, Therapist, act))


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
    if for_good == (until is not None) or (history and not for_good):
        raise Refusal("a cover ends: say until when", "use --until, or --for-good for a colleague", 2)
    begins = None if since is None else read_wall_time(since, zone)
    ends = None if until is None else read_wall_time(until, zone)

    async def act(me: Therapist, chosen: bytes) -> bool:
        chain = await _colleague(me, colleague)
        if ends is None:
            return await me.propose_colleague(chosen, chain, history=history)
        return await me.propose_cover(chosen, chain, begins, ends)

    _proposed(_in(profile, zone, thread, Therapist, act))


def _proposed(complete: bool) -> None:
    words = (
        "They are in: everybody has agreed."
        if complete
        else "Proposed. Nothing happens before every client of the thread has agreed, in their own app."
    )
    say(words, {"complete": complete})


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
    asked = _in(profile, zone, thread, Session, lambda me, chosen: me.consents(chosen))
    if question is None:
        lines = [line for one in asked for line in _show_question(one, profile)]
        say(lines or ["Nothing is asked."], [_question_document(one) for one in asked])
        return
    found = [one for one in asked if one.mine and one.consent.hex().startswith(question.lower())]
    if len(found) != 1:
        raise Refusal("nothing of this kind is asked of you", f"see {typed('thread consent', profile)}")
    ask(found[0].words, yes)
    complete = _in(profile, zone, thread, Session, lambda me, chosen: me.consent(chosen, found[0].consent))
    words = "All have agreed: they are in." if complete else "You have agreed; others have still to."
    say(words, {"complete": complete})


def _show_question(one: Question, profile: str) -> Iterator[str]:
    yield f"{one.consent.hex()[:8]}  {printable(one.words)}"
    if one.missing:
        yield f"          still to agree: {', '.join(printable(name) for name in one.missing)}"
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


@thread.command("remove")
@_PERSON
@YES
@in_thread
@profiled
def removing(person: str, yes: bool, thread: str | None, profile: str) -> None:
    """Leave PERSON out of your thread from now on. Everybody in it sees that."""
    ask("They will read nothing more here, and get back what they have waiting. Leave them out?", yes)

    async def act(me: Therapist, chosen: bytes) -> Participant:
        found = await _choose(me, chosen, person)
        await me.remove(chosen, found.chain)
        return found

    found = _in(profile, "", thread, Therapist, act)
    say(f"{printable(found.name)} reads nothing more here.", {"person": found.chain.hex()})


@thread.command("exclude-device")
@click.argument("device")
@YES
@in_thread
@profiled
def excluding(device: str, yes: bool, thread: str | None, profile: str) -> None:
    """Leave one DEVICE (the beginning of its id) out of a thread: your own, or anybody's if it is yours.

    It is in again as soon as its person's devices change.
    """
    ask("That device will read nothing more here. Leave it out?", yes)

    async def act(me: Session, chosen: bytes) -> bytes:
        newest = me.desk(chosen).log.epochs.newest
        known = newest.core.device_ids() if newest else []
        found = [one for one in known if one.hex().startswith(device.lower())]
        if len(found) != 1:
            raise Refusal(f"no device here begins with {device}", f"see {typed('device list', profile)}")
        await me.exclude_device(chosen, found[0])
        return found[0]

    found = _in(profile, "", thread, Session, act)
    say(f"{found.hex()[:8]} reads nothing more here.", {"device": found.hex()})


@thread.command("leave")
@YES
@in_thread
@profiled
def leaving(yes: bool, thread: str | None, profile: str) -> None:
    """Leave a thread for good. What you have read stays on this device; what waits comes back to you."""
    ask("You will read and write nothing more in this thread. Leave it?", yes)
    _in(profile, "", thread, Session, lambda me, chosen: me.leave(chosen))
    say("You have left. What you had waiting was not shown to anybody.", {"left": True})


@thread.command("confirm")
@_PERSON
@YES
@in_thread
@profiled
def confirming(person: str, yes: bool, thread: str | None, profile: str) -> None:
    """Compare 60 digits with PERSON, in session, and say that they are the same."""

    async def compare(me: Session, chosen: bytes) -> tuple[Participant, str]:
        found = await _choose(me, chosen, person)
        return found, await me.comparison(chosen, found.chain)

    found, digits = _in(profile, "", thread, Session, compare)
    click.echo(digits, err=True)
    ask(f"Does {printable(found.name)} read the same 60 digits to you, in person?", yes)
    _in(profile, "", thread, Session, lambda me, chosen: me.confirm(chosen, found.chain))
    document = {"person": found.chain.hex(), "digits": digits}
    say(f"Confirmed on this device: {printable(found.name)}.", document)


@thread.command("grant-history")
@_PERSON
@in_thread
@profiled
def granting(person: str, thread: str | None, profile: str) -> None:
    """Let PERSON read what was written before they came, after you have compared the digits (confirm)."""

    async def act(me: Session, chosen: bytes) -> tuple[Participant, int]:
        found = await _choose(me, chosen, person)
        return found, await me.grant_history(chosen, found.chain)

    found, grants = _in(profile, "", thread, Session, act)
    say(
        f"{printable(found.name)} can read everything that this device can read of this thread.",
        {"person": found.chain.hex(), "grants": grants},
    )


async def _choose(me: Session, thread: bytes, wanted: str) -> Participant:
    """The one other person of a thread whose id begins so, or who is called so."""
    everybody = [one for one in await me.who(thread) if not one.mine]
    found = [
        one
        for one in everybody
        if one.chain.hex().startswith(wanted.lower()) or one.name.lower() == wanted.lower()
    ]
    if len(found) != 1:
        several = "several people are" if found else "nobody here is"
        raise Refusal(f"{several} called {wanted}", "see `etherapy thread who`, and write more of the id")
    return found[0]


@click.command("replace", cls=Command)
@click.argument("message")
@click.argument("text", required=False)
@click.option("--urgent", is_flag=True, help="Send the same text now, as urgent, instead of changing it.")
@in_thread
@on_wall
@profiled
def replacing(
    message: str, text: str | None, urgent: bool, thread: str | None, zone: str, profile: str
) -> None:
    """Give MESSAGE of yours that still waits (the beginning of its id) another TEXT. It keeps its time."""
    wording = "" if urgent else read_text(text)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        mid = await choose_message(me, chosen, message)
        return await (me.send_urgently(chosen, mid) if urgent else me.replace(chosen, mid, wording))

    sent = _in(profile, zone, thread, Session, act)
    say(["Nobody sees the old one.", *show_place(sent, zone, profile)], document_of(sent))


COMMANDS = (thread, replacing)
