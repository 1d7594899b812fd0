"""Commands by which people write, and see what became of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from etherapy.cli.drafting import read_text
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Command, Group, Refusal, say
from etherapy.cli.showing import show_place, show_sent, show_time, show_waiting, show_words
from etherapy.cli.speaking import (
    choose_message,
    choose_thread,
    choose_view,
    in_thread,
    on_wall,
    refresh,
    run,
    speaking,
)
from etherapy.protocol.messages import Explanation, Previewed
from etherapy.rules.explain import explain_reasons
from etherapy.sdk.message import SentMessage, WaitingMessage
from etherapy.sdk.promises import verify_bundle
from etherapy.sdk.session import Session

_TEXT = click.argument("text", required=False)
_URGENT = click.option(
    "--urgent", is_flag=True, help="Not held, whatever the hour. The server can see this flag."
)


@click.command("preview", cls=Command)
@_TEXT
@_URGENT
@in_thread
@on_wall
@profiled
def previewing(text: str | None, urgent: bool, thread: str | None, zone: str, profile: str) -> None:
    """What would happen to TEXT if it were sent now: who reads it, when, and by when an answer comes."""
    found, by_client = run(_preview(profile, zone, thread, read_text(text), urgent))
    say(show_words(found.words) if by_client else found.words.lines, found)


async def _preview(
    profile: str, zone: str, thread: str | None, text: str, urgent: bool
) -> tuple[Previewed, bool]:
    async with speaking(profile, Session, zone) as me:
        await refresh(me)
        chosen = await choose_view(me, thread)
        return await me.preview(chosen.thread, text, urgent), chosen.role == "client"


@click.command("send", cls=Command)
@_TEXT
@_URGENT
@click.option("--letter", is_flag=True, help="Send it as a letter, for which other rules may hold.")
@click.option("--subject", help="The subject of a letter.")
@click.option("--reply-to", metavar="MESSAGE", help="Beginning of the id of what this answers.")
@in_thread
@on_wall
@profiled
def sending(
    text: str | None,
    urgent: bool,
    letter: bool,
    subject: str | None,
    reply_to: str | None,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """Send TEXT, sealed on this device. Without TEXT: from standard input, or from your editor."""
    if (urgent and letter) or (subject and not letter):
        raise Refusal("a letter is not urgent, and only a letter has a subject", "leave one of them out", 2)
    _write(profile, zone, thread, text, Manner(urgent, letter, subject, reply_to))


@click.command("reply", cls=Command)
@_TEXT
@in_thread
@on_wall
@profiled
def replying(text: str | None, thread: str | None, zone: str, profile: str) -> None:
    """Answer a client: like `send`."""
    _write(profile, zone, thread, text, Manner())


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is to be sent."""

    urgent: bool = False
    letter: bool = False
    subject: str | None = None
    reply_to: str | None = None


def _write(profile: str, zone: str, thread: str | None, text: str | None, manner: Manner) -> None:
    """Send, and say what became of it; where to turn in an emergency is a client's to be told."""
    sent, by_client = run(_send(profile, zone, thread, read_text(text), manner))
    show = show_sent if by_client else show_place
    say(show(sent, zone, profile), document_of(sent))


async def _send(
    profile: str, zone: str, thread: str | None, text: str, manner: Manner
) -> tuple[SentMessage, bool]:
    async with speaking(profile, Session, zone) as me:
        await refresh(me)
        chosen = await choose_view(me, thread)
        answers = manner.reply_to and await choose_message(me, chosen.thread, manner.reply_to, anybodys=True)
        if manner.letter:
            sent = await me.send_letter(chosen.thread, text, manner.subject, reply_to=answers or None)
        else:
            sent = await me.send(chosen.thread, text, manner.urgent, reply_to=answers or None)
        return sent, chosen.role == "client"


def document_of(sent: SentMessage) -> dict[str, object]:
    """What became of a message, without its text."""
    promise = sent.promise
    return {
        "thread": sent.thread,
        "mid": sent.mid.hex(),
        "state": sent.state,
        "n": sent.n,
        "accepted_at": promise.accepted_at,
        "release_at": promise.release_at,
        "reply_by": promise.reply_by,
        "placed_at": sent.placed_at,
        "acknowledgement": sent.acknowledgement,
        "words": sent.words,
    }


@click.command("waiting", cls=Command)
@in_thread
@on_wall
@profiled
def waiting(thread: str | None, zone: str, profile: str) -> None:
    """Your own messages that are still held, and can be taken back or changed."""
    found = run(_waiting(profile, thread))
    lines = [line for one in found for line in show_waiting(one, zone)]
    say(
        lines or ["Nothing is waiting."],
        [
            {"mid": one.mid.hex(), "text": one.text, "state": one.state,
             "release_at": one.promise.release_at, "reply_by": one.promise.reply_by}
            for one in found
        ],
    )  # fmt: skip


async def _waiting(profile: str, thread: str | None) -> list[WaitingMessage]:
    async with speaking(profile, Session) as me:
        await refresh(me)
        return await me.waiting(await choose_thread(me, thread))


@click.command("recall", cls=Command)
@click.argument("message")
@in_thread
@on_wall
@profiled
def recalling(message: str, thread: str | None, zone: str, profile: str) -> None:
    """Take back MESSAGE (the beginning of its id) while it is held. Nobody else ever learns of it."""
    sent = run(_recall(profile, zone, thread, message))
    say(f"Taken back: {sent.mid.hex()[:8]}. Nobody has seen it.", document_of(sent))


async def _recall(profile: str, zone: str, thread: str | None, message: str) -> SentMessage:
    async with speaking(profile, Session, zone) as me:
        await refresh(me)
        chosen = await choose_thread(me, thread)
        return await me.recall(chosen, await choose_message(me, chosen, message))


@click.command("explain", cls=Command)
@click.argument("message")
@in_thread
@on_wall
@profiled
def explaining(message: str, thread: str | None, zone: str, profile: str) -> None:
    """Why MESSAGE (the beginning of its id) was treated as it was, and what was said of it then."""
    found = run(_explain(profile, zone, thread, message))
    say(
        [
            *found.summary,
            *(f"  - {reason}" for reason, _ in explain_reasons(found.decision)),
            f"Accepted {show_time(found.accepted_at, zone)}; released {show_time(found.release_at, zone)}; "
            f"placed {show_time(found.placed_at, zone)}; reply by {show_time(found.reply_by, zone)}.",
        ],
        found,
    )


async def _explain(profile: str, zone: str, thread: str | None, message: str) -> Explanation:
    async with speaking(profile, Session) as me:
        await refresh(me)
        chosen = await choose_view(me, thread)
        me.zone = zone if chosen.role == "client" else ""  # beside the practice's time stands the client's
        mid = await choose_message(me, chosen.thread, message, anybodys=True)
        return await me.explain(chosen.thread, mid)


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
    data = run(_export(profile, thread, message))
    if output is None:
        click.echo(data.decode(), nl=False)
    else:
        output.write_bytes(data)
        say(
            f"Written to {output}. Check it anywhere: etherapy receipt verify {output}", {"file": str(output)}
        )


async def _export(profile: str, thread: str | None, message: str) -> bytes:
    async with speaking(profile, Session) as me:
        await refresh(me)
        chosen = await choose_thread(me, thread)
        return await me.export_receipt(chosen, await choose_message(me, chosen, message))


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


COMMANDS = (previewing, sending, waiting, recalling, explaining, replying, receipt)
