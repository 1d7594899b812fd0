"""A command that speaks for a person: open the profile, log in, do one thing, log out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import click

from etherapy.cli.ids import choose
from etherapy.cli.profiles import profile_place
from etherapy.cli.saying import Refusal, count, remark
from etherapy.cli.showing import local_zone, show_findings
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import NoSuchThread
from etherapy.rules.languages import LANGUAGES
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import DeviceFault, ProfileInUse
from etherapy.sdk.findings import Finding
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.sdk.verifying.message import ThreadView

Kind = TypeVar("Kind", bound=Connection)
Member = TypeVar("Member", bound=Session)
Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")


_PATIENCE = 10.0
"""Seconds to wait for a profile that another command has open."""


def in_thread(function: Function) -> Function:
    """The option that chooses one of several threads."""
    return click.option("--thread", "-t", help="Beginning of the thread's id, where there are several.")(
        function
    )


def on_wall(function: Function) -> Function:
    """The option that says where the person is now."""
    return click.option(
        "--zone", default=local_zone, help="Where you are now, e.g. Asia/Tokyo; else this machine's zone."
    )(function)


def in_language(function: Function) -> Function:
    """The option that names the language of what is said about rules and messages."""
    return click.option(
        "--language",
        type=click.Choice(sorted(LANGUAGES)),
        default="en",
        show_default=True,
        help="Of the words of the answer.",
    )(function)


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Do the asynchronous part of a command."""
    return asyncio.run(work)


@asynccontextmanager
async def speaking(profile: str, kind: type[Kind], zone: str = "") -> AsyncIterator[Kind]:
    """The person behind a profile, logged in on this device. Nothing stays logged in afterwards."""
    with await open_profile(profile) as kept:
        async with logged_in(kept, kind) as me:
            if isinstance(me, Session):
                me.zone = zone
            yield me


async def open_profile(name: str) -> Profile:
    """A profile of this machine, as soon as another command that has it open is done with it.

    ProfileInUse where that takes longer than a command takes.
    """
    place = profile_place(name)
    if not place.is_dir():
        raise Refusal(
            f"there is no profile {name} on this machine",
            "enrol, join or recover first, or name another with --profile",
        )
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return Profile.open(place)
        except ProfileInUse:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


@asynccontextmanager
async def logged_in(kept: Profile, kind: type[Kind]) -> AsyncIterator[Kind]:
    """The person of an open profile; logged out afterwards, which does not need the profile any more."""
    async with await kind.open(kept) as me:
        try:
            yield me
        finally:
            with suppress(Problem, DeviceFault, Unreachable, Garbled):
                await me.logout()


def act_in(
    profile: str,
    zone: str,
    wanted: str | None,
    kind: type[Member],
    act: Callable[[Member, bytes], Awaitable[Result]],
) -> Result:
    """Do something in a thread, after what is new there was read."""

    async def work() -> Result:
        async with speaking(profile, kind, zone) as me:
            await refresh(me)
            view = await choose_view(me, wanted)
            with as_member(view):
                return await act(me, view.thread)

    return run(work())


@contextmanager
def as_member(view: ThreadView) -> Iterator[None]:
    """Where the server knows no such thread of this person's, say what that means to them."""
    try:
        yield
    except NoSuchThread:
        if view.standing == "awaited":
            words = "you are not in this thread yet: others have still to agree"
            raise Refusal(words, "nothing is left for you to do; you can ask them in person") from None
        words = "this device has no part in this thread any more"
        raise Refusal(words, "what was read here stays: etherapy read") from None


async def refresh(me: Session) -> None:
    """Fetch what is new; what does not hold is said beside the answer, and what was refused with its text."""
    earlier = len(me.findings)
    news = await me.sync()
    warn([*me.findings[earlier:], *news.findings])
    if earlier:
        remark(f"{count(earlier, 'earlier ALARM')} kept on this device: etherapy findings")
    for draft in news.refused:
        remark(f"A message from the outbox was not taken ({draft.cause}): {draft.text or draft.mid.hex()}")
    for sent in news.sent:
        remark(f"A message from the outbox arrived now: {sent.mid.hex()[:8]}")


def warn(findings: list[Finding]) -> None:
    """Say what does not hold, each thing once, on standard error."""
    seen: list[Finding] = []
    for finding in findings:
        if finding not in seen:
            seen.append(finding)
    for line in show_findings(seen):
        remark(line)


async def choose_thread(me: Session, wanted: str | None) -> bytes:
    """The id of the thread that begins so, or of the only one there is."""
    return (await choose_view(me, wanted)).thread


async def choose_view(me: Session, wanted: str | None) -> ThreadView:
    """The thread whose id begins so, or the only one there is."""
    threads = await me.threads()
    found = [one for one in threads if one.thread.hex().startswith((wanted or "").lower())]
    if len(found) == 1:
        return found[0]
    if not threads:
        raise Refusal("this person has no thread yet", "a therapist invites a client: etherapy invite")
    if not found:
        raise Refusal(f"no thread begins with {wanted}", "see `etherapy threads`")
    raise Refusal("there are several threads", "choose one with --thread: see `etherapy threads`")


def zone_of_client(view: ThreadView, zone: str) -> str:
    """The zone whose time stands beside the practice's: that of a client or family, and of nobody else."""
    return zone if view.role in ("client", "family") else ""


async def choose_message(me: Session, thread: bytes, wanted: str, *, anybodys: bool = False) -> bytes:
    """The id of one's own message that begins so, waiting or placed; with `anybodys` also of another's."""
    mids = {one.mid for one in await me.waiting(thread)}
    mids |= {one.mid for one in await me.messages(thread) if one.mid and (one.mine or anybodys)}
    own = me.desk(thread).state.own.values()
    mids |= {one.mid for one in own if one.replaced_by is not None}  # leads to what took its place
    what = "message" if anybodys else "message of yours"
    return choose(mids, lambda mid: mid, wanted, what, "`etherapy waiting` and `etherapy read`")
