"""Commands by which people read."""

import asyncio
from contextlib import AsyncExitStack

import click

from etherapy.cli.profiles import profiled
from etherapy.cli.saying import Command, count, remark, say
from etherapy.cli.showing import show_message, show_thread, show_time
from etherapy.cli.speaking import (
    choose_view,
    in_thread,
    logged_in,
    on_wall,
    open_profile,
    refresh,
    run,
    speaking,
)
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.protocol.threads import Notice, Turn
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.transport import Unreachable
from etherapy.sdk.verifying.message import Meeting, Message, ThreadView
from etherapy.tep.payload import Kind as PayloadKind


@click.command("threads", cls=Command)
@on_wall
@profiled
def threads(zone: str, profile: str) -> None:
    """Your threads."""
    found = run(_threads(profile))
    lines = [line for one in found for line in show_thread(one, zone)]
    say(
        lines or ["No thread yet."],
        [
            {"thread": one.thread.hex(), "role": one.role, "with": one.with_name, "messages": one.messages,
             "last_n": one.last_n, "last_placed_at": one.last_placed_at, "heard_at": one.heard_at,
             "standing": one.standing, "halted": one.halted is not None}
            for one in found
        ],
    )  # fmt: skip


async def _threads(profile: str) -> list[ThreadView]:
    async with speaking(profile, Session) as me:
        await refresh(me)
        return await me.threads()


@click.command("read", cls=Command)
@click.option("--last", default=20, show_default=True, help="How many messages.")
@in_thread
@on_wall
@profiled
def reading(last: int, thread: str | None, zone: str, profile: str) -> None:
    """Read the newest messages of a thread, opened on this device."""
    found, names = run(_read(profile, thread))
    newest = found[-last:] if last > 0 else []
    say(
        [line for one in newest for line in show_message(one, zone, names)]
        or ["Nothing has been placed yet."],
        [document_of(one) for one in newest],
    )


async def _read(profile: str, thread: str | None) -> tuple[list[Message], dict[bytes, str]]:
    async with speaking(profile, Session) as me:
        await refresh(me)
        view = await choose_view(me, thread)
        if view.standing == "ended":
            remark("This thread is over for this device: what was read stays, nothing new comes.")
        return await me.messages(view.thread), await me.names(view.thread)


def document_of(message: Message) -> dict[str, object]:
    """A message as JSON has it."""
    return {
        "thread": message.thread.hex(),
        "n": message.n,
        "mid": message.mid.hex(),
        "mine": message.mine,
        "role": message.role,
        "author": message.author.hex(),
        "standing": message.standing,
        "kind": PayloadKind(message.kind).name.lower() if message.kind in set(PayloadKind) else "unknown",
        "text": message.text,
        "subject": message.subject,
        "reply_to": None if message.reply_to is None else message.reply_to.hex(),
        "edited_at": message.edited_at,
        "taken_back_at": message.taken_back_at,
        "history": [{"text": one.text, "since": one.since} for one in message.history],
        "reactions": [{"sign": one.sign, "mine": one.mine, "role": one.role} for one in message.reactions],
        "appointment": None if message.meeting is None else _meeting(message.meeting),
        "urgent": message.urgent,
        "placed_at": message.placed_at,
        "accepted_at": message.accepted_at,
        "findings": [finding.words for finding in message.findings],
    }


def _meeting(meeting: Meeting) -> dict[str, object]:
    return {
        "state": meeting.state,
        "start": meeting.start,
        "zone": meeting.zone,
        "minutes": meeting.minutes,
        "place": meeting.place,
    }


@click.command("follow", cls=Command)
@on_wall
@profiled
def following(zone: str, profile: str) -> None:
    """Show messages as they are placed, until Ctrl-C; other commands go on working meanwhile."""
    run(_follow(profile, zone))


async def _follow(profile: str, zone: str) -> None:
    """Begins with what this device has not fetched yet, and waits out a server that is away."""
    async with speaking(profile, Session) as me:
        shown = {one.thread: one.last_n for one in await me.threads()}
    pause = 1.0
    while True:
        try:
            await _look(profile, zone, shown)
            pause = 1.0
        except (Unreachable, Unavailable, TooManyRequests):
            await asyncio.sleep(pause)
            pause = min(2 * pause, 30.0)


async def _look(profile: str, zone: str, shown: dict[bytes, int]) -> None:
    """Show what is later than `shown` says, and wait until there is more, with the profile let go of."""
    async with AsyncExitStack() as stack:
        with await open_profile(profile) as kept:
            me = await stack.enter_async_context(logged_in(kept, Session))
            await refresh(me)
            for view in reversed(await me.threads()):
                names = await me.names(view.thread)
                for message in await me.messages(view.thread, as_placed=True):
                    if message.n > shown.get(view.thread, 0):
                        say(show_message(message, zone, names), document_of(message))
                        shown[view.thread] = message.n
        while not await me.wait():
            pass


@click.command("inbox", cls=Command)
@on_wall
@profiled
def inbox(zone: str, profile: str) -> None:
    """The batch of what waits for your answer: urgent first, then the nearest promise."""
    found = run(_inbox(profile))
    lines = [
        f"{turn.thread.hex()[:8]}  {count(turn.count, 'message')} since "
        f"{show_time(turn.since, zone)}, reply by {show_time(turn.reply_by, zone)}"
        + ("  URGENT" if turn.urgent else "")
        for turn in found
    ]
    say(lines or ["Nobody waits for an answer."], found)


async def _inbox(profile: str) -> list[Turn]:
    async with speaking(profile, Therapist) as me:
        return await me.inbox()


@click.command("notices", cls=Command)
@on_wall
@profiled
def notices(zone: str, profile: str) -> None:
    """When you were told that there is something to read: once for each opening, never for each message."""
    found = run(_notices(profile))
    lines = [
        f"{show_time(one.noticed_at, zone)}  something to read" + ("  URGENT" if one.urgent else "")
        for one in found
    ]
    say(lines or ["No notice yet."], found)


async def _notices(profile: str) -> list[Notice]:
    async with speaking(profile, Therapist) as me:
        return await me.notices()


COMMANDS = (threads, reading, inbox, notices, following)
