"""Crisis cards: where a person finds help now, by country. The only place where such numbers stand.

None of these entries has been verified here: `verified_on` is null until somebody verifies it, and the
card says so
(D-34). The practice verifies them for the places in which its clients live.
"""

from datetime import date

import msgspec

REVIEW_AFTER_DAYS = 180
"""A verification older than this is stale."""


class Line(msgspec.Struct, frozen=True):
    """One way to reach help: its name and how it is reached."""

    name: str
    how: str


class Card(msgspec.Struct, frozen=True):
    """What to show to somebody in danger in one country or region."""

    card_id: str
    region: str
    """ISO 3166 country, `EU` for its common numbers, empty for the card that names no country."""
    lines: tuple[Line, ...]
    emergency: str
    """The emergency number; empty where none can be named."""
    version: int = 1
    verified_on: date | None = None
    """None: nobody has verified it yet, which the card must show."""


def _card(region: str, emergency: str, *lines: tuple[str, str]) -> Card:
    return Card(
        f"builtin-{region.lower() or 'generic'}", region, tuple(Line(*line) for line in lines), emergency
    )


_EU = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
    *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)

GENERIC = _card(
    "",
    "",
    ("Emergency", "call your local emergency number"),
    ("Crisis line", "find a line near you in a directory of crisis lines, or ask the practice"),
)
"""Shown where no region is known: it promises no number that might not exist there."""

CARDS: dict[str, Card] = {
    card.region: card
    for card in (
        _card(
            "US",
            "911",
            ("988 Suicide & Crisis Lifeline", "call, text or chat 988 (1-800-273-8255 still connects)"),
            ("Crisis Text Line", "text HOME to 741741"),
        ),
        _card("CA", "911", ("Suicide Crisis Helpline", "call or text 988")),
        _card(
            "GB",
            "999",
            ("Samaritans", "call 116 123"),
            ("Shout", "text 85258"),
            ("NHS", "call 111"),
        ),
        _card("IE", "112 or 999", ("Samaritans", "call 116 123"), ("Text line", "text 50808")),
        _card("EU", "112", ("Emotional support", "call 116 123, in many member states")),
        _card("DE", "112", ("TelefonSeelsorge", "call 0800 111 0 111 or 0800 111 0 222")),
        _card("FR", "15 or 112", ("National suicide prevention number", "call 3114")),
        _card("ES", "112", ("National suicide prevention line", "call 024")),
        _card("NL", "112", ("113 Suicide Prevention", "call 113 or 0800-0113")),
        _card("AU", "000", ("Lifeline", "call 13 11 14 or text 0477 13 11 14")),
        _card("NZ", "111", ("Need to talk", "call or text 1737")),
        _card("IN", "112", ("Tele-MANAS", "call 14416")),
        _card("JP", "119 or 110", ("Crisis line", "call 0120-783-556")),
        _card("KR", "119", ("Suicide prevention line", "call 109")),
        _card("BR", "192", ("CVV", "call 188")),
        _card("ZA", "112 or 10111", ("SADAG", "call 0800 567 567")),
    )
}


def card_for(*regions: str | None) -> Card:
    """The card of the first region for which there is one: where the client is now, then the practice's own.

    A country of the European Union without a card of its own gets the common one; else the generic card.
    """
    for region in regions:
        code = (region or "").upper()
        code = {"UK": "GB"}.get(code, code)
        if code in CARDS:
            return CARDS[code]
        if code in _EU:
            return CARDS["EU"]
        if code:
            return GENERIC  # a known place without a card: another country's numbers would mislead
    return GENERIC
