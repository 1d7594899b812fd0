"""Which crisis card a sender is shown, and how a record names it: with its version (D-34, clinic.md 4.1)."""

from datetime import datetime

from etherapy.rules.crisis import CARDS, GENERIC, Card, card_for
from etherapy.rules.kinds.emergency import Emergency
from etherapy.rules.resolved import Rules
from etherapy.server.saying import region_of
from etherapy.store.threads import ThreadFacts


def card_of(facts: ThreadFacts, account: bytes, rules: Rules, at: datetime) -> Card:
    """The card of where a client says to be, else of the practice."""
    return card_for(region_of(facts, account, rules, at), rules.the(Emergency, at).region)


def card_recorded(named: str, shown: Card) -> str:
    """Such as `builtin-us/1`: the card that the sender's app named, else the one in the answer."""
    card = next((one for one in (*CARDS.values(), GENERIC) if one.card_id == named), shown)
    return f"{card.card_id}/{card.version}"
