"""The practice's emergency text, and the region whose crisis card is shown unless the client is elsewhere."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller


class Emergency(Rule, frozen=True, kw_only=True, tag="emergency"):
    """What every held answer says about emergencies (G28, R-25); it can be worded, not switched off."""

    words = {"en": {"text": "In an emergency: {text}", "region": "Crisis card of the country {region}."}}

    text: Annotated[str, Meta(min_length=10, max_length=500)] = (
        "Messages are not for emergencies. In danger, call your local emergency number."
    )
    region: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")] = ""
    """ISO 3166 country of the practice; empty: the card that names no country."""

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "text", teller("text", text=self.text)
        if self.region:
            yield "region", teller("region", region=self.region)
