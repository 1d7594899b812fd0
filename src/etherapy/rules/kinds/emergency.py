"""The practice's emergency text, and the region whose crisis card is shown unless the client is elsewhere."""

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta

from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

_ENGLISH: Final = "Messages are not for emergencies. In danger, call your local emergency number."


class Emergency(Rule, frozen=True, kw_only=True, tag="emergency"):
    """What every held answer says about emergencies (G28, R-25); it can be worded, not switched off."""

    words = {
        "en": {
            "text": "In an emergency: {text}",
            "region": "Crisis card of the country {region}, unless the client says to be elsewhere.",
            "default": _ENGLISH,
        },
        "de": {
            "text": "Im Notfall: {text}",
            "region": "Krisenkarte des Landes {region}, außer es wird ein anderer Ort angegeben.",
            "default": "Nachrichten sind nicht für Notfälle da. Rufen Sie bei Gefahr die Notrufnummer an.",
        },
    }

    text: Annotated[str, Meta(min_length=10, max_length=500)] = _ENGLISH
    region: Annotated[str, Meta(pattern=r"^([A-Z]{2})?$")] = ""
    """ISO 3166 country of the practice; empty: the card that names no country."""

    def text_in(self, language: str) -> str:
        """The text: the practice's own as it was written, the product's in the reader's language."""
        words = type(self).words.get(language)
        return self.text if words is None or self.text != _ENGLISH else words["default"]

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "text", teller("text", text=self.text_in(teller.words.language))
        if self.region:
            yield "region", teller("region", region=self.region)
