"""The command by which a new device asks to be linked, and waits for an old one."""

import click
import segno

from etherapy.cli.device_words import OPTIONS
from etherapy.cli.drafting import read_secret
from etherapy.cli.profiles import profile_place, profiled, typed
from etherapy.cli.saying import Command, is_terminal, remark, say, wants_json
from etherapy.cli.showing import local_zone, show_time
from etherapy.cli.speaking import logged_in, run, warn
from etherapy.protocol.people import Person
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering.linking import NewDevice, link_device
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session

_HISTORY_SECONDS = 60
_UNTIL_THE_HISTORY = (Kind.NO_ROW, Kind.UNREADABLE)
"""What is found on every new device, and is over as soon as an old one gave it the history."""


@click.command("link", cls=Command)
@click.argument("origin")
@click.argument("practice")
@click.option("--class", "kind", type=click.Choice(list(OPTIONS)),
              help="What this device is; else cli. A browser may not let in others.")  # fmt: skip
@click.option("--name", default="", help="Ask by this name and your passphrase, so that you are told.")
@click.option("--wait", default=15, show_default=True, help="Minutes to wait for your other device.")
@click.option("--qr/--no-qr", default=None, help="Whether to show a QR code; by default in a terminal.")
@profiled
def linking(
    origin: str, practice: str, kind: str | None, name: str, wait: int, qr: bool | None, profile: str
) -> None:
    """Make this device one of yours, with an old device at hand.

    It shows a code; there, type `etherapy device approve`. ORIGIN and PRACTICE are the server's address and
    the practice's id, as `etherapy whoami` shows them there. Interrupted, do it again: the code is the same.
    """
    passphrase = read_secret(None, "Passphrase") if name else ""
    me, whole = run(_link(origin, practice, kind, name, passphrase, wait * 60.0, qr, profile))
    later = "Your history follows when your other device is online: sync or read again then."
    say(
        [
            f"This device is yours now: {', '.join(me.roles)} at {me.practice_name}.",
            *([] if whole else [later]),
            f"Next: {typed('read' if {'client', 'therapist'} & set(me.roles) else 'whoami', profile)}",
        ],
        {"account": me.account, "device": me.device.hex(), "roles": me.roles, "history": whole},
    )


async def _link(
    origin: str,
    practice: str,
    kind: str | None,
    name: str,
    passphrase: str,
    wait: float,
    qr: bool | None,
    profile: str,
) -> tuple[Person, bool]:
    with Profile.open(profile_place(profile)) as kept:
        device_class = None if kind is None else OPTIONS[kind]
        new = await link_device(
            origin, practice, kept, device_class=device_class, name=name, passphrase=passphrase
        )
        _show(new, is_terminal() and not wants_json() if qr is None else qr)
        async with await new.wait(Connection, compare=_compare, patience=wait) as entered:
            me = await entered.whoami()
        if not {"client", "therapist"} & set(me.roles):
            return me, True
        async with logged_in(kept, Session) as session:
            found = (await session.sync()).findings
            whole = await session.await_history(_HISTORY_SECONDS)
            warn([one for one in found if not (whole and one.kind in _UNTIL_THE_HISTORY)])
            return me, whole


def _show(new: NewDevice, qr: bool) -> None:
    """To standard error: with --json the document comes at the end, and the code is needed now."""
    remark("On a device that you have:  etherapy device approve")
    remark("and there the code of this one:")
    remark("")
    remark(f"    {new.code}")
    remark("")
    if qr:
        segno.make(new.text, error="l").terminal(compact=True)
    remark(f"Good until {show_time(new.expires_at, local_zone())}. Show it to nobody else. Waiting …")


def _compare(digits: str) -> bool:
    remark("Your other device shows thirty digits. Are they these?")
    remark(f"    {digits}")
    return click.confirm("The same", err=True)
