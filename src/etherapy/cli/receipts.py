"""Commands about receipts: signed promises that anybody can check."""

from pathlib import Path
from typing import BinaryIO

import click

from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Group, say
from etherapy.cli.showing import show_time
from etherapy.cli.speaking import act_in, choose_message, in_thread, on_wall
from etherapy.sdk.session import Session
from etherapy.sdk.verifying.promises import verify_bundle


@click.group("receipt", cls=Group)
def receipt() -> None:
    """Signed promises, as files that anybody can check without a server."""


@receipt.command("export")
@click.argument("message")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; else standard output.")
@in_thread
@profiled
def exporting(message: str, output: Path | None, thread: str | None, profile: str) -> None:
    """Write the receipt of MESSAGE (the beginning of its id)."""

    async def act(me: Session, chosen: bytes) -> bytes:
        return await me.export_receipt(chosen, await choose_message(me, chosen, message))

    data = act_in(profile, "", thread, Session, act)
    if output is None:
        click.echo(data.decode(), nl=False)
    else:
        output.write_bytes(data)
        say(
            f"Written to {output}. Check it anywhere: etherapy receipt verify {output}", {"file": str(output)}
        )


@receipt.command("verify")
@click.argument("file", type=click.File("rb"))
@on_wall
def verifying(file: BinaryIO, zone: str) -> None:
    """Check the receipt in FILE ('-': standard input). Needs neither network nor trust in who gave it."""
    promise = verify_bundle(file.read())
    say(
        [
            f"It holds: signed by the server {promise.server_id.hex()} ({promise.origin}).",
            f"Accepted {show_time(promise.accepted_at, zone)}, {promise.decision.replace('_', ' ')}.",
            f"To be released {show_time(promise.release_at, zone)}; "
            f"an answer by {show_time(promise.reply_by, zone)}.",
            f"Compare the server's id with what your own device pinned: {typed('whoami')}",
        ],
        {
            "ok": True,
            "server_id": promise.server_id.hex(),
            "origin": promise.origin,
            "mid": promise.mid.hex(),
            "decision": promise.decision,
            "accepted_at": promise.accepted_at,
            "release_at": promise.release_at,
            "reply_by": promise.reply_by,
        },
    )


COMMANDS = (receipt,)
