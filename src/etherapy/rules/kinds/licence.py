"""Licence: where the therapist is allowed to treat."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

Area = Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""ISO 3166: a country (`GB`) or a part of one (`US-NY`)."""


class Licence(Rule, frozen=True, kw_only=True, tag="licence"):
    """The places for which a therapist is licensed (R-25). No message is kept back for it.

    A client who is outside is a matter for the therapist: a task, never a refusal.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist"})
    words = {
        "en": {"areas": "Licensed for: {areas}."},
        "de": {"areas": "Zugelassen für: {areas}."},
    }

    areas: Annotated[tuple[Area, ...], Meta(max_length=300)] = ()
    """Empty: not said."""

    def __post_init__(self) -> None:
        if len(set(self.areas)) != len(self.areas):
            raise BadRule("areas", "an area is named twice", "name each once")

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.areas:
            yield "areas", teller("areas", areas=", ".join(self.areas))


def outside_licence(place: str, areas: tuple[str, ...]) -> bool:
    """Whether somebody at a place is outside all areas, as far as both are known.

    A country of which only parts are licensed counts as outside: the therapist has to ask which part.
    """
    if not place or not areas:
        return False
    return place not in areas and place[:2] not in areas
