"""The practice's emergency text, and the region whose crisis card is shown unless the client is elsewhere."""

from typing import Annotated

from msgspec import Meta

from etherapy.rules.rule import Rule


class Emergency(Rule, frozen=True, kw_only=True, tag="emergency"):
    """What every held answer says about emergencies (G28, R-25); it can be worded, not switched off."""

    text: Annotated[str, Meta(min_length=10, max_length=500)] = (
        "Messages are not for emergencies. In danger, call your local emergency number."
    )
    region: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")] = ""
    """ISO 3166 country of the practice; empty: the card that names no country."""
