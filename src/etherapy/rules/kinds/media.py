"""Media: pictures, sound and files, as far as they are agreed."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller

MediaType = Literal["image", "audio", "video", "document"]


class Media(Rule, frozen=True, kw_only=True, tag="media"):
    """What may be attached to messages (R-18).

    All of it is encrypted, so the server judges nothing of it: devices keep to these numbers, and say them
    before something is attached.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "none": "Nothing is attached to messages.",
            "types": "What can be attached: {types}.",
            "most_bytes": "One attachment has at most {bytes} bytes.",
            "most_seconds": "A recording lasts at most {seconds} seconds.",
            "per_week": "At most {n} attachments a week.",
            "expires": "Attachments are deleted from devices after {days}.",
            "image": "pictures",
            "audio": "sound recordings",
            "video": "video",
            "document": "documents",
        },
        "de": {
            "none": "An Nachrichten wird nichts angehängt.",
            "types": "Was angehängt werden kann: {types}.",
            "most_bytes": "Ein Anhang hat höchstens {bytes} Byte.",
            "most_seconds": "Höchstdauer einer Aufnahme in Sekunden: {seconds}.",
            "per_week": "Höchstzahl der Anhänge in einer Woche: {n}.",
            "expires": "Frist, nach der Anhänge von den Geräten gelöscht werden: {days}.",
            "image": "Bilder",
            "audio": "Tonaufnahmen",
            "video": "Video",
            "document": "Dokumente",
        },
    }

    enabled: bool | None = None
    """None: nothing is agreed, and apps offer what they can."""
    types: tuple[MediaType, ...] = ()
    """Empty: all that are there."""
    most_bytes: Annotated[int, Meta(ge=1, le=1_073_741_824)] | None = None
    most_seconds: Annotated[int, Meta(ge=1, le=36_000)] | None = None
    per_week: Annotated[int, Meta(ge=1, le=1000)] | None = None
    expires_days: Annotated[int, Meta(ge=1, le=3650)] | None = None

    def check(self) -> None:
        if self.enabled is not True and (self.types or self.most_bytes or self.most_seconds or self.per_week):
            raise BadRule("enabled", "limits without media", "set enabled to true, or leave the limits out")

    def allows(self, kind: MediaType, size: int, seconds: int = 0, sent_this_week: int = 0) -> bool:
        """Whether a device may attach one more of that kind, size and length."""
        if self.enabled is False or (self.types and kind not in self.types):
            return False
        limits = ((size, self.most_bytes), (seconds, self.most_seconds), (sent_this_week + 1, self.per_week))
        return all(most is None or n <= most for n, most in limits)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.enabled is False:
            yield "enabled", teller("none")
        if not self.enabled:
            return
        if self.types:
            yield "types", teller("types", types=teller.listed(map(teller, self.types)))
        if self.most_bytes is not None:
            yield "most_bytes", teller("most_bytes", bytes=str(self.most_bytes))
        if self.most_seconds is not None:
            yield "most_seconds", teller("most_seconds", seconds=str(self.most_seconds))
        if self.per_week is not None:
            yield "per_week", teller("per_week", n=str(self.per_week))
        if self.expires_days is not None:
            yield "expires_days", teller("expires", days=teller.count(self.expires_days, "day"))
