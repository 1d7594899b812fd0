"""Commands by which people write, and see what became of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import click

from etherapy.cli.card_first import card_before
from etherapy.cli.codes import read_code, read_reason
from etherapy.cli.drafting import giving_back, read_text
from etherapy.cli.explaining import explaining
from etherapy.cli.profiles import profiled
from etherapy.cli.saying import Command, Refusal, say
from etherapy.cli.showing import show_own, show_place, show_sent, show_waiting, show_words
from etherapy.cli.speaking import (
    act_in,
    as_member,
    choose_message,
    choose_view,
    in_language,
    in_thread,
    on_wall,
    refresh,
    run,
    speaking,
    zone_of_client,
)
from etherapy.protocol.messages import Previewed
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.verifying.message import SentMessage

Act = Callable[[Session, bytes], Awaitable[SentMessage]]
_TEXT = click.argument("text", required=False)
_URGENT = click.option(
    "--urgent", is_flag=True, help="Not held, whatever the hour. The server can see this flag."
)

_NOW = click.option(
    "--now",
    "because",
    metavar="REASON",
    default="",
    callback=read_reason,
    help="Send at once what your own rules would send later, for this reason (a code); it is on record.",
)


@click.command("preview", cls=Command)
@_TEXT
@_URGENT
@_NOW
@in_language
@in_thread
@on_wall
@profiled
def previewing(
    text: str | None,
    urgent: bool,
    because: str,
    language: str,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """What would happen to TEXT if it were sent now: who reads it, when, and by when an answer comes."""
    manner = Manner(urgent, because=because, language=language)
    found, by_client = run(_preview(profile, zone, thread, read_text(text), manner))
    say(show_words(found.words) if by_client else found.words.lines, found)


async def _preview(
    profile: str, zone: str, thread: str | None, text: str, manner: "Manner"
) -> tuple[Previewed, bool]:
    async with speaking(profile, Session) as me:
        me.language = manner.language
        await refresh(me)
        chosen = await choose_view(me, thread)
        me.zone = zone_of_client(chosen, zone)
        with as_member(chosen):
            seen = await me.preview(chosen.thread, text, manner.urgent, at_once_because=manner.because)
            return seen, chosen.role in ("client", "family")


@click.command("send", cls=Command)
@_TEXT
@_URGENT
@click.option("--letter", is_flag=True, help="Send it as a letter, for which other rules may hold.")
@click.option("--subject", help="The subject of a letter.")
@click.option("--reply-to", metavar="MESSAGE", help="Beginning of the id of what this answers.")
@_NOW
@in_language
@in_thread
@on_wall
@profiled
def sending(
    text: str | None,
    urgent: bool,
    letter: bool,
    subject: str | None,
    reply_to: str | None,
    because: str,
    language: str,
    thread: str | None,
    zone: str,
    profile: str,
) -> None:
    """Send TEXT, sealed on this device. Without TEXT: from standard input, or from your editor."""
    if (urgent and letter) or (subject and not letter):
        raise Refusal("a letter is not urgent, and only a letter has a subject", "leave one of them out", 2)
    _write(profile, zone, thread, text, Manner(urgent, letter, subject, reply_to, because, language))


@click.command("reply", cls=Command)
@_TEXT
@_NOW
@in_language
@in_thread
@on_wall
@profiled
def replying(
    text: str | None, because: str, language: str, thread: str | None, zone: str, profile: str
) -> None:
    """Answer a client: like `send`."""
    _write(profile, zone, thread, text, Manner(because=because, language=language))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is to be sent."""

    urgent: bool = False
    letter: bool = False
    subject: str | None = None
    reply_to: str | None = None
    because: str = ""
    """A therapist's reason for sending it at once, outside their hours."""
    language: str = "en"


