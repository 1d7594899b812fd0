"""Commands by which people get in, and say who they are."""

from typing import Any, NamedTuple

import click
import segno

from etherapy.binary import b64
from etherapy.cli.device_words import show_device
from etherapy.cli.drafting import read_secret
from etherapy.cli.profiles import profile_place, profiled, typed
from etherapy.cli.saying import Command, Refusal, is_terminal, say, wants_json
from etherapy.cli.showing import local_zone, show_time
from etherapy.cli.speaking import refresh, run, speaking
from etherapy.protocol.endpoint import Role
from etherapy.protocol.people import Person
from etherapy.protocol.problems import WrongRole
from etherapy.rules.calendar import instant
from etherapy.sdk.connection import Connection
from etherapy.sdk.devices.own_devices import OwnDevice
from etherapy.sdk.entering.enrolling import enrol, join
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import InviteLink
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist

_KEEP = "Write it on paper, now: it is shown this once, and kept nowhere on this machine."
_OF_A_WRITER = (
    "Whoever has it can read everything you write and have written here; without it, a lost device means "
    "lost messages.",
    "Think of someone who might look for it. Keep it where that person does not look, or in two halves with "
    "somebody you trust, but not at the practice.",
)
_OF_OTHERS = (
    "Whoever has it can act in your name. Without it, after the loss of this device you need a new link from "
    "the operator.",
    "Keep it where nobody else looks, and not at the practice.",
)
_NEXT: dict[Role, str] = {
    "client": 'send "…"',
    "therapist": "invite",
    "supervisor": "supervise settings",
    "administrator": "rules show",
}


class Arrival(NamedTuple):
    """Somebody who has just got in, and the code that is shown once. `awaited`: others of the thread have
    still to agree that they come in."""

    me: Person
    origin: str
    practice: bytes
    code: str
    awaited: bool = False


class Server(NamedTuple):
    """Where a device's server is, and the id that the device pinned when it got in."""

    origin: str
    server_id: bytes


@click.command("enrol", cls=Command)
@click.argument("link", required=False)
@profiled
def enrolling(link: str | None, profile: str) -> None:
    """Become a member of staff by the one-use LINK that the operator gave you ('-': from standard input)."""
    _welcome(run(_enrol(read_secret(link, "Link"), profile)), profile)


async def _enrol(link: str, profile: str) -> Arrival:
    with Profile.open(profile_place(profile)) as kept:
        session, code = await enrol(link, kept, Connection)
        async with session:
            return Arrival(await session.whoami(), session.transport.origin, session.practice, code)


@click.command("join", cls=Command)
@click.argument("link", required=False)
@profiled
def joining(link: str | None, profile: str) -> None:
    """Become a client by the invitation LINK of your therapist, at any hour ('-': from standard input)."""
    _welcome(run(_join(read_secret(link, "Link"), profile)), profile)


async def _join(link: str, profile: str) -> Arrival:
    with Profile.open(profile_place(profile)) as kept:
        session, thread, code = await join(link, kept)
        async with session:
            me, views = await session.whoami(), await session.threads()
            awaited = any(one.thread == thread and one.standing == "awaited" for one in views)
            return Arrival(me, session.transport.origin, session.practice, code, awaited)


def _welcome(arrival: Arrival, profile: str) -> None:
    me, code = arrival.me, arrival.code
    writes = "client" in me.roles or "therapist" in me.roles
    named = f" as {me.display_name}" if me.display_name else ""
    other = "" if profile == "default" else f" (profile {profile})"
    waits = "The others of the thread have still to agree that you come in; nothing is left for you to do."
    say(
        [
            f"You are in{named}: {', '.join(me.roles)} at {me.practice_name}{other}.",
            "",
            "Your recovery code:",
            "",
            f"    {code}",
            "",
            _KEEP,
            *(_OF_A_WRITER if writes else _OF_OTHERS),
            f"To use it: etherapy recover {arrival.origin} {b64(arrival.practice)}",
            "",
            *([waits] if arrival.awaited else []),
            f"Next: {typed('threads' if arrival.awaited else _NEXT[me.roles[0]], profile)}",
        ],
        {"account": me.account, "roles": me.roles, "practice": me.practice_name, "recovery_code": code,
         "awaited": arrival.awaited},
    )  # fmt: skip


