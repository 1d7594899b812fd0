"""Crisis cards: where a person finds help now, by country. The only place where such numbers stand.

No built-in entry has been verified by us: `verified_on` is null until an operator has called the numbers and
recorded it for the installation (D-34), and the card says which it is. What is not known of an entry, such as
its hours, is left out and never guessed.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

REVIEW_AFTER_DAYS = 180
"""A verification older than this is stale."""

Channel = Literal["call", "text", "chat", "relay"]


class Line(msgspec.Struct, frozen=True):
    """One way to reach help: its name and how it is reached."""

    name: str
    how: str
    channels: tuple[Channel, ...] = ("call",)
    audience: str = ""
    """Whom it is for, where that is not everybody."""
    languages: tuple[str, ...] = ()
    """Empty: not known."""
    hours: str = ""
    """Empty: not known."""


class Card(msgspec.Struct, frozen=True):
    """What to show to somebody in danger in one country or region."""

    card_id: str
    region: str
    """ISO 3166 country, `EU` for its common numbers, empty for the card that names no country."""
    lines: tuple[Line, ...]
    emergency: str
    """The emergency number; empty where none can be named."""
    version: int = 1
    """Grows when a number changes: what was verified before counts no longer."""
    source: str = ""
    """Where the entry is from; after a verification, what it was checked against."""
    review_after_days: int = REVIEW_AFTER_DAYS
    verified_on: date | None = None
    """None: nobody has verified it yet, which the card must show."""


class Check(msgspec.Struct, frozen=True):
    """That somebody verified a card: called its numbers, or compared them with a source that can be named."""

    region: str
    version: int
    """Of the card that was verified."""
    on: date
    by: str
    source: str


_SOURCES: Final = {
    "988": "public notices of the 988 launch, July 2022 and November 2023",
    "text": "the services' own public pages",
    "listed": "general knowledge, to be verified before use",
}


def _card(region: str, emergency: str, source: str, *lines: Line) -> Card:
    return Card(f"builtin-{region.lower() or 'generic'}", region, lines, emergency, source=_SOURCES[source])


_EU = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)

GENERIC: Final = _card(
    "",
    "",
    "listed",
    Line("Emergency", "call your local emergency number"),
    Line("Crisis line", "find a line near you in a directory of crisis lines, or ask the practice"),
)
"""Shown where no region is known: it promises no number that might not exist there."""

CARDS: Final[dict[str, Card]] = {
    card.region: card
    for card in (
        _card(
            "US",
            "911",
            "988",
            Line(
                "988 Suicide & Crisis Lifeline",
                "call, text or chat 988 (1-800-273-8255 still connects)",
                ("call", "text", "chat"),
            ),
            Line("Crisis Text Line", "text HOME to 741741", ("text",)),
        ),
        _card("CA", "911", "988", Line("Suicide Crisis Helpline", "call or text 988", ("call", "text"))),
        _card(
            "GB",
            "999",
            "text",
            Line("Samaritans", "call 116 123"),
            Line("Shout", "text 85258", ("text",)),
            Line("NHS", "call 111"),
        ),
        _card(
            "IE",
            "112 or 999",
            "text",
            Line("Samaritans", "call 116 123"),
            Line("Text line", "text 50808", ("text",)),
        ),
        _card("EU", "112", "listed", Line("Emotional support", "call 116 123, in many member states")),
        _card("DE", "112", "listed", Line("TelefonSeelsorge", "call 0800 111 0 111 or 0800 111 0 222")),
        _card("FR", "15 or 112", "listed", Line("National suicide prevention number", "call 3114")),
        _card("ES", "112", "listed", Line("National suicide prevention line", "call 024")),
        _card("NL", "112", "listed", Line("113 Suicide Prevention", "call 113 or 0800-0113")),
        _card(
            "AU",
            "000",
            "listed",
            Line("Lifeline", "call 13 11 14 or text 0477 13 11 14", ("call", "text")),
        ),
        _card("NZ", "111", "listed", Line("Need to talk", "call or text 1737", ("call", "text"))),
        _card("IN", "112", "listed", Line("Tele-MANAS", "call 14416")),
        _card("JP", "119 or 110", "listed", Line("Crisis line", "call 0120-783-556")),
        _card("KR", "119", "listed", Line("Suicide prevention line", "call 109")),
        _card("BR", "192", "listed", Line("CVV", "call 188")),
        _card("ZA", "112 or 10111", "listed", Line("SADAG", "call 0800 567 567")),
    )
}

_checks: dict[str, Check] = {}
"""What the installation of this process has verified, by region. Decisions do not depend on it."""


def adopt(checks: Iterable[Check]) -> None:
    """Show cards as verified from now on by these checks, and by none that were adopted before."""
    found = _newest(checks)
    _checks.clear()
    _checks.update(found)


def checked_cards(checks: Iterable[Check]) -> tuple[Card, ...]:
    """All cards with a country, as these checks make them."""
    found = _newest(checks)
    return tuple(_shown(card, found) for card in CARDS.values())


def _newest(checks: Iterable[Check]) -> dict[str, Check]:
    """The newest check of each card; one of an earlier version of its numbers counts for nothing."""
    counting = (c for c in checks if c.region in CARDS and c.version == CARDS[c.region].version)
    return {check.region: check for check in sorted(counting, key=lambda check: check.on)}


def trusted(card: Card) -> Card:
    """A card from elsewhere as far as its numbers are the built-in ones, with what was verified of them; else
    the built-in one: nobody on the way slips in another number."""
    own = _built_in(card.region)
    return card if replace(card, verified_on=None, source=own.source) == own else own


def stale(card: Card, today: date) -> bool:
    """Whether a card needs verifying: it never was, or that was too long ago."""
    return card.verified_on is None or (today - card.verified_on).days > card.review_after_days


def card_for(*regions: str | None) -> Card:
    """The card of the first region that is known: where the client is now, then the practice's own.

    A country of the European Union without a card of its own gets the common one; else the generic card.
    """
    return _shown(_built_in(next((region for region in regions if region), "")), _checks)


def _built_in(region: str) -> Card:
    code = region.upper()
    code = {"UK": "GB"}.get(code, code)
    if code in CARDS:
        return CARDS[code]
    # a known place without a card gets no other country's numbers, which would mislead
    return CARDS["EU"] if code in _EU else GENERIC


def _shown(card: Card, checks: Mapping[str, Check]) -> Card:
    """The card with the check that was made of it, if any."""
    check = checks.get(card.region)
    return card if check is None else replace(card, verified_on=check.on, source=check.source)
