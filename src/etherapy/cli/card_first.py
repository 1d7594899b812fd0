"""The crisis card that is shown before an urgent message, where nobody is on call (R-16, clinic.md 4.1)."""

import click

from etherapy.cli.saying import Refusal
from etherapy.cli.showing import show_words
from etherapy.protocol.messages import ServiceClass
from etherapy.sdk.session import Session


async def card_before(me: Session, thread: bytes, text: str, service_class: ServiceClass = 1) -> str:
    """The name of the card that was shown and confirmed; empty where none is needed."""
    seen = await me.preview(thread, text, urgent=True, service_class=service_class)
    if not seen.decision.card_first:
        return ""
    for line in show_words(seen.words):
        click.echo(line, err=True)
    try:
        agreed = click.confirm("You have seen where help is now. Send it as urgent", err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise Refusal("not sent: nobody is on call", "call one of the numbers above if this cannot wait")
    return seen.words.card.card_id
