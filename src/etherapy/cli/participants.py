"""Commands about who is in a thread: look, leave out, leave, recognise, give the history."""

from collections.abc import Iterator

import click

from etherapy.cli.myself import YES, ask
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Group, Refusal, count, say
from etherapy.cli.showing import printable, show_time
from etherapy.cli.speaking import act_in, in_thread, on_wall
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.threads.who import Participant

PERSON = click.argument("person")
_ROLES = {
    "client": "client",
    "therapist": "therapist",
    "co_therapist": "covers or works here too",
    "family": "family",
}


@click.group("thread", cls=Group)
def thread() -> None:
    """Who is in a thread, and how somebody comes in or goes."""


@thread.command("who")
@click.option("--devices", is_flag=True, help="Also the ids of the devices that read here.")
@in_thread
@on_wall
@profiled
def who(devices: bool, thread: str | None, zone: str, profile: str) -> None:
    """Who reads a thread, since when and until when, and who waits to come in."""
    found = act_in(profile, zone, thread, Session, lambda me, chosen: me.who(chosen))
    lines = [line for one in found for line in _show(one, zone, devices)]
    say(lines, [_document(one) for one in found])


def _show(one: Participant, zone: str, devices: bool) -> Iterator[str]:
    yield f"{one.chain.hex()[:8]}  {printable(one.name)}  ({_ROLES[one.role]}){_standing(one, zone)}"
    if one.standing == "present" and one.reads == "since_then":
        yield "          reads what was written since then, nothing from before"
    if one.left_out:
        whose = "your" if one.mine else "their"
        yield f"          {count(one.left_out, 'device')} of {whose}s left out"
    if devices and one.device_ids:
        yield f"          devices: {', '.join(device.hex()[:8] for device in one.device_ids)}"


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
        "device_ids": [device.hex() for device in one.device_ids],
        "confirmed": one.confirmed,
    }


@thread.command("remove")
@PERSON
@YES
@in_thread
@profiled
def removing(person: str, yes: bool, thread: str | None, profile: str) -> None:
    """Leave PERSON out of your thread from now on. Everybody in it sees that."""
    ask("They will read nothing more here, and get back what they have waiting. Leave them out?", yes)

    async def act(me: Therapist, chosen: bytes) -> Participant:
        found = await choose_person(me, chosen, person)
        await me.remove(chosen, found.chain)
        return found

    found = act_in(profile, "", thread, Therapist, act)
    say(f"{printable(found.name)} reads nothing more here.", {"person": found.chain.hex()})


@thread.command("exclude-device")
@click.argument("device")
@YES
@in_thread
@profiled
def excluding(device: str, yes: bool, thread: str | None, profile: str) -> None:
    """Leave one DEVICE (the beginning of its id) out of a thread: your own, or anybody's in your own thread.

    `thread who --devices` shows the ids. It is in again as soon as its person's devices change.
    """
    ask("That device will read nothing more here. Leave it out?", yes)

    async def act(me: Session, chosen: bytes) -> bytes:
        newest = me.desk(chosen).log.epochs.newest
        known = newest.core.device_ids() if newest else []
        found = [one for one in known if one.hex().startswith(device.lower())]
        if len(found) != 1:
            shown = typed("thread who --devices", profile)
            raise Refusal(f"no device that reads here begins with {device}, or several do", f"see {shown}")
        await me.exclude_device(chosen, found[0])
        return found[0]

    found = act_in(profile, "", thread, Session, act)
    say(f"{found.hex()[:8]} reads nothing more here.", {"device": found.hex()})


@thread.command("leave")
@YES
@in_thread
@profiled
def leaving(yes: bool, thread: str | None, profile: str) -> None:
    """Leave a thread for good. What you have read stays on this device; what waits comes back to you.

    Should you come in again without the history, this device begins anew with what is written from then on.
    """
    ask("You will read and write nothing more in this thread. Leave it?", yes)
    act_in(profile, "", thread, Session, lambda me, chosen: me.leave(chosen))
    say("You have left. What you had waiting was not shown to anybody.", {"left": True})


@thread.command("confirm")
@PERSON
@YES
@in_thread
@profiled
def confirming(person: str, yes: bool, thread: str | None, profile: str) -> None:
    """Compare 60 digits with PERSON, in session, and say that they are the same."""

    async def compare(me: Session, chosen: bytes) -> tuple[Participant, str]:
        found = await choose_person(me, chosen, person)
        return found, await me.comparison(chosen, found.chain)

    found, digits = act_in(profile, "", thread, Session, compare)
    click.echo(digits, err=True)
    ask(f"Does {printable(found.name)} read the same 60 digits to you, in person?", yes)
    act_in(profile, "", thread, Session, lambda me, chosen: me.confirm(chosen, found.chain))
    document = {"person": found.chain.hex(), "digits": digits}
    say(f"Confirmed on this device: {printable(found.name)}.", document)


@thread.command("name")
@PERSON
@click.argument("name")
@in_thread
@profiled
def naming(person: str, name: str, thread: str | None, profile: str) -> None:
    """Call PERSON (the beginning of the id) by NAME. It stays on this device."""

    async def act(me: Session, chosen: bytes) -> Participant:
        found = await choose_person(me, chosen, person)
        await me.name(chosen, found.chain, name)
        return found

    found = act_in(profile, "", thread, Session, act)
    say(f"{found.chain.hex()[:8]} is {printable(name)} here.", {"person": found.chain.hex(), "name": name})


@thread.command("grant-history")
@PERSON
@in_thread
@profiled
def granting(person: str, thread: str | None, profile: str) -> None:
    """Let PERSON read what was written before they came, after you have compared the digits (confirm)."""

    async def act(me: Session, chosen: bytes) -> tuple[Participant, int]:
        found = await choose_person(me, chosen, person)
        return found, await me.grant_history(chosen, found.chain)

    found, grants = act_in(profile, "", thread, Session, act)
    say(
        f"{printable(found.name)} can read everything that this device can read of this thread.",
        {"person": found.chain.hex(), "grants": grants},
    )


async def choose_person(me: Session, thread: bytes, wanted: str) -> Participant:
    """The one other person of a thread whose id begins so, or who is called so."""
    everybody = [one for one in await me.who(thread) if not one.mine]
    found = [
        one
        for one in everybody
        if one.chain.hex().startswith(wanted.lower()) or one.name.lower() == wanted.lower()
    ]
    if len(found) != 1:
        several = "several people are" if found else "nobody here is"
        raise Refusal(
            f"{several} called {wanted}", "see `etherapy thread who`; the beginning of the id is enough"
        )
    return found[0]


COMMANDS = (thread,)
