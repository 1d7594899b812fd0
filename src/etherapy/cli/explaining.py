"""Commands that say why a message was treated as it was, and decide about it once more."""

from collections.abc import Iterator

import click

from etherapy.cli.profiles import profiled
from etherapy.cli.saying import Command, say
from etherapy.cli.showing import show_time
from etherapy.cli.speaking import (
    act_in,
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
from etherapy.protocol.messages import Explanation
from etherapy.rules.decision import Decision
from etherapy.rules.explain import explain_reasons
from etherapy.rules.languages import words_in
from etherapy.rules.replay import Replayed
from etherapy.sdk.session import Session


@click.command("explain", cls=Command)
@click.argument("message")
@click.option("--replay", "again", is_flag=True, help="Decide it again on this device, and compare.")
@in_language
@in_thread
@on_wall
@profiled
def explaining(message: str, again: bool, language: str, thread: str | None, zone: str, profile: str) -> None:
    """Why MESSAGE (the beginning of its id) was treated as it was, and what was said of it then.

    For each field of the decision: the one rule that decided it, and the version of the layer that set it.
    """
    if again:
        done = act_in(profile, zone, thread, Session, lambda me, chosen: _replay(me, chosen, message))
        words = (
            "The same decision, to the byte." if done.same else "ALARM: this is not the decision on record."
        )
        say([words, *_winners(done.decision)], done)
        return
    found = run(_explain(profile, zone, thread, message, language))
    say(
        [
            *found.summary,
            "Why:",
            *(f"  - {reason}" for reason, _ in explain_reasons(found.decision, words_in(language))),
            *_winners(found.decision),
            f"Accepted {show_time(found.accepted_at, zone)}; release {show_time(found.release_at, zone)}; "
            f"placed {show_time(found.placed_at, zone)}; reply by {show_time(found.reply_by, zone)}.",
        ],
        found,
    )


async def _replay(me: Session, chosen: bytes, message: str) -> Replayed:
    return await me.replay(chosen, await choose_message(me, chosen, message))


def _winners(decision: Decision) -> Iterator[str]:
    """`release_at: window.weekly [therapist/3]`: which rule of which version decided each field."""
    yield "Decided by:"
    for field, reason in sorted(decision.by.items()):
        place = f" {reason.place}" if reason.place else ""
        yield f"  {field}: {reason.kind}{place} [{reason.origin}]"


async def _explain(profile: str, zone: str, thread: str | None, message: str, language: str) -> Explanation:
    async with speaking(profile, Session) as me:
        me.language = language
        await refresh(me)
        chosen = await choose_view(me, thread)
        me.zone = zone_of_client(chosen, zone)
        mid = await choose_message(me, chosen.thread, message, anybodys=True)
        return await me.explain(chosen.thread, mid)
