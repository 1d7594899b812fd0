"""The person behind a profile, whoever they are: with their threads, if they have any."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from etherapy.cli.saying import Refusal, remark
from etherapy.cli.speaking import logged_in, open_profile, refresh
from etherapy.sdk.connection import Connection
from etherapy.sdk.session import Session

YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
LATER = "The rest follows by itself, at the next sync with a network."


@asynccontextmanager
async def as_me(profile: str) -> AsyncIterator[Connection]:
    """The person of a profile with their threads, if they have any, read up to now."""
    with await open_profile(profile) as kept:
        kind = Session if kept.thread_ids() else Connection
        async with logged_in(kept, kind) as me:
            if isinstance(me, Session):
                await refresh(me)
            yield me


def ask(question: str, yes: bool) -> None:
    """Go on only if the person says so, or has said so already."""
    if yes:
        return
    try:
        said = click.confirm(question, err=True)
    except click.Abort:
        remark("")
        raise Refusal("nothing was done", "say yes, or give --yes where nobody can be asked") from None
    if not said:
        raise Refusal("nothing was done")