def _write(profile: str, zone: str, thread: str | None, text: str | None, manner: Manner) -> None:
    wording = read_text(text)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        me.language = manner.language
        answers = manner.reply_to and await choose_message(me, chosen, manner.reply_to, anybodys=True)
        if manner.letter:
            return await me.send_letter(chosen, wording, manner.subject, reply_to=answers or None)
        return await me.send(
            chosen,
            wording,
            manner.urgent,
            reply_to=answers or None,
            at_once_because=manner.because,
            card=await card_before(me, chosen, wording) if manner.urgent else "",
        )

    with giving_back(wording, typed=text is None):
        tell_sent(profile, zone, thread, act)


def tell_sent(profile: str, zone: str, thread: str | None, act: Act, words: str = "") -> None:
    """Send something, and say what became of it: in these `words`, or with where a client turns at once."""

    async def work() -> tuple[SentMessage, bool]:
        async with speaking(profile, Session) as me:
            await refresh(me)
            chosen = await choose_view(me, thread)
            me.zone = zone_of_client(chosen, zone)
            with as_member(chosen):
                return await act(me, chosen.thread), chosen.role == "client"

    sent, by_client = run(work())
    if words:
        say([words, *show_place(sent, zone, profile)], document_of(sent))
    else:
        say((show_sent if by_client else show_own)(sent, zone, profile), document_of(sent))


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
    found = act_in(profile, "", thread, Session, lambda me, chosen: me.waiting(chosen))
    lines = [line for one in found for line in show_waiting(one, zone)]
    say(
        lines or ["Nothing is waiting."],
        [
            {"mid": one.mid.hex(), "text": one.text, "state": one.state,
             "release_at": one.promise.release_at, "reply_by": one.promise.reply_by}
            for one in found
        ],
    )  # fmt: skip


@click.command("recall", cls=Command)
@click.argument("message")
@in_thread
@on_wall
@profiled
def recalling(message: str, thread: str | None, zone: str, profile: str) -> None:
    """Take back MESSAGE (the beginning of its id) while it is held. Nobody else ever learns of it."""

    async def act(me: Session, chosen: bytes) -> SentMessage:
        return await me.recall(chosen, await choose_message(me, chosen, message))

    sent = act_in(profile, zone, thread, Session, act)
    say(f"Taken back: {sent.mid.hex()[:8]}. Nobody has seen it.", document_of(sent))


@click.command("replace", cls=Command)
@click.argument("message")
@click.argument("text", required=False)
@click.option("--urgent", is_flag=True, help="Send the same text now, as urgent, instead of changing it.")
@click.option(
    "--now",
    "because",
    metavar="REASON",
    default="",
    callback=read_reason,
    help="Send the same text now, for this reason (a code), where your own rules would send it later.",
)
@in_thread
@on_wall
@profiled
def replacing(
    message: str, text: str | None, urgent: bool, because: str, thread: str | None, zone: str, profile: str
) -> None:
    """Give MESSAGE of yours that still waits (the beginning of its id) another TEXT. It keeps its time."""
    if urgent and because:
        raise Refusal("it is sent as urgent, or for a reason", "leave one of them out", 2)
    wording = "" if urgent or because else read_text(text)

    async def act(me: Session, chosen: bytes) -> SentMessage:
        mid = await choose_message(me, chosen, message)
        if because:
            return await me.send_now(chosen, mid, because)
        if not urgent:
            return await me.replace(chosen, mid, wording)
        return await me.send_urgently(chosen, mid, card=await card_before(me, chosen, wording))

    with giving_back(wording, typed=text is None):
        sent = act_in(profile, zone, thread, Session, act)
    say(["Nobody sees the old one.", *show_place(sent, zone, profile)], document_of(sent))


@click.command("open", cls=Command)
@click.argument("reason", callback=read_code)
@in_thread
@profiled
def opening(reason: str, thread: str | None, profile: str) -> None:
    """Have what your client wrote now, before your hours, for REASON (a code, such as crisis_call).

    Your practice sees that you did, and why.
    """

    async def act(me: Therapist, chosen: bytes) -> None:
        await me.open_early(chosen, reason)
        await me.sync()

    act_in(profile, "", thread, Therapist, act)
    say("Opened. What there was is in your thread now.", {"opened": True})


COMMANDS = (previewing, sending, waiting, recalling, replacing, explaining, replying, opening)