@click.command("recover", cls=Command)
@click.argument("origin")
@click.argument("practice")
@click.argument("code", required=False)
@profiled
def recovering(origin: str, practice: str, code: str | None, profile: str) -> None:
    """Get back in on a fresh device with the recovery CODE, which opens the whole history.

    ORIGIN and PRACTICE are the server's address and the practice's id, as in any of its links.
    """
    me, others = run(_recover(origin, practice, read_secret(code, "Recovery code"), profile))
    zone = local_zone()
    say(
        [
            f"You are back: {', '.join(me.roles)} at {me.practice_name}. Your code goes on being good.",
            *(["These devices of yours are still in:"] if others else []),
            *(f"  {line}" for one in others for line in show_device(one, zone)),
            *([f"If one is lost or stolen: {typed('device revoke ID', profile)}"] if others else []),
            f"Next: {typed('read' if {'client', 'therapist'} & set(me.roles) else 'whoami', profile)}",
        ],
        {"account": me.account, "roles": me.roles, "practice": me.practice_name,
         "other_devices": [one.device.hex() for one in others]},
    )  # fmt: skip


async def _recover(origin: str, practice: str, code: str, profile: str) -> tuple[Person, list[OwnDevice]]:
    """As somebody who writes, with all of the history; who has no threads gets in without."""
    with Profile.open(profile_place(profile)) as kept:
        session: Connection
        try:
            session = await recover(origin, practice, code, kept)
        except WrongRole:
            session = await recover(origin, practice, code, kept, Connection)
        async with session:
            if isinstance(session, Session):
                await refresh(session)
            others = [one for one in await session.devices.list() if one.active and not one.this]
            return await session.whoami(), [one for one in others if not one.recovery]


@click.command("invite", cls=Command)
@profiled
@click.option("--note", default="", help="For yourself: whom this is for. It stays on this device.")
@click.option("--qr/--no-qr", default=None, help="Whether to show a QR code; by default in a terminal.")
def inviting(profile: str, note: str, qr: bool | None) -> None:
    """Invite a client: print a one-use link and its QR code."""
    link = run(_invite(profile, note))
    lines = [
        link.text,
        f"Good once, until {show_time(instant(link.expires_at), local_zone())}. Hand it over yourself: "
        "whoever has it first becomes this client.",
        f"There: etherapy join '{link.text}'",
    ]
    document: dict[str, Any] = {
        "link": link.text,
        "thread": link.thread,
        "expires_at": instant(link.expires_at),
    }
    say(lines, document)
    if not wants_json() and (is_terminal() if qr is None else qr):
        segno.make(link.text, error="m").terminal(compact=True)


async def _invite(profile: str, note: str) -> InviteLink:
    async with speaking(profile, Therapist) as me:
        return await me.invite(note)


@click.command("whoami", cls=Command)
@profiled
def whoami(profile: str) -> None:
    """Who this profile is, and in which practice."""
    me, server, practice = run(_whoami(profile))
    name = f"{me.display_name}: " if me.display_name else ""
    say(
        [
            f"{name}{', '.join(me.roles)} at {me.practice_name}",
            f"on {server.origin}, practice {b64(practice)}",
            f"server {server.server_id.hex()}",
            f"account {me.account.hex()}, as rules name it",
        ],
        {"account": me.account, "chain": me.chain, "roles": me.roles, "display_name": me.display_name,
         "practice": practice, "practice_name": me.practice_name, "origin": server.origin,
         "server_id": server.server_id.hex(), "account_hex": me.account.hex()},
    )  # fmt: skip


async def _whoami(profile: str) -> tuple[Person, Server, bytes]:
    async with speaking(profile, Connection) as me:
        return await me.whoami(), Server(me.transport.origin, me.server.server_id), me.practice


@click.command("logout", cls=Command)
@profiled
def logging_out(profile: str) -> None:
    """End this device's session on the server. Each command logs in by itself, and out again."""
    if not profile_place(profile).is_dir():
        raise Refusal(f"there is no profile {profile} on this machine")
    run(_log_out(profile))
    say("Logged out. The keys stay on this device.", {"ok": True})


async def _log_out(profile: str) -> None:
    async with speaking(profile, Connection):
        pass


COMMANDS = (enrolling, joining, recovering, inviting, whoami, logging_out)
