"""Region: where a client says to be, for the crisis card and for nothing else without their knowledge."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

CONFIRM_AFTER_DAYS = 90
"""A declared place older than this is asked for again (clinic.md 4.1)."""


class Region(Rule, frozen=True, kw_only=True, tag="region"):
    """Where a client is (R-25): it chooses the crisis card and holidays that are hints only.

    The client declares it alone; "I am somewhere else" is a declaration like any other, and a card of
    another place can be asked for without one.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"client"})
    in_sheet: ClassVar[bool] = False
    words = {
        "en": {
            "country": "Crisis cards are those of {place}.",
            "zone": "Times are also shown as in {zone}.",
            "confirmed": "Said on {date}.",
        },
        "de": {
            "country": "Krisenkarten sind die von {place}.",
            "zone": "Zeiten werden auch so gezeigt wie in {zone}.",
            "confirmed": "Angegeben am {date}.",
        },
    }

    country: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")] = ""
    """ISO 3166 country; empty: not declared."""
    area: Annotated[str, Meta(pattern=r"^([A-Z]{2}-[A-Z0-9]{1,3})?$")] = ""
    """ISO 3166-2 part of it, such as `US-NY`, where licences depend on it."""
    zone: str = ""
    """Where their clock is; empty: what the device says."""
    confirmed_on: date | None = None

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)
        if self.area and self.area[:2] != self.country:
            raise BadRule(
                "area", f"{self.area} is no part of {self.country or 'no country'}", "name both alike"
            )

    @property
    def narrowest(self) -> str:
        """What is known of the place, as narrow as it was declared: a part of a country, or the country."""
        return self.area or self.country

    def needs_confirming(self, today: date) -> bool:
        """Whether to ask again, or for the first time, where the client is."""
        return self.confirmed_on is None or (today - self.confirmed_on).days > CONFIRM_AFTER_DAYS

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.country:
            yield "country", teller("country", place=self.narrowest)
        if self.zone:
            yield "zone", teller("zone", zone=self.zone)
        if self.confirmed_on is not None:
            yield "confirmed_on", teller("confirmed", date=teller.date(self.confirmed_on))
