"""Crisis cards for whoever asks, with or without a session: help is not behind a login."""

from typing import Annotated

from msgspec import Meta, Struct

from etherapy.rules.crisis import Card


class CrisisCardQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where somebody says to be: an ISO 3166 country; empty: the card that names none."""

    region: Annotated[str, Meta(pattern=r"^([A-Za-z]{2})?$")] = ""
    language: Annotated[str, Meta(max_length=35)] = "en"
    """Of the words around the numbers; English where it is not known."""


class CrisisCard(Struct, frozen=True):
    """A card, and its lines as they are to be shown: the last says when somebody checked the numbers."""

    card: Card
    lines: tuple[str, ...]
